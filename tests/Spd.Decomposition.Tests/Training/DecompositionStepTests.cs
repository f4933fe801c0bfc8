using Spd.Engine.Graphs;
using Spd.Engine.Operations;
using Spd.Engine.Planning;
using Spd.Networks.Data;
using Spd.Networks.Targets;
using Spd.Tests;

namespace Spd.Decomposition.Tests.Training;

public sealed class DecompositionStepTests
{
    private static readonly SparseFeatures Data = new(5, 0.1);

    private static readonly DecompositionOptions Options = new()
    {
        C = 20,
        NCiMlpNeurons = 16,
        BatchSize = 1000,
        Steps = 200,
        LrSchedule = Spd.Engine.Optimisation.ScheduleShape.Cosine,
        TargetModulePatterns = ["linear*"],
    };

    [Fact]
    public void TheNumberOfThreadsChangesNoBitIn200Steps()
    {
        // The scalar twin takes too long for all of them.
        int steps = TestBackend.IsScalar ? 12 : 200;
        var results = new[] { 1, 2, 3, 8 }.Select(threads =>
        {
            using var backend = TestBackend.Create(threads);
            using var decomposer = new Decomposer(Given.Tms(), Data, Options with { Steps = steps }, backend);
            float[] before = Parameters(decomposer.Components);
            decomposer.Train();
            Assert.Equal(steps, decomposer.StepsTaken);
            float[] after = Parameters(decomposer.Components);
            Assert.All(after, value => Assert.True(float.IsFinite(value)));
            Assert.True(before.Zip(after).Count(pair => pair.First != pair.Second) > before.Length / 2);
            return after.Select(BitConverter.SingleToInt32Bits).ToArray();
        }).ToList();
        Assert.All(results, result => Assert.Equal(results[0], result));
    }

    [Fact]
    public void AStepsRandomNumbersDependOnItsNumberAlone()
    {
        var options = Options with { C = 4, NCiMlpNeurons = 0, BatchSize = 300, Lr = double.Epsilon };
        var model = ComponentModel.Create(Given.Tms(), ["linear*"], 4, 0, seed: 1);
        using var backend = TestBackend.Create();
        var one = new DecompositionStep(model, Data, options, backend);
        var other = new DecompositionStep(model, Data, options, backend);
        double[] losses = [.. Enumerable.Range(0, 6).Select(step => one.Run(step).TotalLoss)];
        Assert.Equal(6, losses.Distinct().Count());
        foreach (int step in new[] { 5, 2, 5, 0 }) Assert.Equal(losses[step], other.Run(step).TotalLoss);
        var reseeded = new DecompositionStep(model, Data, options with { Seed = 1 }, backend);
        Assert.NotEqual(losses[0], reseeded.Run(0).TotalLoss);
    }

    [Fact]
    public void TrainingThatIsStoppedGoesOnAsIfItHadNotBeen()
    {
        var options = Options with { C = 4, NCiMlpNeurons = 2, BatchSize = 200, Steps = 12 };
        using var backend = TestBackend.Create(1);
        using var whole = new Decomposer(Given.Tms(), Data, options, backend);
        whole.Train(cancellation: TestContext.Current.CancellationToken);
        using var parts = new Decomposer(Given.Tms(), Data, options, backend);
        using var source = new CancellationTokenSource();
        parts.Train(step => { if (step.StepsTaken == 5) source.Cancel(); }, source.Token);
        Assert.Equal(5, parts.StepsTaken);
        parts.Train(cancellation: TestContext.Current.CancellationToken);
        Assert.Equal(12, parts.StepsTaken);
        Assert.Equal(Parameters(whole.Components), Parameters(parts.Components));
        parts.Train(cancellation: TestContext.Current.CancellationToken);
        Assert.Equal(12, parts.StepsTaken);
    }

    [Fact]
    public void ATrainingIsItsStepsOneByOne()
    {
        var options = Options with { C = 4, NCiMlpNeurons = 2, BatchSize = 200, Steps = 7 };
        using var trained = new Decomposer(Given.Tms(), Data, options, TestBackend.Create(2));
        var told = new List<StepResult>();
        trained.Train(told.Add, TestContext.Current.CancellationToken);
        using var stepped = new Decomposer(Given.Tms(), Data, options, TestBackend.Create(1));
        for (int i = 0; i < options.Steps; i++)
        {
            var result = stepped.Step();
            Assert.Equal((i, i + 1, i + 1), (result.Step, result.StepsTaken, stepped.StepsTaken));
            Assert.Equal(told[i].Losses, result.Losses);
            Assert.Equal((told[i].TotalLoss, told[i].LearningRate), (result.TotalLoss, result.LearningRate));
        }

        Assert.Equal(options.Steps, told.Count);
        Assert.Equal(Parameters(trained.Components), Parameters(stepped.Components));
        float[] end = Parameters(stepped.Components);
        Assert.Equal("all 7 steps that the options allow (Steps) have been taken", Assert.Throws<InvalidOperationException>(() => stepped.Step()).Message);
        Assert.Equal(7, stepped.StepsTaken);
        Assert.Equal(end, Parameters(stepped.Components));
    }

    [Fact]
    public void AResultStaysThatOfItsStep()
    {
        var options = Options with { C = 4, NCiMlpNeurons = 2, BatchSize = 200, Steps = 3, FaithfulnessCoeff = 0.5, OutReconCoeff = 2, ImportanceMinimalityCoeff = 0.003 };
        using var decomposer = new Decomposer(Given.Tms(), Data, options, TestBackend.Create(1));
        var first = decomposer.Step();
        (string Name, double Value)[] losses = [.. first.Losses];
        var second = decomposer.Step();
        Assert.Equal(losses, first.Losses);
        Assert.NotEqual(first.TotalLoss, second.TotalLoss);
        Assert.Equal(losses.Select(loss => loss.Name), second.Losses.Select(loss => loss.Name));
        Assert.All(losses, loss => Assert.Equal(loss.Value, first.Loss(loss.Name)));
        Assert.Equal(
            0.5 * first.Loss(LossNames.Faithfulness) + first.Loss(LossNames.StochasticRecon) + first.Loss(LossNames.StochasticReconLayerwise)
            + 2 * first.Loss(LossNames.OutRecon) + 0.003 * first.Loss(LossNames.ImportanceMinimality), first.TotalLoss, 1e-9);
        Assert.Equal(options.Lr * options.Schedule.Factor(1, 3), second.LearningRate);
        Assert.Equal(
            $"the objective has no loss 'recon', only {string.Join(", ", losses.Select(loss => loss.Name))} (Parameter 'name')",
            Assert.Throws<ArgumentException>(() => first.Loss("recon")).Message);
    }

    [Fact]
    public void WhatTheTargetComputedIsNotComputedAgain()
    {
        using var backend = TestBackend.Create(1);
        var model = ComponentModel.Create(Given.Tms(new TmsModelConfig { TiedWeights = false }), ["linear*"], 4, 2, seed: 1);
        var step = new DecompositionStep(model, Data, Options with { C = 4, NCiMlpNeurons = 2, BatchSize = 40 }, backend);
        var products = PanelOperations<MatMul>(backend.Compile(step.Objective, 40).Plan);
        // Target: W1 x, W2 a. Inner: V1 x, V2 a. All masked: U1, V2, U2. linear1 alone: U1, W2. linear2 alone: U2.
        Assert.Equal(10, products.Count);
        var target = step.Target;
        Assert.Equal(2, products.Count(product => product.X == target.Input));
        Assert.Equal(2, products.Count(product => product.X == target.Sites[1].Input));
        Assert.Contains(target.Sites[0].Inner.Source, products);

        // Backward a product with the transpose for each of the last six, which masks are upstream of, and an outer product for each that reads V or U:
        // V1, V2 twice, U1 and U2 twice each.
        var plan = step.Program.Plan;
        Assert.Equal(10 + 6, PanelOperations<MatMul>(plan).Count);
        Assert.Equal(7, PanelOperations<Outer>(plan).Count);

        // Nothing of the frozen target has a gradient that is computed; what depends on V, U or a gate has.
        Value[] frozen = [.. new[] { target.Input, target.TargetOutput, target.Sites[0].Input, target.Sites[1].Input }.Distinct()];
        Value[] trained = [.. target.Sites.SelectMany(site => new[] { site.Inner, site.GateOutput, site.Importance, site.PenalisedImportance })];
        Assert.Equal((3, 8), (frozen.Length, trained.Length));
        var seeds = step.Objective.Terms.Select(term => (term.Loss, step.Graph.Scale(step.Graph.Number(term.Coefficient), term.Weight))).ToList();
        var gradients = Derivative.Of(step.Graph, seeds, [.. frozen, .. trained]);
        Assert.All(frozen, value => Assert.Null(plan.Find(gradients[value]!)));
        Assert.All(trained, value => Assert.NotNull(plan.Find(gradients[value]!)));
    }

    [Fact]
    public void EverySampleAndPurposeDrawsMasksOfItsOwnAndInnerActivationsAreShared()
    {
        using var backend = TestBackend.Create(1);
        var model = ComponentModel.Create(Given.Chain(4, 3, 2), ["linear*"], 5, 0, seed: 1);
        var step = new DecompositionStep(
            model, new SparseFeatures(4, 0.5), Options with { C = 5, NCiMlpNeurons = 0, NMaskSamples = 3, BatchSize = 40 }, backend);
        var plan = backend.Compile(step.Objective, 40).Plan;
        // S samples of two purposes and two sites, and the data's two.
        Assert.Equal(3 * 2 * 2 + 2, PanelOperations<Uniform>(plan).Count);
        // Target 2, inner 2; a sample: U0, V1, U1 with all sites, U0, W1 with site 0 alone, U1 with site 1 alone.
        Assert.Equal(4 + 3 * 6, PanelOperations<MatMul>(plan).Count);
        Assert.Equal(3 + 3 * 2, PanelOperations<SquaredError>(plan).Count);
    }

    [Fact]
    public void StochasticMasksLieBetweenTheImportanceAndOneWithTheRightMean()
    {
        const int Rows = 5000;
        var model = ComponentModel.Create(Given.Chain(3, 2), ["*"], 3, 0, seed: 1);
        var gate = model.Sites[0].Gate;
        gate.Weight!.Values.Clear();
        new[] { 0.25f, 2, -3 }.CopyTo(gate.Bias!.Values);
        var graph = new Graph();
        var target = CausalImportance.Build(graph, model, new SparseFeatures(3, 0.5).Build(graph));
        var masks = Enumerable.Range(0, 2).Select(sample => Masks.Stochastic(DecompositionStreams.Masks)(graph, target.Sites[0], sample)!.Components!).ToList();
        using var backend = TestBackend.Create();
        var program = backend.Compile(new Objective(graph), Rows, keep: masks);
        program.Run(0, 0);
        float[][] values = [.. masks.Select(program.Read)];
        foreach (float[] mask in values)
        {
            foreach (var (c, g) in new[] { (0, 0.25), (1, 1.0), (2, -0.03) })
            {
                float[] column = [.. mask.Where((_, i) => i % 3 == c)];
                Assert.All(column, m => Assert.InRange(m, g - 1e-6, 1 + 1e-6));
                Assert.Equal((1 + g) / 2, column.Average(m => (double)m), 5 * (1 - g) / Math.Sqrt(12.0 * Rows) + 1e-6);
                Assert.Equal((1 - g) * (1 - g) / 12, column.Average(m => Math.Pow(m - (1 + g) / 2, 2)), 0.01);
            }
        }

        Assert.InRange(values[0].Zip(values[1]).Count(pair => pair.First == pair.Second), Rows, Rows + 20);
    }

    [Theory]
    [InlineData("gate.out_bias", LossNames.StochasticRecon)]
    [InlineData("linear2.V", LossNames.Faithfulness)]
    public void ALossThatIsNoNumberStopsTheTrainingWithTheParametersAsBefore(string poisoned, string term)
    {
        var model = ComponentModel.Create(Given.Tms(), ["linear*"], 4, 2, seed: 1);
        using var backend = TestBackend.Create();
        var step = new DecompositionStep(model, Data, Options with { C = 4, NCiMlpNeurons = 2, BatchSize = 300 }, backend);
        step.Run(0);
        model.Parameters.Parameters.First(parameter => parameter.Name.Contains(poisoned, StringComparison.Ordinal)).Values[1] = float.NaN;
        float[] before = Parameters(model);
        var exception = Assert.Throws<NonFiniteLossException>(() => step.Run(7));
        Assert.Equal((7, term), (exception.Step, exception.Term));
        Assert.StartsWith($"the loss '{term}' became NaN at step 7; training stopped there.", exception.Message, StringComparison.Ordinal);
        Assert.Equal(before, Parameters(model));
    }

    [Fact]
    public void TheTargetIsNotChanged()
    {
        var network = Given.Tms();
        float[] before = [.. network.NamedParameters().SelectMany(entry => entry.Parameter.Values.ToArray())];
        using var backend = TestBackend.Create(1);
        using var decomposer = new Decomposer(network, Data, Options with { C = 4, NCiMlpNeurons = 0, BatchSize = 64, Steps = 5 }, backend);
        decomposer.Train(cancellation: TestContext.Current.CancellationToken);
        Assert.Equal(before, network.NamedParameters().SelectMany(entry => entry.Parameter.Values.ToArray()));
    }

    private static List<TOperation> PanelOperations<TOperation>(Plan plan) =>
        [.. plan.Phases.Where(phase => phase.IsPanels).SelectMany(phase => phase.Operations).Select(planned => planned.Operation).OfType<TOperation>()];

    private static float[] Parameters(ComponentModel model) => [.. model.Parameters.Parameters.SelectMany(parameter => parameter.Values.ToArray())];
}
