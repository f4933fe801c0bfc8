using Spd.Engine;
using Spd.Engine.Execution;
using Spd.Engine.Kernels;
using Spd.Engine.Operations;
using Spd.Networks.Data;
using Spd.Networks.Targets;

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
        int steps = KernelSet.Default().Name == "scalar" ? 12 : 200;
        var results = new[] { 1, 2, 3, 8 }.Select(threads =>
        {
            using var decomposer = new Decomposer(Given.Tms(), Data, Options with { Steps = steps }, threads);
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
        using var pool = new WorkerPool(2);
        var one = new DecompositionStep(model, Data, options, pool);
        var other = new DecompositionStep(model, Data, options, pool);
        double[] losses = [.. Enumerable.Range(0, 6).Select(step => one.Run(step).TotalLoss)];
        Assert.Equal(6, losses.Distinct().Count());
        foreach (int step in new[] { 5, 2, 5, 0 }) Assert.Equal(losses[step], other.Run(step).TotalLoss);
        var reseeded = new DecompositionStep(model, Data, options with { Seed = 1 }, pool);
        Assert.NotEqual(losses[0], reseeded.Run(0).TotalLoss);
    }

    [Fact]
    public void TrainingThatIsStoppedGoesOnAsIfItHadNotBeen()
    {
        var options = Options with { C = 4, NCiMlpNeurons = 2, BatchSize = 200, Steps = 12 };
        using var whole = new Decomposer(Given.Tms(), Data, options, threads: 1);
        whole.Train(cancellation: TestContext.Current.CancellationToken);
        using var parts = new Decomposer(Given.Tms(), Data, options, threads: 1);
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
        using var trained = new Decomposer(Given.Tms(), Data, options, threads: 2);
        var told = new List<StepResult>();
        trained.Train(told.Add, TestContext.Current.CancellationToken);
        using var stepped = new Decomposer(Given.Tms(), Data, options, threads: 1);
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
        using var decomposer = new Decomposer(Given.Tms(), Data, options, threads: 1);
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
        using var pool = new WorkerPool(1);
        var model = ComponentModel.Create(Given.Tms(new TmsModelConfig { TiedWeights = false }), ["linear*"], 4, 2, seed: 1);
        var step = new DecompositionStep(model, Data, Options with { C = 4, NCiMlpNeurons = 2, BatchSize = 40 }, pool);
        var products = step.Graph.Nodes.OfType<WeightProduct>().ToList();
        // Target: W1 x, W2 a. Inner: V1 x, V2 a. All masked: U1, V2, U2. linear1 alone: U1, W2. linear2 alone: U2.
        Assert.Equal(10, products.Count);
        var target = step.Target;
        Assert.Equal(2, products.Count(product => product.Inputs[0] == target.Input));
        Assert.Equal(2, products.Count(product => product.Inputs[0] == target.Sites[1].Input));
        Assert.Contains(target.Sites[0].Inner, products);

        int checkedNodes = 0;
        step.Run(0, workspace =>
        {
            // Nothing of the frozen target has a gradient; what depends on V, U or a gate has.
            Assert.All(
                [target.Input, target.TargetOutput, target.Sites[0].Input, target.Sites[1].Input],
                node => Assert.True(workspace.GradientOf(node).IsEmpty));
            foreach (var site in target.Sites)
            {
                foreach (var node in new[] { site.Inner, site.GateOutput, site.Importance, site.PenalisedImportance })
                {
                    Assert.Equal(node.Rows * workspace.Stride, workspace.GradientOf(node).Length);
                    checkedNodes++;
                }
            }
        });
        Assert.Equal(8, checkedNodes);
    }

    [Fact]
    public void EverySampleAndPurposeDrawsMasksOfItsOwnAndInnerActivationsAreShared()
    {
        using var pool = new WorkerPool(1);
        var model = ComponentModel.Create(Given.Chain(4, 3, 2), ["linear*"], 5, 0, seed: 1);
        var step = new DecompositionStep(
            model, new SparseFeatures(4, 0.5), Options with { C = 5, NCiMlpNeurons = 0, NMaskSamples = 3, BatchSize = 40 }, pool);
        // S samples of two purposes and two sites, and the data's two.
        Assert.Equal(3 * 2 * 2 + 2, step.Graph.Nodes.OfType<UniformNode>().Count());
        // Target 2, inner 2; a sample: U0, V1, U1 with all sites, U0, W1 with site 0 alone, U1 with site 1 alone.
        Assert.Equal(4 + 3 * 6, step.Graph.Nodes.OfType<WeightProduct>().Count());
        Assert.Equal(3 + 3 * 2, step.Graph.Nodes.OfType<SquaredErrorLoss>().Count());
    }

    [Fact]
    public void StochasticMasksLieBetweenTheImportanceAndOneWithTheRightMean()
    {
        const int Batch = 5000;
        var model = ComponentModel.Create(Given.Chain(3, 2), ["*"], 3, 0, seed: 1);
        var gate = model.Sites[0].Gate;
        gate.Weight!.Values.Clear();
        new[] { 0.25f, 2, -3 }.CopyTo(gate.Bias!.Values);
        var graph = new Spd.Engine.Graphs.Graph();
        var target = CausalImportance.Build(graph, model, new SparseFeatures(3, 0.5).Build(graph));
        var masks = Enumerable.Range(0, 2).Select(sample => graph.Keep(Masks.Stochastic(StreamPurpose.Masks)(graph, target.Sites[0], sample)!)).ToList();
        using var pool = new WorkerPool(2);
        var runner = new PanelRunner(graph, Batch, pool);
        float[][] values = [new float[3 * Batch], new float[3 * Batch]];
        runner.Run(0, 0, backward: false, workspace =>
        {
            for (int sample = 0; sample < 2; sample++) workspace.CopyTo(values[sample], masks[sample]);
        });
        foreach (float[] mask in values)
        {
            foreach (var (c, g) in new[] { (0, 0.25), (1, 1.0), (2, -0.03) })
            {
                float[] column = [.. mask.Where((_, i) => i % 3 == c)];
                Assert.All(column, m => Assert.InRange(m, g - 1e-6, 1 + 1e-6));
                Assert.Equal((1 + g) / 2, column.Average(m => (double)m), 5 * (1 - g) / Math.Sqrt(12.0 * Batch) + 1e-6);
                Assert.Equal((1 - g) * (1 - g) / 12, column.Average(m => Math.Pow(m - (1 + g) / 2, 2)), 0.01);
            }
        }

        Assert.InRange(values[0].Zip(values[1]).Count(pair => pair.First == pair.Second), Batch, Batch + 20);
    }

    [Theory]
    [InlineData("gate.out_bias", LossNames.StochasticRecon)]
    [InlineData("linear2.V", LossNames.Faithfulness)]
    public void ALossThatIsNoNumberStopsTheTrainingWithTheParametersAsBefore(string poisoned, string term)
    {
        var model = ComponentModel.Create(Given.Tms(), ["linear*"], 4, 2, seed: 1);
        using var pool = new WorkerPool(2);
        var step = new DecompositionStep(model, Data, Options with { C = 4, NCiMlpNeurons = 2, BatchSize = 300 }, pool);
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
        using var decomposer = new Decomposer(network, Data, Options with { C = 4, NCiMlpNeurons = 0, BatchSize = 64, Steps = 5 }, threads: 1);
        decomposer.Train(cancellation: TestContext.Current.CancellationToken);
        Assert.Equal(before, network.NamedParameters().SelectMany(entry => entry.Parameter.Values.ToArray()));
    }

    private static float[] Parameters(ComponentModel model) => [.. model.Parameters.Parameters.SelectMany(parameter => parameter.Values.ToArray())];
}
