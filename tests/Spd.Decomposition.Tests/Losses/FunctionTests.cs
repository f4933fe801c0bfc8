using System.Text.Json;
using Spd.Engine;
using Spd.Engine.Cpu;
using Spd.Engine.Graphs;
using Spd.Engine.Operations;
using Spd.Engine.Tests.Gradients;
using Spd.Tests;

namespace Spd.Decomposition.Tests.Losses;

/// <summary>The method's scalar functions: against the recorded numbers, and against finite differences like every operation of the engine.</summary>
public sealed class FunctionTests : IDisposable
{
    private readonly JsonDocument _golden = JsonDocument.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "golden", "functions.json")));

    private readonly CpuBackend _backend = TestBackend.Create(1);

    private JsonElement Recorded => _golden.RootElement.GetProperty("float64");

    [Fact]
    public void TheLowerLeakyHardSigmoidIsTheRecordedOne() => CheckFunction(x => new LowerLeakyHardSigmoid(x), "lower_leaky", 1e-7);

    [Fact]
    public void TheUpperLeakyHardSigmoidIsTheRecordedOne() => CheckFunction(x => new UpperLeakyHardSigmoid(x), "upper_leaky", 1e-7);

    [Fact]
    public void TheGeluIsTheRecordedOne() => CheckFunction(x => new Gelu(x), "gelu", 2e-6);

    [Theory]
    [InlineData("masks")]
    [InlineData("shared masks")]
    public void GradientsMatchFiniteDifferencesAndTheScalarTwin(string name) => GradientCheck.Trials(name switch
    {
        "masks" => new("masks", typeof(MaskSource), setup => (objective, x) => setup.Compare(objective, Interpolate(objective.Graph, x, setup.Input(objective.Graph, setup.Rows, 0, 1)))),
        _ => new("shared masks", typeof(MaskSource), setup =>
        {
            var source = setup.Trained("source", setup.Rows, 1, 0.1, 0.9);
            return (objective, x) => setup.Compare(objective, Interpolate(objective.Graph, x, objective.Graph.Broadcast(source)));
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
            var graph = new Graph();
            var x = graph.Input(c);
            var objective = new Objective(graph);
            objective.Add("minimality", graph.PowerSum(graph.AddBias(x, shift), p), weight: 1.0 / rows);
            var program = _backend.Compile(objective, 1, new ParameterSet([shift]));
            program.Set(x, GoldenCase.Flatten(importances[row]));
            program.Run(0, 0);
            for (int i = 0; i < c; i++)
            {
                double gradient = expected[row * c + i], actual = program.Gradients.Of(shift)[i];
                if (double.IsInfinity(gradient)) Assert.Equal(gradient, actual);
                else Assert.Equal(gradient, actual, 2e-6);
            }
        }

        var whole = new Graph();
        var all = whole.Input(c);
        var loss = new Objective(whole);
        loss.Add("minimality", whole.PowerSum(all, p));
        var wholeProgram = _backend.Compile(loss, rows);
        wholeProgram.Set(all, GoldenCase.Flatten(importances));
        wholeProgram.Run(0, 0);
        Assert.Equal(recorded.GetProperty("loss").GetDouble(), wholeProgram.TotalLoss, 1e-6);
    }

    [Fact]
    public void TheDivergenceIsTheRecordedOneAndZeroForEqualLogits()
    {
        var recorded = Recorded.GetProperty("kl_divergence_lm");
        double Divergence(float[] prediction, float[] target)
        {
            var graph = new Graph();
            var (q, p) = (graph.Input(3), graph.Input(3));
            var objective = new Objective(graph);
            objective.Add("divergence", graph.Divergence(q, p));
            var program = _backend.Compile(objective, prediction.Length / 3);
            program.Set(q, prediction);
            program.Set(p, target);
            program.Run(0, 0);
            return program.TotalLoss;
        }

        float[] pred = GoldenCase.Flatten(recorded.GetProperty("pred")), target = GoldenCase.Flatten(recorded.GetProperty("target"));
        Assert.Equal(recorded.GetProperty("value").GetDouble(), Divergence(pred, target), 1e-6);
        Assert.Equal(0, Divergence(target, target), 1e-7);
        // Softmax does not see a constant: large logits are no trouble.
        Assert.Equal(Divergence(pred, target), Divergence([.. pred.Select(value => value + 100)], [.. target.Select(value => value - 200)]), 1e-5);
        Assert.True(double.IsFinite(Divergence([200, 0, -200], [-200, 0, 200])));
    }

    public void Dispose()
    {
        _golden.Dispose();
        _backend.Dispose();
    }

    private static Value Interpolate(Graph graph, Value g, Value source) =>
        Masks.From((_, _, _) => source)(graph, new SiteActivations(null!, null!, null!, null!, g, null!), 0)!.Components!;

    private void CheckFunction(Func<Value, Map> function, string name, double tolerance)
    {
        double[] x = [.. GoldenCase.Doubles(Recorded.GetProperty("x"))];
        double[] values = [.. GoldenCase.Doubles(Recorded.GetProperty(name))], slopes = [.. GoldenCase.Doubles(Recorded.GetProperty($"{name}_grad"))];
        var shift = new Parameter("shift", x.Length);
        var graph = new Graph();
        var input = graph.Input(x.Length);
        var y = graph.Add(function(graph.AddBias(input, shift)));
        var zero = graph.Input(x.Length);
        float[] target = new float[x.Length];
        var objective = new Objective(graph);
        objective.Add("sum", graph.SquaredError(y, zero));
        var program = _backend.Compile(objective, 1, new ParameterSet([shift]), keep: [y]);
        program.Set(input, [.. x.Select(value => (float)value)]);
        program.Set(zero, target);
        program.Run(0, 0);
        float[] outputs = program.Read(y);
        for (int i = 0; i < x.Length; i++)
        {
            Assert.Equal(values[i], outputs[i], tolerance);
            // One less than the output everywhere: the gradient of the mean square is 2 f' / n.
            target[i] = outputs[i] - 1;
        }

        program.Run(0, 0);
        for (int i = 0; i < x.Length; i++) Assert.Equal(2 * slopes[i] / x.Length, program.Gradients.Of(shift)[i], 2 * tolerance);
    }
}
