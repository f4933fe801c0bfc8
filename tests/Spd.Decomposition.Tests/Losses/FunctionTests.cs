using System.Text.Json;
using Spd.Engine;
using Spd.Engine.Execution;
using Spd.Engine.Graphs;
using Spd.Engine.Kernels;
using Spd.Engine.Operations;
using Spd.Engine.Tests.Gradients;

namespace Spd.Decomposition.Tests.Losses;

/// <summary>The method's scalar functions: against the recorded numbers, and against finite differences like every operation of the engine.</summary>
public sealed class FunctionTests : IDisposable
{
    private readonly JsonDocument _golden = JsonDocument.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "golden", "functions.json")));

    private JsonElement Recorded => _golden.RootElement.GetProperty("float64");

    [Fact]
    public void TheLowerLeakyHardSigmoidIsTheRecordedOne() => CheckFunction<LowerLeakyHardSigmoid>("lower_leaky", 1e-7);

    [Fact]
    public void TheUpperLeakyHardSigmoidIsTheRecordedOne() => CheckFunction<UpperLeakyHardSigmoid>("upper_leaky", 1e-7);

    [Fact]
    public void TheGeluIsTheRecordedOne() => CheckFunction<Gelu>("gelu", 2e-6);

    [Theory]
    [InlineData("lower")]
    [InlineData("upper")]
    [InlineData("masks")]
    [InlineData("shared masks")]
    public void GradientsMatchFiniteDifferencesAndTheScalarTwin(string name) => GradientCheck.Trials(name switch
    {
        "lower" => new("lower-leaky", typeof(LowerLeakyHardSigmoid), setup => (graph, x) => setup.Compare(graph, graph.Map(default(LowerLeakyHardSigmoid), x))),
        "upper" => new("upper-leaky", typeof(UpperLeakyHardSigmoid), setup => (graph, x) => setup.Compare(graph, graph.Map(default(UpperLeakyHardSigmoid), x))),
        "masks" => new("masks", typeof(MaskSource), setup => (graph, x) => setup.Compare(graph, Interpolate(graph, x, setup.Input(graph, setup.Rows, 0, 1)))),
        _ => new("shared masks", typeof(MaskSource), setup =>
        {
            var source = setup.Trained("source", setup.Rows, 1, 0.1, 0.9);
            return (graph, x) => setup.Compare(graph, Interpolate(graph, x, graph.Add(new BroadcastNode(source))));
        }),
    });

    [Theory]
    [InlineData("impmin_p0.9", 0.9f)]
    [InlineData("impmin_p1.0", 1f)]
    [InlineData("impmin_p2.0", 2f)]
    public void TheMinimalityLossAndItsGradientAreTheRecordedOnes(string name, float p)
    {
        var recorded = Recorded.GetProperty(name);
        var importances = recorded.GetProperty("ci_upper");
        int rows = importances.GetArrayLength(), c = importances[0].GetArrayLength();
        double[] expected = [.. GoldenCase.Doubles(recorded.GetProperty("grad"))];
        // A shift of zero per entry of one row at a time makes the recorded entry's gradient a parameter's.
        for (int row = 0; row < rows; row++)
        {
            var shift = new Parameter("shift", c);
            var graph = new Graph(new ParameterSet([shift]));
            var x = graph.Input(c);
            x.Set([.. GoldenCase.Flatten(importances[row])]);
            graph.AddLoss("minimality", new PowerSumLoss(graph.AddBias(x, shift), p), weight: 1.0 / rows);
            using var pool = new WorkerPool(1);
            var runner = new PanelRunner(graph, 1, pool);
            runner.Run(0, 0);
            for (int i = 0; i < c; i++)
            {
                double gradient = expected[row * c + i], actual = runner.Gradients.Of(shift)[i];
                if (double.IsInfinity(gradient)) Assert.Equal(gradient, actual);
                else Assert.Equal(gradient, actual, 2e-6);
            }
        }

        var whole = new Graph();
        var all = whole.Input(c);
        all.Set(GoldenCase.Flatten(importances));
        whole.AddLoss("minimality", new PowerSumLoss(all, p));
        using var wholePool = new WorkerPool(1);
        var wholeRunner = new PanelRunner(whole, rows, wholePool);
        wholeRunner.Run(0, 0);
        Assert.Equal(recorded.GetProperty("loss").GetDouble(), wholeRunner.TotalLoss, 1e-6);
    }

    [Fact]
    public void TheDivergenceIsTheRecordedOneAndZeroForEqualLogits()
    {
        var recorded = Recorded.GetProperty("kl_divergence_lm");
        double Divergence(float[] prediction, float[] target)
        {
            var graph = new Graph();
            var (q, p) = (graph.Input(3), graph.Input(3));
            q.Set(prediction);
            p.Set(target);
            graph.AddLoss("divergence", new KullbackLeiblerLoss(q, p));
            using var pool = new WorkerPool(1);
            var runner = new PanelRunner(graph, prediction.Length / 3, pool);
            runner.Run(0, 0);
            return runner.TotalLoss;
        }

        float[] pred = GoldenCase.Flatten(recorded.GetProperty("pred")), target = GoldenCase.Flatten(recorded.GetProperty("target"));
        Assert.Equal(recorded.GetProperty("value").GetDouble(), Divergence(pred, target), 1e-6);
        Assert.Equal(0, Divergence(target, target), 1e-7);
        // Softmax does not see a constant: large logits are no trouble.
        Assert.Equal(Divergence(pred, target), Divergence([.. pred.Select(value => value + 100)], [.. target.Select(value => value - 200)]), 1e-5);
        Assert.True(double.IsFinite(Divergence([200, 0, -200], [-200, 0, 200])));
    }

    public void Dispose() => _golden.Dispose();

    private static Node Interpolate(Graph graph, Node g, Node source) =>
        Masks.From((_, _, _) => source)(graph, new SiteActivations(null!, null!, null!, null!, g, null!), 0)!;

    private void CheckFunction<TFunction>(string name, double tolerance)
        where TFunction : struct, IUnaryFunction
    {
        double[] x = [.. GoldenCase.Doubles(Recorded.GetProperty("x"))];
        double[] values = [.. GoldenCase.Doubles(Recorded.GetProperty(name))], slopes = [.. GoldenCase.Doubles(Recorded.GetProperty($"{name}_grad"))];
        var shift = new Parameter("shift", x.Length);
        var graph = new Graph(new ParameterSet([shift]));
        var input = graph.Input(x.Length);
        input.Set([.. x.Select(value => (float)value)]);
        var y = graph.Map(default(TFunction), graph.AddBias(input, shift));
        var zero = graph.Input(x.Length);
        float[] outputs = new float[x.Length], target = new float[x.Length];
        zero.Set(target);
        graph.AddLoss("sum", new SquaredErrorLoss(y, zero));
        using var pool = new WorkerPool(1);
        var runner = new PanelRunner(graph, 1, pool);
        runner.Run(0, 0, backward: false, workspace => workspace.CopyTo(outputs, y));
        for (int i = 0; i < x.Length; i++)
        {
            Assert.Equal(values[i], outputs[i], tolerance);
            // One less than the output everywhere: the gradient of the mean square is 2 f' / n.
            target[i] = outputs[i] - 1;
        }

        runner.Run(0, 0);
        for (int i = 0; i < x.Length; i++) Assert.Equal(2 * slopes[i] / x.Length, runner.Gradients.Of(shift)[i], 2 * tolerance);
    }
}
