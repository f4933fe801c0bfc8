using Spd.Decomposition;
using Spd.Decomposition.Tests;
using Spd.Engine;
using Spd.Engine.Graphs;
using Spd.Engine.Operations;
using Spd.Networks;
using Spd.Networks.Data;
using Spd.Networks.Targets;
using Spd.Tests;

namespace Spd.Baselines.Tests;

/// <summary>APD against <see cref="NaiveApd"/>: attributions, the choice of components, every loss and its gradients.</summary>
public sealed class ApdTests
{
    private const int Rows = 41, Features = 5, C = 4;

    private static Dictionary<string, double> LossesOf(ApdStep step) => step.Program.LossNames.ToDictionary(name => name, step.Program.Loss);

    private static float[] Batch => Given.Numbers(Rows * Features, seed: 7, low: -0.5);

    [Theory]
    [InlineData(true, AttributionModel.Target)]
    [InlineData(true, AttributionModel.Decomposed)]
    [InlineData(false, AttributionModel.Target)]
    [InlineData(false, AttributionModel.Decomposed)]
    public void AttributionsAreThoseOfTheFormula(bool isTied, AttributionModel of)
    {
        var model = Model(isTied);
        using var backend = TestBackend.Create();
        float[] attributions = Attributions.Of(model, of, Batch, Rows, backend);
        var naive = new NaiveApd(model, Batch, Rows);
        Assert.Contains(attributions, value => value > 0.1f);
        for (int row = 0; row < Rows; row++)
        {
            for (int c = 0; c < C; c++)
            {
                double expected = naive.Attribution(of, row, c);
                Assert.Equal(expected, attributions[row * C + c], 1e-4 * Math.Max(expected, 1));
            }
        }
    }

    [Theory]
    [InlineData(true, AttributionModel.Target)]
    [InlineData(true, AttributionModel.Decomposed)]
    [InlineData(false, AttributionModel.Target)]
    [InlineData(false, AttributionModel.Decomposed)]
    public void AttributionsAreTheSquaredDerivativesByTheMasksOfTheComponents(bool isTied, AttributionModel of)
    {
        var model = Model(isTied);
        int rank = model.Matrices[0].Rank;
        using var backend = TestBackend.Create();
        float[] attributions = Attributions.Of(model, of, Batch, Rows, backend);

        // One backward pass for each output. Of the decomposed model at masks of one; of the target, to which masked components are added, at masks of zero.
        var graph = new Graph();
        Value x = graph.Input(Features), mask = graph.Input(C * rank);
        var y = of == AttributionModel.Decomposed ? model.Forward(graph, x, mask) : TargetAndComponents(model, graph, x, mask);
        Value[] cotangents = [.. Enumerable.Range(0, Features).Select(_ => graph.Input(Features))];
        Value[] derivatives = [.. cotangents.Select(cotangent => Derivative.Of(graph, [(y, cotangent)], [mask])[mask]!)];
        var program = backend.Compile(new Objective(graph), Rows, keep: derivatives);
        program.Set(x, Batch);
        program.Set(mask, [.. Enumerable.Repeat(of == AttributionModel.Decomposed ? 1f : 0, Rows * C * rank)]);
        foreach (var (output, cotangent) in cotangents.Index())
            program.Set(cotangent, [.. Enumerable.Range(0, Rows * Features).Select(i => i % Features == output ? 1f : 0)]);
        program.Run(seed: 0, step: 0);

        double[] expected = new double[Rows * C];
        foreach (float[] byMask in derivatives.Select(program.Read))
            for (int i = 0; i < expected.Length; i++) expected[i] += Math.Pow(byMask.Skip(i * rank).Take(rank).Sum(value => (double)value), 2);
        Assert.Equal(expected.Length, attributions.Length);
        Assert.Contains(attributions, value => value > 0.1f);
        for (int i = 0; i < expected.Length; i++) Assert.Equal(expected[i], attributions[i], 1e-5 * Math.Max(expected[i], 1));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(40)]
    [InlineData(333)]
    [InlineData(999)]
    [InlineData(1000)]
    [InlineData(2000)]
    public void TheLargestAreChosenAndOfEqualOnesTheFirst(int count)
    {
        // Squares of few different numbers, some of them next to each other in the last bit, and zeros.
        float[] values = [.. Given.Numbers(1000, seed: 2).Select((value, i) => i % 3 == 0 ? MathF.Round(value * 4) : value).Select(value => value * value)];
        for (int i = 0; i < 100; i++) values[i * 7] = MathF.BitIncrement(values[i * 5]);
        bool[] chosen = new bool[values.Length];
        new BatchTopK().Choose(values, count, chosen);
        var expected = Enumerable.Range(0, values.Length).OrderByDescending(i => values[i]).ThenBy(i => i).Take(count).Order();
        Assert.Equal(expected, Enumerable.Range(0, values.Length).Where(i => chosen[i]));
    }

    [Theory]
    [InlineData(true, 1.0)]
    [InlineData(true, 0.9)]
    [InlineData(false, 1.0)]
    public void LossesAndGradientsAreThoseOfTheFormulas(bool isTied, double p)
    {
        var model = Model(isTied);
        var options = Options with { SchattenPnorm = p, ParamMatchCoeff = 0.7, TopkReconCoeff = 3, SchattenCoeff = 1.3 };
        using var backend = TestBackend.Create();
        var data = new SparseFeatures(Features, 1, low: -0.5);
        var step = new ApdStep(model, data, options, backend);
        step.Compute(seed: 0, batch: 0);
        double total = step.Program.TotalLoss;
        Assert.Equal((int)(1.3 * Rows), step.Active.Count(active => active));

        var naive = new NaiveApd(model, Drawn(data, Rows, seed: 0, step: 0), Rows);
        double Total() => 0.7 * naive.ParamMatch() + 3 * naive.TopkRecon(step.Active) + 1.3 * naive.Schatten(step.Active, p);
        var losses = LossesOf(step);
        Near(naive.ParamMatch(), losses[ApdLossNames.ParamMatch]);
        Near(naive.TopkRecon(step.Active), losses[ApdLossNames.TopkRecon]);
        Near(naive.Schatten(step.Active, p), losses[ApdLossNames.Schatten]);
        Near(Total(), total);

        // One that measures has the same losses, and the error with all components, but no gradients.
        var measuring = new ApdStep(model, data, options, backend, unmasked: "unmasked");
        measuring.Compute(seed: 0, batch: 0);
        var measured = LossesOf(measuring);
        Assert.All(losses, loss => Assert.Equal(loss.Value, measured[loss.Key], 1e-9));
        Assert.Equal(step.Active, measuring.Active);
        Near(naive.TopkRecon([.. step.Active.Select(_ => true)]), measured["unmasked"]);
        Assert.All(model.Parameters.Parameters, parameter => Assert.True(measuring.Gradients.Of(parameter).IsEmpty));

        foreach (var parameter in model.Parameters.Parameters)
        {
            float[] gradient = step.Gradients.Of(parameter).ToArray();
            double largest = gradient.Max(Math.Abs);
            Assert.True(largest > 1e-2, $"the gradient of {parameter.Name} is next to nothing");
            double[] values = naive.Values[parameter];
            for (int entry = 0; entry < values.Length; entry++)
            {
                double original = values[entry];
                values[entry] = original + 1e-6;
                double above = Total();
                values[entry] = original - 1e-6;
                double below = Total();
                values[entry] = original;
                Assert.Equal((above - below) / 2e-6, gradient[entry], 2e-4 * largest);
            }
        }

        static void Near(double expected, double actual) => Assert.Equal(expected, actual, 1e-5 * expected);
    }

    [Fact]
    public void AttributionsAreOfTheBatchThatTrains()
    {
        // With as many active components as rows, drawn anew for both passes, the choice must be that of the inputs that the losses see.
        var model = Model(isTied: true);
        var data = new SparseFeatures(Features, 0.4);
        using var backend = TestBackend.Create();
        var step = new ApdStep(model, data, Options with { BatchSize = 300 }, backend);
        step.Compute(seed: 4, batch: 9);
        float[] batch = Drawn(data, rows: 300, seed: 4, step: 9);
        Assert.Equal(new NaiveApd(model, batch, 300).TopkRecon(step.Active), step.Program.Loss(ApdLossNames.TopkRecon), 1e-6);
        bool[] chosen = new bool[300 * C];
        new BatchTopK().Choose(Attributions.Of(model, AttributionModel.Target, batch, 300, backend), (int)(1.3 * 300), chosen);
        Assert.Equal(chosen, step.Active);
    }

    [Fact]
    public void ATiedMatrixHasTheFactorsOfItsOwnerExchanged()
    {
        var model = Model(isTied: true);
        Assert.Same(model.Matrices[0].U, model.Matrices[1].V);
        Assert.Same(model.Matrices[0].V, model.Matrices[1].U);
        Assert.Equal(2, model.Parameters.Parameters.Count);
        Assert.Equal(4, model.Matrices[0].Rank);
        for (int c = 0; c < C; c++)
        {
            float[,] first = model.Matrices[0].Subcomponent(c), second = model.Matrices[1].Subcomponent(c);
            for (int o = 0; o < 3; o++)
                for (int i = 0; i < Features; i++)
                    Assert.Equal(first[o, i], second[i, o]);
            double norm = Math.Sqrt(first.Cast<float>().Sum(value => (double)value * value));
            Assert.Equal(norm, model.Matrices[0].Norms()[c], 1e-6);
        }

        Assert.Equal(4, Model(isTied: false).Parameters.Parameters.Count);
    }

    [Fact]
    public void FactorsStartXavierNormal()
    {
        var matrix = new ApdModel(Given.Tms(new TmsModelConfig { NFeatures = 40, NHidden = 10 }), c: 40, rank: null, seed: 1).Matrices[0];
        Assert.Equal(11, matrix.Rank);
        Assert.InRange(Deviation(matrix.V) / Math.Sqrt(2.0 / ((40 + 40) * 11)), 0.97, 1.03);
        Assert.InRange(Deviation(matrix.U) / Math.Sqrt(2.0 / ((40 + 11) * 10)), 0.97, 1.03);

        static double Deviation(Parameter parameter) => Math.Sqrt(parameter.Values.ToArray().Average(value => (double)value * value));
    }

    [Fact]
    public void ThreadsDoNotChangeABit()
    {
        float[][] ends = [.. new[] { 1, 3 }.Select(threads =>
        {
            using var backend = TestBackend.Create(threads);
            using var apd = new Apd(
                Given.Tms(), new SparseFeatures(Features, 0.3),
                Options with { BatchSize = 700, Steps = 30, Lr = 0.01, AttributionModel = AttributionModel.Decomposed }, backend);
            if (threads == 1) apd.Train(cancellation: TestContext.Current.CancellationToken);
            else for (int step = 0; step < 30; step++) Assert.Equal(step, apd.Step().Step);
            Assert.Equal(30, apd.StepsTaken);
            Assert.Throws<InvalidOperationException>(() => apd.Step());
            return apd.Components.Parameters.Parameters.SelectMany(parameter => parameter.Values.ToArray()).ToArray();
        })];
        Assert.Equal(ends[0], ends[1]);
    }

    [Fact]
    public void EvaluationIsOfOtherBatchesAndLeavesOutWhatOnlyCausalImportancesGive()
    {
        using var backend = TestBackend.Create();
        using var apd = new Apd(Given.Tms(), new SparseFeatures(Features, 0.3), Options with { BatchSize = 500 }, backend);
        var evaluation = apd.Evaluate(batches: 3);
        Assert.Equal((int)(1.3 * 500) / 500.0, Assert.Single(evaluation.Sites).L0, 1e-9);
        Assert.Equal(
            [ApdLossNames.ParamMatch, ApdLossNames.Schatten, ApdLossNames.TopkRecon, "total"], evaluation.Losses.Keys.Order(StringComparer.Ordinal));
        Assert.True(evaluation.UnmaskedRecon > 0);
        Assert.True(double.IsNaN(evaluation.StochasticRecon) && double.IsNaN(evaluation.AdversarialRecon));
        Assert.NotEqual(evaluation.Losses[ApdLossNames.TopkRecon], apd.Evaluate(batches: 3).Losses[ApdLossNames.TopkRecon]);
    }

    [Fact]
    public void AnInfiniteLossStopsTheTraining()
    {
        using var backend = TestBackend.Create(1);
        using var apd = new Apd(Given.Tms(), new SparseFeatures(Features, 0.3), Options with { BatchSize = 500, Lr = 1e30 }, backend);
        Assert.Throws<NonFiniteLossException>(() => apd.Train(cancellation: TestContext.Current.CancellationToken));
        Assert.All(apd.Components.Parameters.Parameters, parameter => Assert.All(parameter.Values.ToArray(), value => Assert.True(float.IsFinite(value))));
    }

    [Fact]
    public void HiddenLayersAreRefused() => Assert.Contains(
        "n_hidden_layers", Assert.Throws<ArgumentException>(() => new ApdModel(Given.Tms(new TmsModelConfig { NHiddenLayers = 1 }), 5, null, 0)).Message,
        StringComparison.Ordinal);

    private static ApdOptions Options => new() { Topk = 1.3, C = C, BatchSize = Rows, Steps = 100 };

    private static ApdModel Model(bool isTied)
    {
        var network = Given.Tms(new TmsModelConfig { NFeatures = Features, NHidden = 3, TiedWeights = isTied, InitBiasToZero = false });
        foreach (var (_, parameter) in network.NamedParameters())
            foreach (ref float value in parameter.Values) value *= 2;
        var model = new ApdModel(network, C, rank: null, seed: 6);
        foreach (var parameter in model.Parameters.Parameters)
            foreach (ref float value in parameter.Values) value *= 1.7f;
        return model;
    }

    /// <summary><c>z_l = W_l x_l + Σ_c m_c P_lc x_l</c> in place of each map.</summary>
    private static Value TargetAndComponents(ApdModel model, Graph graph, Value x, Value mask) => model.Network.Forward(new ForwardPass(graph, (linear, input) =>
    {
        var matrix = model.Matrices.Single(candidate => candidate.Linear == linear);
        var added = graph.MatMul(matrix.U, graph.Multiply(graph.MatMul(matrix.V, input), mask), transposed: true);
        return graph.AddBias(graph.Plus(graph.MatMul(matrix.Target, input), added), linear.Bias);
    }), x);

    private static float[] Drawn(SparseFeatures data, int rows, ulong seed, long step)
    {
        var graph = new Graph();
        var x = data.Build(graph);
        using var backend = TestBackend.Create(1);
        var program = backend.Compile(new Objective(graph), rows, keep: [x]);
        program.Run(seed, step);
        return program.Read(x);
    }
}
