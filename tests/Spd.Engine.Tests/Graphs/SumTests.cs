using Spd.Engine.Graphs;
using Spd.Engine.Operations;
using Spd.Engine.Planning;
using Spd.Tests;
using static Spd.Engine.Tests.Samples;

namespace Spd.Engine.Tests.Graphs;

/// <summary>Sums whose parts are computed in their place, against plain doubles.</summary>
public sealed class SumTests
{
    private const int Rows = 3;

    private delegate Value Build(Graph graph, Value x, Value y);

    // Each with what it is of x and y, entry by entry, and its derivative by x; both in doubles.
    private static readonly Dictionary<string, (Build Build, Func<double, double, double> Value, Func<double, double, double> Slope)> Cases = new()
    {
        ["x + x"] = ((graph, x, _) => graph.Plus(x, x), (x, _) => 2 * x, (_, _) => 2),
        ["x + x + x + y"] = ((graph, x, y) => graph.Sum([x, x, x, y]), (x, y) => 3 * x + y, (_, _) => 3),
        ["x + f(x)"] = ((graph, x, _) => graph.Plus(x, graph.Add(new Tanh(x))), (x, _) => x + Math.Tanh(x), (x, _) => 1 + Slope(x)),
        ["f(x) + x"] = ((graph, x, _) => graph.Plus(graph.Add(new Tanh(x)), x), (x, _) => x + Math.Tanh(x), (x, _) => 1 + Slope(x)),
        ["f(x) + f(x)"] = ((graph, x, _) => graph.Plus(graph.Add(new Tanh(x)), graph.Add(new Tanh(x))), (x, _) => 2 * Math.Tanh(x), (x, _) => 2 * Slope(x)),
        ["a part read by another"] = (
            (graph, x, y) =>
            {
                var part = graph.Add(new Tanh(x));
                return graph.Multiply(graph.Sum([part, y, graph.Scale(x, 2)]), part);
            },
            (x, y) => (Math.Tanh(x) + y + 2 * x) * Math.Tanh(x), (x, y) => (Slope(x) + 2) * Math.Tanh(x) + (Math.Tanh(x) + y + 2 * x) * Slope(x)),
        ["a sum of sums"] = (
            (graph, x, y) => graph.Plus(graph.Plus(graph.Add(new Tanh(x)), y), graph.Plus(graph.Scale(x, 3), graph.Plus(x, y))),
            (x, y) => Math.Tanh(x) + 4 * x + 2 * y, (x, _) => Slope(x) + 4),
        ["a sum in two sums"] = (
            (graph, x, y) =>
            {
                var inner = graph.Plus(graph.Add(new Tanh(x)), y);
                return graph.Multiply(graph.Plus(inner, x), graph.Plus(inner, graph.Scale(x, -1)));
            },
            (x, y) => (Math.Tanh(x) + y + x) * (Math.Tanh(x) + y - x),
            (x, y) => (Slope(x) + 1) * (Math.Tanh(x) + y - x) + (Math.Tanh(x) + y + x) * (Slope(x) - 1)),
        ["inputs"] = ((graph, x, y) => graph.Sum([x, y]), (x, y) => x + y, (_, _) => 1),
        ["a sum of one"] = ((graph, x, _) => graph.Add(new Sum([x])), (x, _) => x, (_, _) => 1),
        ["a sum of one sum of one"] = ((graph, x, _) => graph.Add(new Sum([graph.Add(new Sum([x]))])), (x, _) => x, (_, _) => 1),
        ["parts that cannot be added"] = (
            (graph, x, y) => graph.Sum([graph.Relu(x), graph.Add(new Tanh(y)), graph.Add(new Tanh(x)), graph.Multiply(x, y)]),
            (x, y) => Math.Max(x, 0) + Math.Tanh(y) + Math.Tanh(x) + x * y, (x, y) => (x > 0 ? 1 : 0) + Slope(x) + y),
    };

    public static TheoryData<string, bool> Names => [.. Cases.Keys.SelectMany(name => new[] { (name, true), (name, false) })];

    [Theory]
    [MemberData(nameof(Names))]
    public void ValuesAndGradientsAreThoseOfDoubles(string name, bool isEverythingKept)
    {
        var (build, value, slope) = Cases[name];
        foreach (Batch batch in new Batch[] { 1, 37, 300, new(3, 37) })
        {
            int count = Rows * batch.Positions;
            float[] x = Numbers(count, seed: 1), y = Numbers(count, seed: 2), weights = Numbers(count, seed: 3);
            var graph = new Graph();
            Value inputX = graph.Input(Rows), inputY = graph.Input(Rows), cotangent = graph.Input(Rows);
            var result = build(graph, inputX, inputY);
            var gradient = Derivative.Of(graph, [(result, cotangent)], [inputX])[inputX]!;
            Value[] kept = isEverythingKept
                ? [.. graph.Operations.Where(operation => operation is not Number).SelectMany(graph.ResultsOf).Append(result).Append(gradient).Distinct()]
                : [result, gradient];
            using var backend = TestBackend.Create(threads: 3);
            var program = backend.Compile(new Objective(graph), batch, keep: kept);
            foreach (var (input, numbers) in new[] { (inputX, x), (inputY, y), (cotangent, weights) }) if (program.Plan.Find(input) is not null) program.Set(input, numbers);
            for (int run = 0; run < 2; run++)
            {
                program.Run(0, run);
                Close(x.Zip(y, (a, b) => value(a, b)), program.Read(result), what: name);
                Close(x.Zip(y, (a, b) => slope(a, b)).Zip(weights, (a, b) => a * b), program.Read(gradient), what: $"the gradient of {name}");
            }
        }
    }

    [Fact]
    public void SumsOfMatricesOfEveryKindAreThoseOfDoubles()
    {
        const int Batch = 300;
        float[] batch = Numbers(2 * Batch, seed: 4);
        Parameter a = Filled("a", 2, 2, seed: 5), b = Filled("b", 2, 2, seed: 6);
        var graph = new Graph();
        var x = graph.Input(2);
        Value product = graph.MatMul(a, graph.Weight(b)), moments = graph.Add(new Outer(x, x)), again = graph.Add(new Outer(graph.Scale(x, 2), x));
        var inner = graph.Plus(moments, graph.Weight(a));
        Value[] sums =
        [
            graph.Plus(moments, moments), graph.Sum([product, again, graph.Weight(a)]), graph.Plus(again, product), graph.Plus(inner, inner),
            graph.Sum([inner, product, graph.Scale(moments, 0.5)]), graph.Plus(graph.Weight(a), graph.Weight(a)), graph.Plus(product, product),
        ];
        using var backend = TestBackend.Create(threads: 3);
        var program = backend.Compile(new Objective(graph), Batch, keep: sums);
        program.Set(x, batch);
        for (int run = 0; run < 3; run++)
        {
            program.Run(0, run);
            for (int i = 0; i < 2; i++)
            {
                for (int j = 0; j < 2; j++)
                {
                    double m = Enumerable.Range(0, Batch).Sum(row => (double)batch[2 * row + i] * batch[2 * row + j]);
                    double p = (double)a[i, 0] * b[0, j] + (double)a[i, 1] * b[1, j], w = a[i, j];
                    double[] expected = [2 * m, p + 2 * m + w, 2 * m + p, 2 * (m + w), m + w + p + m / 2, 2 * w, 2 * p];
                    Close(expected, sums.Select(sum => program.Read(sum)[2 * i + j]));
                }
            }
        }
    }

    [Fact]
    public void AMaximumInASumIsAddedAndNotCompared()
    {
        float[] batch = Numbers(2 * 5000, seed: 4);
        var shift = Filled("shift", 2, seed: 5, low: 3, high: 4);
        var graph = new Graph();
        var x = graph.Input(2);
        Value maximum = graph.Add(new Maximum(x)), sum = graph.Add(new RowSum(x));
        Value[] sums = [graph.Plus(maximum, graph.Weight(shift)), graph.Plus(graph.Add(new Maximum(graph.Scale(x, 2))), sum)];
        using var backend = TestBackend.Create(threads: 2);
        float[][] results = backend.Compute(graph, x, batch, sums);
        for (int row = 0; row < 2; row++)
        {
            double[] values = [.. Enumerable.Range(0, 5000).Select(i => (double)batch[2 * i + row])];
            Assert.Equal(values.Max() + shift.Values[row], results[0][row], 1e-5);
            Assert.Equal(2 * values.Max() + values.Sum(), results[1][row], 1e-4 * values.Sum(Math.Abs));
        }
    }

    private static double Slope(double x) => 1 - Math.Tanh(x) * Math.Tanh(x);
}
