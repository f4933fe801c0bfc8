using Spd.Engine.Cpu;
using Spd.Engine.Execution;
using Spd.Networks.Data;
using Spd.Tests;

namespace Spd.Decomposition.Tests.Successor;

/// <summary>A training with adversaries, moving averages and two groups: same bits on any number of threads, and from where it was left.</summary>
public sealed class SuccessorTrainingTests
{
    private const int Steps = 8;

    private static readonly DecompositionOptions Options = new()
    {
        TargetModulePatterns = ["linear1", "linear2"],
        C = 7,
        Steps = Steps,
        // Several panels, the last of them not full.
        BatchSize = 700,
        UseDeltaComponent = true,
        ComponentStart = ComponentStart.Random,
        IsUntied = true,
        Importances = new ImportanceOptions { Kind = ImportanceKind.SharedMlp, HiddenDims = [9] },
        GradClipNormComponents = 0.5,
        GradClipNormCiFns = 0.5,
        FaithfulnessWarmupSteps = 3,
        LossTerms =
        [
            new FaithfulnessLoss { IsRelative = true },
            new SmoothImportanceLoss { Coeff = 1e-3, FrequencyCoeff = 1e-3, FrequencyHalflife = 4 },
            new PersistentPgdReconLoss { AdvFraction = 0.5, Scope = SourceScope.Row, Routing = new UniformSubset() },
            new PersistentPgdReconLoss { Name = "routed", Scope = SourceScope.Single, Routing = new StaticProbability(0.7), RoutesAscents = true, NWarmupSteps = 3 },
            new PgdReconLoss { NSteps = 2, StepSize = 0.3 },
        ],
    };

    [Theory]
    [InlineData(2)]
    [InlineData(5)]
    public void ItHasTheSameBitsOnAnyNumberOfThreads(int threads) => Assert.Equal(StateAfter(1, Steps), StateAfter(threads, Steps));

    [Fact]
    public void ItGoesOnFromItsStateToTheBit()
    {
        using var backend = TestBackend.Create();
        using var first = New(backend);
        for (int step = 0; step < 3; step++) first.Step();
        using var second = New(backend);
        foreach (var (from, to) in first.State.Values.Zip(second.State.Values))
        {
            Assert.Equal(from.Name, to.Name);
            from.Values.CopyTo(to.Values);
        }

        second.Resume(3, 0);
        while (second.StepsTaken < Steps) second.Step();
        Assert.Equal(StateAfter(TestBackend.Create().Threads, Steps), All(second));
        string[] names = [.. first.State.Values.Select(entry => entry.Name)];
        Assert.Equal(names.Length, names.Distinct().Count());
        Assert.Contains(names, name => name.EndsWith("merged_persistent_pgd_recon.linear1.delta_source.second_moment", StringComparison.Ordinal));
        Assert.Contains("linear1.mean_frequency", names);
        // What every step begins anew is no state.
        Assert.DoesNotContain(names, name => name.Contains("0000.pgd_recon", StringComparison.Ordinal));
    }

    [Fact]
    public void AscentsWithRoutesDrawThemAnew()
    {
        using var backend = TestBackend.Create();
        using var training = New(backend);
        training.Step();
        var step = (DecompositionStep)typeof(Decomposer).GetProperty("NextStep", System.Reflection.BindingFlags.Instance | System.Reflection.BindingFlags.NonPublic)!.GetValue(training)!;
        var routed = step.Adversaries.Single(adversary => adversary.Ascents == 3);
        // Sources barely move in an ascent of rate 0.01; what the losses differ by is the lanes that are routed.
        Assert.Equal(3, routed.AscentLosses.Distinct().Count());
        Assert.Contains(routed.AscentProgram.Plan.Phases.SelectMany(phase => phase.Operations), operation => operation.Operation is Engine.Operations.Uniform);
    }

    [Fact]
    public void WarmingUpMakesItFaithful()
    {
        using var backend = TestBackend.Create();
        double ErrorAfter(int warmup)
        {
            using var training = new Decomposer(Given.Tms(), new SparseFeatures(5, 0.3), Options with { FaithfulnessWarmupSteps = warmup, FaithfulnessWarmupLr = 0.02 }, backend);
            return training.Step().Loss("faithfulness");
        }

        Assert.True(ErrorAfter(100) < 0.01 * ErrorAfter(0));
    }

    private static float[] StateAfter(int threads, int steps)
    {
        using var backend = new CpuBackend(threads, TestBackend.KernelName);
        using var training = New(backend);
        while (training.StepsTaken < steps) training.Step();
        return All(training);
    }

    private static Decomposer New(Backend backend) => new(Given.Tms(), new SparseFeatures(5, 0.3), Options, backend);

    private static float[] All(Decomposer training) => [.. training.State.Values.SelectMany(entry => entry.Values.ToArray())];
}
