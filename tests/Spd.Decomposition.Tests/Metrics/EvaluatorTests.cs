using Spd.Engine.Graphs;
using Spd.Engine.Operations;
using Spd.Networks;
using Spd.Networks.Data;
using Spd.Networks.Targets;
using Spd.Tests;

namespace Spd.Decomposition.Tests.Metrics;

public sealed class EvaluatorTests
{
    private static readonly DecompositionOptions Options = new() { C = 6, BatchSize = 300, TargetModulePatterns = ["linear"] };
    private static readonly SparseFeatures Data = new(2, 0.5, low: -1);

    [Fact]
    public void CountsFollowFromTheImportances()
    {
        // Gates without weight: g is the bias, whatever the input: 1, 0.5, 0.05, 0.005, −0.01, 0.
        var model = Model([1.5f, 0.5f, 0.05f, 0.005f, -1, 0]);
        using var backend = TestBackend.Create();
        var evaluator = new Evaluator(new Graph(), model, Data, Options, backend);
        var evaluation = evaluator.Evaluate(0, batches: 3, adversarialBatches: 0);
        var site = Assert.Single(evaluation.Sites);
        Assert.Equal(("linear", 6, 3.0, 2), (site.Name, site.C, site.L0, site.Alive));
        Assert.Equal(Evaluator.HistogramBins, site.Importances.Count);
        long[] expected = new long[Evaluator.HistogramBins];
        (expected[^1], expected[25], expected[2], expected[0]) = (900, 900, 900, 2700);
        Assert.Equal(expected, site.Importances);
        Assert.Equal(1.005 + 0.5 + 0.05 + 0.005, evaluation.Losses[LossNames.ImportanceMinimality], 1e-5);
        Assert.True(double.IsNaN(evaluation.AdversarialRecon));
        double[] means = [1, 0.5, 0.05, 0.005, 0, 0];
        for (int c = 0; c < 6; c++) Assert.Equal(means[c], site.MeanImportances[c], 1e-6);
        Assert.Empty(site.L0ByPosition);
    }

    [Fact]
    public void WhatIsInUseIsCountedAtEachPositionOfASequence()
    {
        // Subcomponent 0 reads twice the position, and is needed from position 2 on; subcomponent 1 always.
        var model = Model([-3, 1, 0, 0, 0, 0]);
        model.Sites[0].Gate.Weight!.Values[0] = 1;
        using var backend = TestBackend.Create();
        var evaluator = new Evaluator(new Graph(), model, new NumberedPositions(), Options with { BatchSize = 10 }, backend);
        var site = Assert.Single(evaluator.Evaluate(0, batches: 2, adversarialBatches: 0).Sites);
        Assert.Equal([1, 1, 2, 2, 2], site.L0ByPosition);
        Assert.Equal(1.6, site.L0, 1e-9);
        Assert.Equal([0.6, 1, 0, 0, 0, 0], site.MeanImportances);
    }

    [Fact]
    public void ErrorsFollowFromTheMasks()
    {
        // Subcomponent 0 carries input 0 with g = 1, subcomponent 1 input 1 with g = 0.25; the others are empty.
        var model = Model([1, 0.25f, 0, 0, 0, 0]);
        using var backend = TestBackend.Create();
        var evaluator = new Evaluator(new Graph(), model, Data, Options, backend);
        var evaluation = evaluator.Evaluate(0, batches: 40, adversarialBatches: 1);
        // Output 1 = 3 x₁, x₁² is 1/3 in half of the rows: E[(3 x₁)²] / 2 outputs = 0.75; times (1 − m)².
        Assert.Equal(0, evaluation.UnmaskedRecon, 1e-10);
        Assert.Equal(0.75 * 0.75 * 0.75, evaluation.ImportanceMaskedRecon, 0.03);
        Assert.Equal(0.75, evaluation.RoundedMaskedRecon, 0.05);
        Assert.Equal(0.75 * 0.75 * 0.75 / 3, evaluation.StochasticRecon, 0.02);
        Assert.Equal(evaluation.StochasticRecon, evaluation.Losses[LossNames.StochasticRecon], 1e-9);
        Assert.Equal(0, evaluation.Losses[LossNames.Faithfulness], 1e-12);
        // The adversary takes the source of subcomponent 1 to 0.
        Assert.Equal(0.75 * 0.75 * 0.75, evaluation.AdversarialRecon, 0.1);
        double total = evaluation.Losses[LossNames.StochasticRecon] + evaluation.Losses[LossNames.StochasticReconLayerwise]
            + 3e-3 * evaluation.Losses[LossNames.ImportanceMinimality] + evaluation.Losses[LossNames.Faithfulness];
        Assert.Equal(total, evaluation.Losses["total"], 1e-9);
        Assert.Equal(
            ["faithfulness", "importance_minimality", "stochastic_recon", "stochastic_recon_layerwise", "total"], evaluation.Losses.Keys.Order());
    }

    [Fact]
    public void AdversarialMasksFindWhatRandomOnesAverageAway()
    {
        // Many large parts that cancel, none of them important: each random mask unbalances them a little, the adversary as far as it goes.
        var model = Model([1, 1, 0, 0, 0, 0]);
        var site = model.Sites[0];
        for (int c = 2; c < 6; c++)
        {
            site.V[c, 0] = 1;
            site.U[c, 0] = c % 2 == 0 ? 2 : -2;
        }

        using var backend = TestBackend.Create();
        var evaluator = new Evaluator(new Graph(), model, Data, Options, backend);
        var evaluation = evaluator.Evaluate(0, batches: 5, adversarialBatches: 5);
        Assert.Equal(0, evaluation.UnmaskedRecon, 1e-10);
        // Worst: both positive parts on, both negative off, an output of 4 x₀: E = 16 / 6 / 2. Random: the variance of four uniform numbers times 2 x₀.
        Assert.Equal(16 / 6.0 / 2, evaluation.AdversarialRecon, 0.2);
        Assert.Equal(4 * 4 / 12.0 / 6 / 2, evaluation.StochasticRecon, 0.03);
        Assert.True(evaluation.AdversarialRecon >= evaluation.StochasticRecon);
    }

    [Theory]
    [InlineData(300)]
    [InlineData(5000)]
    public void EvaluationRepeatsOnAnyNumberOfThreadsAndLeavesTheModelAlone(int rows)
    {
        var results = new[] { 1, 2, 3, 8 }.Select(threads =>
        {
            var model = ComponentModel.Create(Given.Tms(), ["linear*"], 6, 2, seed: 1);
            float[] before = [.. model.Parameters.Parameters.SelectMany(parameter => parameter.Values.ToArray())];
            using var backend = TestBackend.Create(threads);
            var evaluator = new Evaluator(new Graph(), model, new SparseFeatures(5, 0.2), Options with { BatchSize = rows }, backend);
            var first = evaluator.Evaluate(0, batches: 2, adversarialBatches: 2);
            Assert.Equal(before, model.Parameters.Parameters.SelectMany(parameter => parameter.Values.ToArray()));
            // A second measurement takes further batches.
            Assert.NotEqual(first.UnmaskedRecon, evaluator.Evaluate(4, batches: 2, adversarialBatches: 0).UnmaskedRecon);
            return first;
        }).ToList();
        Assert.Contains(results[0].Sites, site => site is { L0: > 0, Alive: > 0, Varying: > 0 });
        Assert.All(results[0].Sites, site => Assert.Equal(2 * rows * 6, site.Importances.Sum()));
        foreach (var result in results)
        {
            Assert.Equal(results[0].Losses, result.Losses);
            Assert.Equal(
                results[0].Sites.Select(site => (site.Name, site.L0, site.Alive, site.Varying)),
                result.Sites.Select(site => (site.Name, site.L0, site.Alive, site.Varying)));
            Assert.Equal(results[0].Sites.SelectMany(site => site.Importances), result.Sites.SelectMany(site => site.Importances));
            Assert.Equal(
                (results[0].UnmaskedRecon, results[0].StochasticRecon, results[0].ImportanceMaskedRecon,
                    results[0].RoundedMaskedRecon, results[0].AdversarialRecon),
                (result.UnmaskedRecon, result.StochasticRecon, result.ImportanceMaskedRecon,
                    result.RoundedMaskedRecon, result.AdversarialRecon));
        }
    }

    [Fact]
    public void EvaluatingInBetweenDoesNotDisturbTraining()
    {
        float[] Train(bool evaluating)
        {
            using var backend = TestBackend.Create();
            using var decomposer = new Decomposer(
                Given.Tms(), new SparseFeatures(5, 0.2),
                new DecompositionOptions { C = 4, NCiMlpNeurons = 2, BatchSize = 100, Steps = 6, TargetModulePatterns = ["linear*"] },
                backend);
            decomposer.Train(step =>
            {
                if (evaluating && step.StepsTaken % 2 == 0) decomposer.Evaluate(batches: 1, adversarialBatches: 1);
            });
            return [.. decomposer.Components.Parameters.Parameters.SelectMany(parameter => parameter.Values.ToArray())];
        }

        Assert.Equal(Train(false), Train(true));
    }

    [Fact]
    public void TrainingEvaluatingAndTheAdversaryShareOneForwardPassOfTheTarget()
    {
        var network = Given.Tms(new TmsModelConfig { TiedWeights = false });
        var options = new DecompositionOptions { C = 4, NCiMlpNeurons = 2, BatchSize = 100, Steps = 1, TargetModulePatterns = ["linear*"] };
        using var backend = TestBackend.Create();
        using var decomposer = new Decomposer(network, new SparseFeatures(5, 0.2), options, backend);
        decomposer.Train(cancellation: TestContext.Current.CancellationToken);
        var graph = decomposer.Graph;
        List<MatMul> Products() => [.. graph.Operations.OfType<MatMul>().Where(product => product.X.Shape.IsPanel)];
        List<MatMul> OfTarget() => [.. Products().Where(product => product.W.Source is Weight weight && network.NamedParameters().Any(entry => entry.Parameter == weight.Parameter))];
        var (products, ofTarget, gates) = (Products(), OfTarget(), graph.Operations.OfType<RowMlp>().ToList());
        decomposer.Evaluate(batches: 1, adversarialBatches: 1);

        // W1 x and W2 a; behind the masked linear1 W2 once more, and its transpose backward.
        Assert.Equal(4, ofTarget.Count);
        Assert.Equal(ofTarget, OfTarget());
        Assert.Equal(2, gates.Count);
        Assert.Equal(gates, graph.Operations.OfType<RowMlp>());
        // U1, V2, U2 for unmasked, importance and rounded masks and for the adversary's; backward the last three.
        Assert.Equal(products.Count + 4 * 3 + 3, Products().Count);
    }

    [Fact]
    public void NoBatchesAreRefused()
    {
        using var backend = TestBackend.Create(1);
        var evaluator = new Evaluator(new Graph(), Model(new float[6]), Data, Options, backend);
        Assert.Throws<ArgumentOutOfRangeException>(() => evaluator.Evaluate(0, 0, 0));
    }

    private sealed class NumberedPositions : DataSource
    {
        public override int Features => 2;

        public override int Length => 5;

        public override Value Build(Graph graph) => graph.Add(new RepeatRows(graph.Positions(), 2));
    }

    /// <summary>W = diag(2, 3) in two subcomponents and four empty ones, with constant gates.</summary>
    private static ComponentModel Model(float[] biases)
    {
        var linear = new Linear(2, 2, bias: false);
        (linear.Weight[0, 0], linear.Weight[1, 1]) = (2, 3);
        var model = ComponentModel.Create(new Sequential(("linear", linear)), ["linear"], c: 6, k: 0, seed: 0);
        var site = model.Sites[0];
        site.V.Values.Clear();
        site.U.Values.Clear();
        (site.V[0, 0], site.U[0, 0], site.V[1, 1], site.U[1, 1]) = (2, 1, 1, 3);
        site.Gate.Weight!.Values.Clear();
        biases.CopyTo(site.Gate.Bias!.Values);
        return model;
    }
}
