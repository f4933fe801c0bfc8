using Spd.Decomposition;
using Spd.Engine.Optimisation;

namespace Spd.Runs.Tests;

/// <summary>The paper's first result, in a short run: the mechanisms of the Toy Model of Superposition are the columns of its matrix.</summary>
public sealed class HeadlineTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void EachFeatureOfTheToyModelGetsASubcomponentOfItsOwn()
    {
        var shipped = (ExperimentConfig)ExperimentCatalog.BesideProgram().Load("tms_5-2").Config;
        TrainedTarget target;
        using (var backend = TestBackend.Create(2))
            target = new TargetProvider(new TargetCache(_folder["cache"]), backend, new SilentObserver()).Provide(shipped.Target, CancellationToken.None);

        // The shipped options with a fortieth of their examples. Seeds 1 to 9 all end like these two.
        foreach (ulong seed in new ulong[] { 1, 2 })
        {
            var options = shipped.Decomposition with { Seed = seed, Steps = 16_000, BatchSize = 256, Lr = 2e-3, LrSchedule = ScheduleShape.Cosine };
            using var decomposer = new Decomposer(target.Network, shipped.Target.Kind.Data(shipped.Target, shipped.Task).Training, options, TestBackend.Create(2));
            decomposer.Train(cancellation: TestContext.Current.CancellationToken);

            var site = decomposer.Components.Sites.Single(candidate => candidate.Name == "linear1");
            var match = ColumnMatch.Of(site);
            Assert.Equal(5, Significance.Of(site).Count);
            Assert.True(match.IsOneToOne);
            Assert.InRange(match.Mmcs, 0.99, 1.000001);
            Assert.InRange(match.Ml2r, 0.9, 1.1);
        }
    }

    private sealed class SilentObserver : IRunObserver
    {
        public void Note(string sentence)
        {
        }

        public void TargetStep(int step, int steps, double loss)
        {
        }

        public void Progress(RunProgress progress)
        {
        }
    }
}
