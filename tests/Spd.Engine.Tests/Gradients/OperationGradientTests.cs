using System.Reflection;
using Spd.Engine.Graphs;
using Spd.Engine.Operations;
using Spd.Tests;

namespace Spd.Engine.Tests.Gradients;

/// <summary>Every differentiable operation of the engine against central finite differences and against its scalar twin.</summary>
public sealed class OperationGradientTests
{
    private static readonly IReadOnlyList<GradientCase> All =
    [
        new("weight product", typeof(MatMul), setup =>
        {
            var weight = setup.Trained("weight", setup.AnotherSize(), setup.Rows);
            return (objective, x) => setup.Compare(objective, objective.Graph.MatMul(weight, x));
        }),
        new("transposed weight product", typeof(MatMul), setup =>
        {
            var weight = setup.Trained("weight", setup.Rows, setup.AnotherSize());
            return (objective, x) => setup.Compare(objective, objective.Graph.MatMul(weight, x, transposed: true));
        }),
        new("one weight used in both orientations", typeof(MatMul), setup =>
        {
            var weight = setup.Trained("weight", setup.AnotherSize(), setup.Rows);
            return (objective, x) => setup.Compare(objective, objective.Graph.MatMul(weight, objective.Graph.MatMul(weight, x), transposed: true));
        }),
        new("frozen weight product", typeof(MatMul), setup =>
        {
            var weight = setup.Frozen("weight", setup.AnotherSize(), setup.Rows);
            return (objective, x) => setup.Compare(objective, objective.Graph.MatMul(weight, x));
        }),
        new("stream read as a sum", typeof(Sum), setup =>
        {
            var weight = setup.Trained("weight", setup.Rows, setup.Rows);
            return (objective, x) => setup.Compare(objective, objective.Graph.Add(new Gelu(objective.Graph.Stream(x, objective.Graph.MatMul(weight, x), x))));
        }),
        new("stream read through weights", typeof(MatMul), setup =>
        {
            int inner = setup.AnotherSize();
            var (into, bias) = (setup.Trained("into", inner, setup.Rows), setup.Trained("bias", setup.Rows));
            var (through, back) = (setup.Trained("through", setup.Rows, inner), setup.Frozen("back", inner, setup.Rows));
            return (objective, x) =>
            {
                var stream = objective.Graph.Stream(x, objective.Graph.AddBias(objective.Graph.MatMul(through, objective.Graph.Add(new Gelu(objective.Graph.MatMul(into, x)))), bias));
                var written = objective.Graph.MatMul(into, objective.Graph.Add(new Gelu(objective.Graph.MatMul(back, stream))), transposed: true);
                setup.Compare(objective, objective.Graph.MatMul(through, objective.Graph.Stream(stream, written), transposed: true));
            };
        }),
        RowAffine("scale and shift", scale: true, shift: true),
        RowAffine("scale", scale: true, shift: false),
        RowAffine("shift", scale: false, shift: true),
        RowAffine("neither", scale: false, shift: false),
        new("frozen scale, trained shift", typeof(RowAffine), setup =>
        {
            var (scale, shift) = (setup.Frozen("scale", setup.Rows), setup.Trained("shift", setup.Rows));
            return (objective, x) => setup.Compare(objective, objective.Graph.RowAffine(x, scale, shift));
        }),
        Unary(x => new Relu(x)),
        Unary(x => new Gelu(x)),
        Unary(x => new GeluTanh(x)),
        Unary(x => new Tanh(x)),
        Unary(x => new Sigmoid(x)),
        Unary(x => new Silu(x)),
        Unary(x => new Absolute(x)),
        Unary(x => new LowerLeakyHardSigmoid(x)),
        Unary(x => new UpperLeakyHardSigmoid(x)),
        Unary(x => new Above(x, 0.1f)),
        new("power with an offset", typeof(Power), setup => (objective, x) => setup.Compare(objective, objective.Graph.Add(new Power(x, 1.7f, 0.1f))), IsPositive: true),
        Unary(x => new HardSigmoid(x)),
        new("hard sigmoid that leaks above", typeof(HardSigmoid), setup => (objective, x) => setup.Compare(objective, objective.Graph.Add(new HardSigmoid(x, 0.3f)))),
        // Where it leaks, its derivative is not that of the function: RecordedFunctionTests of the method have it.
        new("leaky hard sigmoid", typeof(LeakyHardSigmoid), setup => (objective, x) => setup.Compare(objective, objective.Graph.Add(new LeakyHardSigmoid(x))), IsPositive: true),
        Unary(x => new SwishHardSigmoid(x)),
        Unary(x => new Affine(x, -0.7f, 0.2f)),
        new("cost of a frequency", typeof(FrequencyCost), setup => (objective, x) => setup.Compare(objective, objective.Graph.Add(new FrequencyCost(x, 30))), IsPositive: true),
        new("power by a schedule", typeof(PowerOf), setup =>
            (objective, x) => setup.Compare(objective, objective.Graph.Add(new PowerOf(x, objective.Graph.Number(new Knots((0, 2), (6, 0.8))), 0.1f))), IsPositive: true),
        new("smooth count by a schedule", typeof(SmoothCount), setup =>
            (objective, x) => setup.Compare(objective, objective.Graph.Add(new SmoothCount(x, objective.Graph.Number(new Knots((0, 1), (6, 0.2))))))),
        new("smooth count that is one at one", typeof(SmoothCount), setup =>
            (objective, x) => setup.Compare(objective, objective.Graph.Add(new SmoothCount(x, objective.Graph.Number(0.7), IsOneAtOne: true)))),
        new("frequencies over the batch", typeof(FrequencyCost), setup =>
        {
            var bias = setup.Trained("bias", setup.Rows);
            return (objective, x) =>
            {
                var graph = objective.Graph;
                var counts = graph.Add(new SmoothCount(graph.AddBias(x, bias), graph.Number(1.5)));
                var means = graph.Add(new Scale(graph.Add(new RowSum(counts)), null, IsMean: true));
                objective.Add("main", graph.Add(new InnerProduct(graph.Add(new FrequencyCost(means, 40)), graph.Weight(setup.Frozen("ones", setup.Rows, 1, 1, 1)))), coefficient: 0.3);
            };
        }, Step: 1f / 16),
        new("rows repeated", typeof(RepeatRows), setup =>
        {
            var weight = setup.Trained("weight", setup.Rows, setup.Rows);
            return (objective, x) => setup.Compare(objective, objective.Graph.Multiply(setup.Input(objective.Graph, 3 * setup.Rows), objective.Graph.Add(new RepeatRows(objective.Graph.MatMul(weight, x), 3))));
        }),
        new("sums of rows", typeof(LaneSum), setup =>
        {
            var weight = setup.Trained("weight", 3 * setup.Rows, setup.Rows);
            return (objective, x) => setup.Compare(objective, objective.Graph.Add(new LaneSum(objective.Graph.MatMul(weight, x), 3)));
        }),
        new("lanes scaled", typeof(ScaleLanes), setup =>
        {
            var weight = setup.Trained("weight", 1, setup.Rows);
            return (objective, x) => setup.Compare(objective, objective.Graph.Add(new ScaleLanes(objective.Graph.Add(new Gelu(x)), objective.Graph.MatMul(weight, x))));
        }),
        new("dot products in lanes", typeof(LaneDot), setup =>
        {
            var weight = setup.Trained("weight", setup.Rows, setup.Rows);
            return (objective, x) => setup.Compare(objective, objective.Graph.Add(new LaneDot(objective.Graph.Add(new Gelu(x)), objective.Graph.MatMul(weight, x))));
        }),
        new("a number for each position", typeof(MatrixColumns), setup =>
        {
            var sources = setup.Trained("sources", setup.Rows, setup.Batch.Positions);
            return (objective, x) => setup.Compare(objective, objective.Graph.Multiply(x, objective.Graph.Add(new MatrixColumns(objective.Graph.Weight(sources)))));
        }),
        new("numbers that several sequences share", typeof(ColumnSum), setup =>
        {
            var (sources, shared) = (setup.Trained("sources", setup.Rows, 2 * setup.Batch.Length), setup.Trained("shared", setup.Rows, 2));
            return (objective, x) =>
            {
                var graph = objective.Graph;
                setup.Compare(objective, graph.Multiply(x, graph.Add(new MatrixColumns(graph.Weight(sources), 2))));
                setup.Compare(objective, graph.Multiply(x, graph.Add(new MatrixColumns(graph.Weight(shared), 2, IsOfPositions: false))));
            };
        }),
        new("a number for each sequence", typeof(MatrixColumns), setup =>
        {
            var sources = setup.Trained("sources", setup.Rows, setup.Batch.Sequences);
            return (objective, x) =>
            {
                var graph = objective.Graph;
                var columns = graph.Add(new MatrixColumns(graph.Weight(sources), IsOfPositions: false));
                setup.Compare(objective, graph.Multiply(x, columns));
                setup.Compare(objective, graph.Add(new Gelu(graph.Multiply(columns, columns))));
            };
        }),
        new("a gradient as it is", typeof(ScaledGradient), setup => (objective, x) => setup.Compare(objective, objective.Graph.Add(new ScaledGradient(objective.Graph.Add(new Gelu(x)), objective.Graph.Number(1))))),
        Binary((a, b) => new Multiply(a, b)),
        Binary((a, b) => new Interpolate(a, b)),
        Binary((a, b) => new AffineBelow(a, b, 0.1f, 2, -0.5f)),
        new("product of a value with itself", typeof(Multiply), setup => (objective, x) => setup.Compare(objective, objective.Graph.Multiply(x, x))),
        new("sum of a value with itself", typeof(Sum), setup => (objective, x) => setup.Compare(objective, objective.Graph.Plus(x, x))),
        new("product with a constant", typeof(Multiply), setup => (objective, x) => setup.Compare(objective, objective.Graph.Multiply(setup.Input(objective.Graph, setup.Rows), x))),
        Gate(1),
        Gate(2),
        Gate(5),
        Gate(17),
        new("broadcast vector", typeof(Broadcast), setup =>
        {
            var vector = setup.Trained("vector", setup.Rows);
            return (objective, x) => setup.Compare(objective, objective.Graph.Multiply(x, objective.Graph.Add(new Broadcast(objective.Graph.Weight(vector)))));
        }),
        Binary((a, b) => new SwiGlu(a, b)),
        new("rows of a table", typeof(Lookup), setup =>
        {
            var table = setup.Trained("table", 7, setup.Rows);
            return (objective, x) => setup.Compare(objective, objective.Graph.Multiply(x, objective.Graph.Lookup(table, setup.Tokens(objective.Graph, 7))));
        }),
        new("columns of a table", typeof(Lookup), setup =>
        {
            var table = setup.Trained("table", setup.Rows, 11);
            return (objective, x) => setup.Compare(
                objective, objective.Graph.Multiply(x, objective.Graph.Add(new Lookup(objective.Graph.Weight(table), setup.Tokens(objective.Graph, 11), IsTransposed: true))));
        }),
        new("rows by position", typeof(Lookup), setup =>
        {
            var table = setup.Trained("table", 37, setup.Rows);
            return (objective, x) => setup.Compare(objective, objective.Graph.Multiply(x, objective.Graph.Lookup(table, objective.Graph.Positions())));
        }),
        new("last position", typeof(LastPosition), setup =>
        {
            var bias = setup.Trained("bias", setup.Rows);
            return (objective, x) => setup.Compare(
                objective, objective.Graph.Multiply(x, objective.Graph.Add(new LastPosition(objective.Graph.AddBias(objective.Graph.Add(new Gelu(x)), bias)))));
        }),
        new("range of rows", typeof(RowRange), setup =>
        {
            var weight = setup.Trained("weight", 3 * setup.Rows, setup.Rows);
            return (objective, x) =>
            {
                var (graph, y) = (objective.Graph, objective.Graph.MatMul(weight, x));
                setup.Compare(objective, graph.Multiply(graph.RowRange(y, 2 * setup.Rows, setup.Rows), graph.RowRange(y, setup.Rows / 2, setup.Rows)));
            };
        }),
        new("range of rows of weights", typeof(RowRange), setup =>
        {
            var weight = setup.Trained("weight", 2 * setup.Rows, 5);
            return (objective, _) => setup.Compare(objective, objective.Graph.Add(new Sigmoid(objective.Graph.RowRange(objective.Graph.Weight(weight), 1, setup.Rows))));
        }),
        new("rows among more", typeof(PlacedRows), setup =>
        {
            int total = setup.Rows + 3;
            var bias = setup.Trained("bias", total);
            return (objective, x) => setup.Compare(objective, objective.Graph.Add(new Gelu(objective.Graph.AddBias(objective.Graph.Add(new PlacedRows(x, 1, total)), bias))));
        }),
        Norm("root mean square norm", isCentred: false),
        Norm("layer norm", isCentred: true),
        Rotation("rotary positions", isInterleaved: false),
        Rotation("interleaved rotary positions", isInterleaved: true),
        Attended("attention", heads: 1, keyHeads: 1, width: 8, window: 0),
        Attended("attention of several heads", heads: 3, keyHeads: 3, width: 2, window: 0),
        Attended("attention of grouped heads", heads: 4, keyHeads: 2, width: 3, window: 0),
        Attended("attention of one key head", heads: 3, keyHeads: 1, width: 5, window: 0),
        Attended("attention within a window", heads: 2, keyHeads: 1, width: 3, window: 3),
        Attended("attention to itself", heads: 2, keyHeads: 2, width: 3, window: 1),
        Attended("attention within a window beyond a block", heads: 1, keyHeads: 1, width: 2, window: 34),
        new("cross-entropy of what follows", typeof(CrossEntropy), setup =>
        {
            var weight = setup.Trained("weight", 9, setup.Rows, -2, 2);
            return (objective, x) => objective.Add(
                "main", objective.Graph.CrossEntropy(objective.Graph.MatMul(weight, x), setup.Tokens(objective.Graph, 9)), weight: 0.5, coefficient: 3);
        }),
        UnembeddedNext("cross-entropy of unembedded logits", extra: 3),
        UnembeddedNext("cross-entropy of a larger vocabulary", extra: 600),
        Unembedded("divergence of unembedded logits", extra: 3),
        Unembedded("divergence of logits of a larger vocabulary", extra: 600),
        new("squared error", typeof(SquaredError), setup => setup.Compare),
        new("several losses of one name", typeof(SquaredError), setup => (objective, x) =>
        {
            for (int i = 1; i <= 3; i++) objective.Add("main", objective.Graph.SquaredError(x, setup.Input(objective.Graph, setup.Rows)), weight: i / 6.0, coefficient: 2);
        }),
        new("Kullback–Leibler divergence", typeof(Divergence), setup => (objective, x) =>
            objective.Add("main", objective.Graph.Divergence(x, setup.Input(objective.Graph, setup.Rows, -3, 3)), weight: 0.5, coefficient: 3)),
        PowerSum(0.9f, weights: 0),
        PowerSum(1, weights: 0),
        PowerSum(2, weights: 0),
        PowerSum(2.5f, weights: 0),
        PowerSum(0.9f, weights: 1),
        PowerSum(1, weights: 2),
        PowerSum(2, weights: 2),
        PowerSum(2.5f, weights: 1),
        new("product of weights", typeof(MatMul), setup =>
        {
            int inputs = setup.AnotherSize(), outputs = setup.AnotherSize();
            var (v, u) = (setup.Trained("V", setup.Rows, inputs), setup.Trained("U", setup.Rows, outputs));
            return (objective, _) => setup.Compare(objective, objective.Graph.MatMul(u, objective.Graph.Weight(v), transposed: true));
        }),
        new("product of weights with V frozen", typeof(MatMul), setup =>
        {
            int inputs = setup.AnotherSize(), outputs = setup.AnotherSize();
            var (v, u) = (setup.Frozen("V", setup.Rows, inputs), setup.Trained("U", outputs, setup.Rows));
            return (objective, _) => setup.Compare(objective, objective.Graph.MatMul(u, objective.Graph.Weight(v)));
        }),
        new("outer product of weights", typeof(Outer), setup =>
        {
            int shared = setup.AnotherSize();
            var (a, b) = (setup.Trained("A", setup.AnotherSize(), shared), setup.Trained("B", setup.Rows, shared));
            return (objective, x) => setup.Compare(objective, objective.Graph.MatMul(objective.Graph.Add(new Outer(objective.Graph.Weight(a), objective.Graph.Weight(b))), x));
        }),
        new("norms of rows of weights", typeof(RowDot), setup =>
        {
            var (a, b) = (setup.Trained("A", setup.Rows, setup.AnotherSize()), setup.Trained("shift", setup.Rows));
            return (objective, x) => setup.Compare(objective, objective.Graph.Add(new RowAffine(x, objective.Graph.Add(new RowDot(objective.Graph.Weight(a), objective.Graph.Weight(a))), objective.Graph.Weight(b))));
        }),
        new("dot products of vectors", typeof(RowDot), setup =>
        {
            var (a, b) = (setup.Trained("a", setup.Rows), setup.Trained("b", setup.Rows));
            return (objective, x) => setup.Compare(objective, objective.Graph.Add(new RowAffine(x, objective.Graph.Add(new RowDot(objective.Graph.Weight(a), objective.Graph.Weight(b))), null)));
        }),
        new("affine rows of weights", typeof(RowAffine), setup =>
        {
            var (a, scale, shift) = (setup.Trained("A", setup.Rows, setup.AnotherSize()), setup.Trained("scale", setup.Rows), setup.Trained("shift", setup.Rows));
            return (objective, _) => setup.Compare(objective, objective.Graph.RowAffine(objective.Graph.Weight(a), scale, shift));
        }),
        new("affine vector", typeof(RowAffine), setup =>
        {
            var (a, scale, shift) = (setup.Trained("a", setup.Rows), setup.Trained("scale", setup.Rows), setup.Trained("shift", setup.Rows));
            return (objective, _) => setup.Compare(objective, objective.Graph.RowAffine(objective.Graph.Weight(a), scale, shift));
        }),
        new("sigmoid of weights", typeof(Sigmoid), setup =>
        {
            var a = setup.Trained("A", setup.Rows, setup.AnotherSize());
            return (objective, _) => setup.Compare(objective, objective.Graph.Add(new Sigmoid(objective.Graph.Weight(a))));
        }),
        new("norms of rows of a sigmoid of weights", typeof(RowDot), setup =>
        {
            var a = setup.Trained("A", setup.Rows, setup.AnotherSize());
            return (objective, _) =>
            {
                var sigmoid = objective.Graph.Add(new Sigmoid(objective.Graph.Weight(a)));
                setup.Compare(objective, objective.Graph.Add(new RowDot(sigmoid, sigmoid)));
            };
        }),
        new("product of a vector and weights", typeof(Multiply), setup =>
        {
            var (a, b) = (setup.Trained("a", setup.Rows), setup.Trained("b", setup.Rows));
            return (objective, _) => setup.Compare(objective, objective.Graph.Multiply(objective.Graph.Weight(a), objective.Graph.Add(new Silu(objective.Graph.Weight(b)))));
        }),
        new("inner product", typeof(InnerProduct), setup =>
        {
            int columns = setup.AnotherSize();
            var (a, b) = (setup.Trained("A", setup.Rows, columns), setup.Trained("B", setup.Rows, columns));
            return (objective, _) => objective.Add("main", objective.Graph.Add(new InnerProduct(objective.Graph.Weight(a), objective.Graph.Weight(b))), coefficient: 0.3);
        }),
        new("inner product of vectors", typeof(InnerProduct), setup =>
        {
            var (a, b) = (setup.Trained("a", setup.Rows), setup.Trained("b", setup.Rows));
            return (objective, _) => objective.Add("main", objective.Graph.Add(new InnerProduct(objective.Graph.Weight(a), objective.Graph.Weight(b))), coefficient: 0.3);
        }),
        new("scaling", typeof(Scale), setup => (objective, x) => setup.Compare(objective, objective.Graph.Scale(objective.Graph.Scale(x, objective.Graph.Number(new Knots((0, 1), (10, 3)))), -0.7))),
        new("sum over the batch", typeof(RowSum), setup =>
        {
            var bias = setup.Trained("bias", setup.Rows);
            return (objective, x) => setup.Compare(objective, objective.Graph.Scale(objective.Graph.Add(new RowSum(objective.Graph.AddBias(objective.Graph.Add(new Gelu(x)), bias))), 0.01));
        }, Step: 1f / 8),
        new("dot product over the batch", typeof(RowDot), setup =>
        {
            var bias = setup.Trained("bias", setup.Rows);
            return (objective, x) => setup.Compare(objective, objective.Graph.Scale(objective.Graph.Add(new RowDot(objective.Graph.AddBias(x, bias), objective.Graph.Add(new Sigmoid(objective.Graph.AddBias(x, bias))))), 0.01));
        }, Step: 1f / 8),
        new("outer product over the batch", typeof(Outer), setup =>
        {
            var (weight, bias) = (setup.Trained("weight", setup.AnotherSize(), setup.Rows), setup.Trained("bias", setup.Rows));
            return (objective, x) =>
            {
                var y = objective.Graph.AddBias(x, bias);
                setup.Compare(objective, objective.Graph.Scale(objective.Graph.Add(new Outer(objective.Graph.MatMul(weight, y), objective.Graph.Add(new Sigmoid(y)))), 0.01));
            };
        }, Step: 1f / 8),
        new("sum over a sequence", typeof(SequenceSum), setup =>
        {
            var (bias, weight) = (setup.Trained("bias", setup.Rows), setup.Trained("weight", setup.AnotherSize(), setup.Rows));
            return (objective, x) =>
            {
                var sum = objective.Graph.Scale(objective.Graph.Add(new SequenceSum(objective.Graph.AddBias(objective.Graph.Add(new Gelu(x)), bias))), 0.1);
                setup.Compare(objective, objective.Graph.MatMul(weight, objective.Graph.Multiply(sum, x)));
                setup.Compare(objective, objective.Graph.Add(new Sigmoid(sum)));
            };
        }),
        new("power sum over a sequence", typeof(SequenceSum), setup =>
        {
            var bias = setup.Trained("bias", setup.Rows);
            return (objective, x) => objective.Add("main", objective.Graph.PowerSum(objective.Graph.Add(new Sigmoid(objective.Graph.Scale(objective.Graph.Add(new SequenceSum(objective.Graph.AddBias(x, bias))), 0.05))), 2), coefficient: 0.7);
        }),
        new("gate over a sequence", typeof(RowMlp), setup =>
        {
            var (weightIn, inBias) = (setup.Trained("in", setup.Rows, 3), setup.Trained("in bias", setup.Rows, 3));
            var (weightOut, outBias) = (setup.Trained("out", setup.Rows, 3), setup.Trained("out bias", setup.Rows));
            return (objective, x) =>
                setup.Compare(objective, objective.Graph.Multiply(x, objective.Graph.RowMlp(objective.Graph.Scale(objective.Graph.Add(new SequenceSum(x)), 0.05), weightIn, inBias, weightOut, outBias)));
        }),
        new("outer and dot products of sums over sequences", typeof(Outer), setup =>
        {
            var bias = setup.Trained("bias", setup.Rows);
            return (objective, x) =>
            {
                var sum = objective.Graph.Scale(objective.Graph.Add(new SequenceSum(objective.Graph.AddBias(x, bias))), 0.05);
                var sigmoid = objective.Graph.Add(new Sigmoid(sum));
                setup.Compare(objective, objective.Graph.Scale(objective.Graph.Add(new Outer(sum, sigmoid)), 0.01));
                setup.Compare(objective, objective.Graph.Scale(objective.Graph.Add(new RowDot(sum, sigmoid)), 0.01));
                setup.Compare(objective, objective.Graph.Scale(objective.Graph.Add(new RowSum(sum)), 0.01));
            };
        }, Step: 1f / 8),
        new("a value of a lane that depends on a sum over the batch", typeof(RowSum), setup =>
        {
            var bias = setup.Trained("bias", setup.Rows);
            return (objective, x) =>
            {
                var y = objective.Graph.AddBias(x, bias);
                setup.Compare(objective, objective.Graph.Add(new Gelu(objective.Graph.Add(new RowAffine(y, objective.Graph.Scale(objective.Graph.Add(new RowSum(y)), 0.01), null)))));
            };
        }, Step: 1f / 32),
        new("a loss of a residual", typeof(SquaredError), setup =>
        {
            var weight = setup.Trained("weight", setup.Rows, setup.Rows);
            return (objective, x) =>
            {
                var residual = objective.Graph.ResultsOf(new SquaredError(objective.Graph.MatMul(weight, x), objective.Graph.Add(new Sigmoid(x))))[1];
                setup.Compare(objective, objective.Graph.Add(new Silu(residual)));
                objective.Add("first", objective.Graph.Add(residual.Source));
            };
        }),
    ];

    public static TheoryData<string> Names => [.. All.Select(gradientCase => gradientCase.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void GradientsMatchFiniteDifferencesAndTheScalarTwin(string name) => GradientCheck.Trials(All.Single(gradientCase => gradientCase.Name == name));

    [Fact]
    public void EveryOperationWithADerivativeIsChecked()
    {
        var differentiable = typeof(Operation).Assembly.GetTypes().Where(type =>
            !type.IsAbstract && type.IsAssignableTo(typeof(Operation))
            && type.GetMethod(nameof(Operation.Differentiate), BindingFlags.Instance | BindingFlags.NonPublic)!.DeclaringType != typeof(Operation)).ToList();
        var checkedTypes = All.SelectMany(GradientCheck.OperationsOf).Select(operation => operation.GetType()).ToHashSet();
        Assert.True(differentiable.Count >= 38, $"only {differentiable.Count} differentiable operations were found");
        Assert.All(differentiable, type => Assert.True(checkedTypes.Contains(type), $"no gradient test uses {type.Name}"));
        Assert.All(differentiable, type => Assert.Contains(All, gradientCase => gradientCase.Covers == type));
    }

    [Fact]
    public void TheTargetOfADivergenceIsAConstantToItAndSaysSo()
    {
        var graph = new Graph();
        var x = graph.Input(3);
        var objective = new Objective(graph);
        Parameter weight = new("weight", 3, 3), other = new("other", 3, 3);
        objective.Add("divergence", graph.Divergence(graph.MatMul(weight, x), graph.MatMul(other, x)));
        Assert.Single(objective.GradientsBy([weight]));
        Assert.Contains("target of a divergence", Assert.Throws<NotSupportedException>(() => objective.GradientsBy([other])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void APowerSumBelowOneHasNoNaNAtZeroOrInPadding()
    {
        var scale = new Parameter("scale", 2);
        scale.Values.Fill(1);
        var graph = new Graph();
        var x = graph.Input(2);
        var objective = new Objective(graph);
        objective.Add("power", graph.PowerSum(graph.Relu(graph.RowAffine(x, scale, null)), 0.9f));
        using var backend = TestBackend.Create(threads: 1);
        var program = backend.Compile(objective, 3, new ParameterSet([scale]));
        program.Set(x, [0, 0.5f, -1, 2, 0, 0]);
        program.Run(0, 0);
        Assert.Equal((Math.Pow(0.5, 0.9) + Math.Pow(2, 0.9)) / 3, program.TotalLoss, 1e-6);
        Assert.Equal(0, program.Gradients.Of(scale)[0]);
        Assert.Equal(0.9 * (Math.Pow(0.5, 0.9) + Math.Pow(2, 0.9)) / 3, program.Gradients.Of(scale)[1], 1e-5);
    }

    [Fact]
    public void AScaledGradientIsScaledAndItsValueIsNot()
    {
        var sources = Samples.Filled("sources", 2, 3);
        double[][] runs = [.. new[] { 1.0, -0.5 }.Select(factor =>
        {
            var graph = new Graph();
            var objective = new Objective(graph);
            var value = graph.Add(new ScaledGradient(graph.Add(new MatrixColumns(graph.Weight(sources))), graph.Number(factor)));
            objective.Add("square", graph.SquaredError(value, graph.Scale(value, 3)));
            using var backend = TestBackend.Create();
            var program = backend.Compile(objective, 3, new ParameterSet([sources]));
            program.Run(0, 0);
            return (double[])[program.TotalLoss, .. program.Gradients.Of(sources).ToArray()];
        })];
        Assert.Equal(runs[0][0], runs[1][0]);
        Assert.Equal(runs[0][1..].Select(gradient => -0.5 * gradient), runs[1][1..]);
        Assert.Contains(runs[0][1..], gradient => gradient != 0);
    }

    [Fact]
    public void ColumnsOfAnotherBatchAreRefused()
    {
        var graph = new Graph();
        var value = graph.Add(new MatrixColumns(graph.Weight(new Parameter("sources", 2, 5))));
        using var backend = TestBackend.Create(threads: 1);
        var program = backend.Compile(new Objective(graph), 4, keep: [value]);
        Assert.Contains("has 5 columns, but this batch needs 4", Assert.Throws<InvalidOperationException>(() => program.Run(0, 0)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AGateOverAConstantTrains()
    {
        Parameter[] gate = [Samples.Filled("in", 2, 3), Samples.Filled("in bias", 2, 3), Samples.Filled("out", 2, 3), Samples.Filled("out bias", 2)];
        var graph = new Graph();
        var x = graph.Uniform(2, 2);
        var objective = new Objective(graph);
        objective.Add("square", graph.SquaredError(graph.RowMlp(x, gate[0], gate[1], gate[2], gate[3]), x));
        using var backend = TestBackend.Create();
        // With all gradients asked for and with one of them, nobody asks for dx.
        var all = backend.Compile(objective, 300, new ParameterSet(gate));
        all.Run(1, 0);
        foreach (var parameter in gate)
        {
            var one = backend.Compile(objective, 300, new ParameterSet([parameter]));
            one.Run(1, 0);
            Assert.Contains(one.Gradients.Of(parameter).ToArray(), value => value != 0);
            Assert.Equal(all.Gradients.Of(parameter).ToArray(), one.Gradients.Of(parameter).ToArray());
        }
    }

    private static GradientCase Norm(string name, bool isCentred) => new(name, typeof(Normalise), setup =>
    {
        var weight = setup.Trained("weight", 6, setup.Rows);
        return (objective, x) => setup.Compare(objective, objective.Graph.Normalise(objective.Graph.MatMul(weight, x), 0.01, isCentred));
    });

    private static GradientCase Rotation(string name, bool isInterleaved) => new(name, typeof(Rotate), setup =>
    {
        var weight = setup.Trained("weight", 12, setup.Rows);
        return (objective, x) => setup.Compare(objective, objective.Graph.Rotate(objective.Graph.MatMul(weight, x), 4, 100, isInterleaved));
    });

    private static GradientCase Attended(string name, int heads, int keyHeads, int width, int window) => new(name, typeof(CausalAttention), setup =>
    {
        int valueWidth = width + 1;
        var (q, k) = (setup.Trained("q", heads * width, setup.Rows, -1.5, 1.5), setup.Trained("k", keyHeads * width, setup.Rows, -1.5, 1.5));
        var v = setup.Trained("v", keyHeads * valueWidth, setup.Rows);
        return (objective, x) =>
        {
            var graph = objective.Graph;
            setup.Compare(objective, graph.Attention(graph.MatMul(q, x), graph.MatMul(k, x), graph.MatMul(v, x), heads, keyHeads, 0.7, window));
        };
    });

    private static GradientCase Unembedded(string name, int extra) => new(name, typeof(UnembeddingDivergence), setup =>
    {
        var (unembedding, weight) = (setup.Frozen("unembedding", setup.Rows + extra, setup.Rows, -1, 1), setup.Trained("weight", setup.Rows, setup.Rows));
        return (objective, x) =>
        {
            var (graph, target) = (objective.Graph, setup.Input(objective.Graph, setup.Rows));
            var loss = graph.Divergence(graph.MatMul(unembedding, graph.MatMul(weight, x)), graph.MatMul(unembedding, target));
            Assert.IsType<UnembeddingDivergence>(loss.Source);
            objective.Add("main", loss, weight: 0.5, coefficient: 3);
        };
    });

    private static GradientCase UnembeddedNext(string name, int extra) => new(name, typeof(UnembeddingCrossEntropy), setup =>
    {
        var (unembedding, weight) = (setup.Frozen("unembedding", setup.Rows + extra, setup.Rows, -1, 1), setup.Trained("weight", setup.Rows, setup.Rows));
        return (objective, x) =>
        {
            var graph = objective.Graph;
            var (logits, tokens) = (graph.MatMul(unembedding, graph.MatMul(weight, x)), setup.Tokens(graph, setup.Rows + extra));
            var loss = graph.CrossEntropy(logits, tokens, isUnembeddingFixed: true);
            Assert.IsType<UnembeddingCrossEntropy>(loss.Source);
            objective.Add("main", loss, weight: 0.5, coefficient: 3);
        };
    });

    private static GradientCase RowAffine(string name, bool scale, bool shift) => new($"row affine: {name}", typeof(RowAffine), setup =>
    {
        var scales = scale ? setup.Trained("scale", setup.Rows) : null;
        var shifts = shift ? setup.Trained("shift", setup.Rows) : null;
        return (objective, x) => setup.Compare(objective, objective.Graph.RowAffine(x, scales, shifts));
    });

    private static GradientCase Unary<TMap>(Func<Value, TMap> of)
        where TMap : Map =>
        new(typeof(TMap).Name, typeof(TMap), setup => (objective, x) => setup.Compare(objective, objective.Graph.Add(of(x))));

    private static GradientCase Binary<TCombine>(Func<Value, Value, TCombine> of)
        where TCombine : Combine =>
        new(typeof(TCombine).Name, typeof(TCombine), setup =>
        {
            var scale = setup.Trained("scale", setup.Rows);
            return (objective, x) => setup.Compare(objective, objective.Graph.Add(of(x, objective.Graph.RowAffine(setup.Input(objective.Graph, setup.Rows), scale, null))));
        });

    private static GradientCase Gate(int width) => new($"gate of width {width}", typeof(RowMlp), setup =>
    {
        var (weightIn, inBias) = (setup.Trained("in", setup.Rows, width), setup.Trained("in bias", setup.Rows, width));
        var (weightOut, outBias) = (setup.Trained("out", setup.Rows, width), setup.Trained("out bias", setup.Rows));
        return (objective, x) => setup.Compare(objective, objective.Graph.RowMlp(x, weightIn, inBias, weightOut, outBias));
    });

    private static GradientCase PowerSum(float p, int weights) => new($"sum of powers {p} with {weights} row weights", typeof(PowerSum), setup =>
    {
        var matrices = Enumerable.Range(0, weights).Select(i => setup.Trained($"row weight {i}", setup.Rows, setup.AnotherSize())).ToArray();
        return (objective, x) => objective.Add("main", objective.Graph.PowerSum(x, p, matrices), weight: 0.3, coefficient: 0.7);
    }, IsPositive: true);
}
