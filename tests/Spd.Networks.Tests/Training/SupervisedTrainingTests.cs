using Spd.Engine;
using Spd.Engine.Operations;
using Spd.Engine.Optimisation;
using Spd.Networks.Data;
using Spd.Networks.Targets;
using Spd.Networks.Training;

namespace Spd.Networks.Tests.Training;

public sealed class SupervisedTrainingTests
{
    private static readonly SparseFeatures Data = new(5, 0.05);

    [Fact]
    public void TmsFiveTwoLearnsAllItsFeatures()
    {
        var network = new Tms(new TmsModelConfig());
        network.Initialise(seed: 0);
        double first = 0;
        double last = Train(network, threads: 2, steps: 4000, batch: 512, (step, loss) => first = step == 0 ? loss : first);
        using var backend = TestBackend.Create();
        Assert.All(network.RepresentedFeatures(backend), Assert.True);
        Assert.InRange(last, 0, 0.3 * first);
    }

    [Fact]
    public void TheNumberOfThreadsChangesNoBit()
    {
        var results = new[] { 1, 2, 3, 8 }.Select(threads =>
        {
            var network = new Tms(new TmsModelConfig { NHiddenLayers = 1 });
            network.Initialise(seed: 5);
            double loss = Train(network, threads, steps: 50, batch: 1000);
            return network.NamedParameters().SelectMany(entry => entry.Parameter.Values.ToArray()).Select(value => (double)value).Append(loss).ToArray();
        }).ToList();
        Assert.All(results, result => Assert.Equal(results[0], result));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void FixedHiddenLayersStayAsTheyAreWhileTheOthersTrain(bool identity)
    {
        var network = new Tms(new TmsModelConfig { NHiddenLayers = 2, FixedIdentityHiddenLayers = identity, FixedRandomHiddenLayers = !identity });
        network.Initialise(seed: 1);
        float[][] fixedBefore = [.. network.HiddenLayers.Select(layer => layer.EffectiveWeight())];
        float[] before = network.Linear1.EffectiveWeight();
        Train(network, threads: 1, steps: 20, batch: 64);
        Assert.Equal(fixedBefore, network.HiddenLayers.Select(layer => layer.EffectiveWeight()));
        if (identity) Assert.All(network.HiddenLayers, layer => Assert.Equal([1f, 0, 0, 1], layer.EffectiveWeight()));
        Assert.NotEqual(before, network.Linear1.EffectiveWeight());
    }

    [Fact]
    public void TheFirstStepIsAnAdamStepOfTheScheduledSize()
    {
        var network = new Linear(1, 1, bias: false);
        network.Weight.Values[0] = 2;
        // Loss (x − 2x)²: the gradient is positive, so Adam's first step is −lr · factor whatever its size, after decay.
        using var backend = TestBackend.Create(1);
        SupervisedTraining.TrainOnLabels(
            network, new SparseFeatures(1, 1, low: 1, high: 2), (_, x) => x,
            new TrainingOptions { Steps = 1, BatchSize = 8, LearningRate = 0.1, WeightDecay = 0.5, Schedule = new(ScheduleShape.Constant) },
            backend, cancellation: TestContext.Current.CancellationToken);
        Assert.Equal(2 * (1 - 0.05) - 0.1, network.Weight.Values[0], 1e-5);
    }

    [Fact]
    public void GradientsAreCutAndMomentsDecayAsTheOptionsSay()
    {
        float[] Trained(TrainingOptions options)
        {
            var network = new Linear(2, 2);
            network.Initialise(new RandomSequence(3, NetworkStreams.Initialisation));
            using var backend = TestBackend.Create(1);
            SupervisedTraining.TrainOnLabels(network, new SparseFeatures(2, 1), (_, x) => x, options, backend, cancellation: TestContext.Current.CancellationToken);
            return [.. network.Weight.Values, .. network.Bias!.Values];
        }

        var plain = new TrainingOptions { Steps = 3, BatchSize = 16, LearningRate = 0.01, WeightDecay = 0.5 };
        float[] trained = Trained(plain);
        Assert.Equal(trained, Trained(plain with { ClipNorm = 1e9 }));
        // Adam divides by the gradient's size, so that only one that is cut to nothing beside ε steps less far.
        float[] cut = Trained(plain with { ClipNorm = 1e-9, WeightDecay = 0 }), start = Trained(plain with { LearningRate = 1e-9 });
        Assert.All(cut.Zip(start), pair => Assert.Equal(pair.Second, pair.First, 3e-3));
        Assert.Contains(trained.Zip(start), pair => Math.Abs(pair.First - pair.Second) > 0.02);
        Assert.NotEqual(trained, Trained(plain with { Beta1 = 0.5 }));
        Assert.NotEqual(trained, Trained(plain with { Beta2 = 0.5 }));
        float[] undecayed = Trained(plain with { DecaysVectors = false });
        Assert.NotEqual(trained[4..], undecayed[4..]);
        foreach (var bad in new[] { plain with { ClipNorm = 0 }, plain with { Beta1 = 1.5 }, plain with { LearningRate = 0 } })
            Assert.Contains("but it must be", Assert.Throws<ArgumentException>(() => Trained(bad)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void CancellationStopsBetweenSteps()
    {
        var network = new Tms(new TmsModelConfig());
        network.Initialise(seed: 0);
        using var backend = TestBackend.Create(1);
        using var source = new CancellationTokenSource();
        int steps = 0;
        Assert.Throws<OperationCanceledException>(() => SupervisedTraining.TrainOnLabels(
            network, Data, (_, x) => x, new TrainingOptions { Steps = 100, BatchSize = 32 }, backend,
            (step, _) =>
            {
                steps++;
                if (step == 9) source.Cancel();
            },
            cancellation: source.Token));
        Assert.Equal(10, steps);
    }

    private static double Train(Tms network, int threads, int steps, int batch, Action<int, double>? onStep = null)
    {
        using var backend = TestBackend.Create(threads);
        return SupervisedTraining.TrainOnLabels(
            network, Data, (graph, x) => graph.Add(new Absolute(x)), new TrainingOptions { Steps = steps, BatchSize = batch }, backend, onStep,
            cancellation: TestContext.Current.CancellationToken);
    }
}
