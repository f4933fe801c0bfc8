using System.Reflection;
using Spd.Engine.Execution;
using Spd.Engine.Graphs;
using Spd.Engine.Kernels;
using Spd.Engine.Operations;

namespace Spd.Engine.Tests.Gradients;

/// <summary>Every differentiable operation of the engine against central finite differences and against its scalar twin.</summary>
public sealed class OperationGradientTests
{
    private static readonly IReadOnlyList<GradientCase> All =
    [
        new("weight product", typeof(WeightProduct), setup =>
        {
            var weight = setup.Trained("weight", setup.AnotherSize(), setup.Rows);
            return (graph, x) => setup.Compare(graph, graph.Product(weight, x));
        }),
        new("transposed weight product", typeof(WeightProduct), setup =>
        {
            var weight = setup.Trained("weight", setup.Rows, setup.AnotherSize());
            return (graph, x) => setup.Compare(graph, graph.Product(weight, x, transposed: true));
        }),
        new("one weight used in both orientations", typeof(WeightProduct), setup =>
        {
            var weight = setup.Trained("weight", setup.AnotherSize(), setup.Rows);
            return (graph, x) => setup.Compare(graph, graph.Product(weight, graph.Product(weight, x), transposed: true));
        }),
        new("frozen weight product", typeof(WeightProduct), setup =>
        {
            var weight = setup.Frozen("weight", setup.AnotherSize(), setup.Rows);
            return (graph, x) => setup.Compare(graph, graph.Product(weight, x));
        }),
        new("stream read as a sum", typeof(StreamNode), setup =>
        {
            var weight = setup.Trained("weight", setup.Rows, setup.Rows);
            return (graph, x) => setup.Compare(graph, graph.Map(default(Gelu), graph.Stream(x, graph.Product(weight, x), x)));
        }),
        new("stream read through weights", typeof(WeightProduct), setup =>
        {
            int inner = setup.AnotherSize();
            var (into, bias) = (setup.Trained("into", inner, setup.Rows), setup.Trained("bias", setup.Rows));
            var (through, back) = (setup.Trained("through", setup.Rows, inner), setup.Frozen("back", inner, setup.Rows));
            return (graph, x) =>
            {
                var stream = graph.Stream(x, graph.AddBias(graph.Product(through, graph.Map(default(Gelu), graph.Product(into, x))), bias));
                var written = graph.Product(into, graph.Map(default(Gelu), graph.Product(back, stream)), transposed: true);
                setup.Compare(graph, graph.Product(through, graph.Stream(stream, written), transposed: true));
            };
        }),
        RowAffine("scale and shift", scale: true, shift: true),
        RowAffine("scale", scale: true, shift: false),
        RowAffine("shift", scale: false, shift: true),
        RowAffine("neither", scale: false, shift: false),
        new("frozen scale, trained shift", typeof(RowAffineNode), setup =>
        {
            var (scale, shift) = (setup.Frozen("scale", setup.Rows), setup.Trained("shift", setup.Rows));
            return (graph, x) => setup.Compare(graph, graph.RowAffine(x, scale, shift));
        }),
        Unary<Relu>(),
        Unary<Gelu>(),
        Unary<GeluTanh>(),
        Unary<Tanh>(),
        Unary<Sigmoid>(),
        Unary<Silu>(),
        Unary<Absolute>(),
        Binary<Addition>(),
        Binary<Multiplication>(),
        new("product of a node with itself", typeof(Multiplication), setup => (graph, x) => setup.Compare(graph, graph.Multiply(x, x))),
        new("sum of a node with itself", typeof(Addition), setup => (graph, x) => setup.Compare(graph, graph.Sum(x, x))),
        new("product with a constant", typeof(Multiplication), setup => (graph, x) => setup.Compare(graph, graph.Multiply(setup.Input(graph, setup.Rows), x))),
        Gate(1),
        Gate(2),
        Gate(5),
        Gate(17),
        new("broadcast vector", typeof(BroadcastNode), setup =>
        {
            var vector = setup.Trained("vector", setup.Rows);
            return (graph, x) => setup.Compare(graph, graph.Multiply(x, graph.Add(new BroadcastNode(vector))));
        }),
        new("squared error", typeof(SquaredErrorLoss), setup => setup.Compare),
        new("several losses of one name", typeof(SquaredErrorLoss), setup => (graph, x) =>
        {
            for (int i = 1; i <= 3; i++) graph.AddLoss("main", new SquaredErrorLoss(x, setup.Input(graph, setup.Rows)), weight: i / 6.0, coefficient: 2);
        }),
        new("Kullback–Leibler divergence", typeof(KullbackLeiblerLoss), setup => (graph, x) =>
            graph.AddLoss("main", new KullbackLeiblerLoss(x, setup.Input(graph, setup.Rows, -3, 3)), weight: 0.5, coefficient: 3)),
        PowerSum(0.9f, weights: 0),
        PowerSum(1, weights: 0),
        PowerSum(2, weights: 0),
        PowerSum(2.5f, weights: 0),
        PowerSum(0.9f, weights: 1),
        PowerSum(1, weights: 2),
        PowerSum(2, weights: 2),
        PowerSum(2.5f, weights: 1),
        new("factorisation error", typeof(FactorizationError), setup =>
        {
            int inputs = setup.AnotherSize(), outputs = setup.AnotherSize();
            var (v, u) = (setup.Trained("V", setup.Rows, inputs), setup.Trained("U", setup.Rows, outputs));
            float[] target = setup.Numbers(inputs * outputs);
            return (graph, _) => graph.AddLoss("main", new FactorizationError(target, v, u, divisor: 3), coefficient: 0.4);
        }),
        new("factorisation error with V frozen", typeof(FactorizationError), setup =>
        {
            int inputs = setup.AnotherSize(), outputs = setup.AnotherSize();
            var (v, u) = (setup.Frozen("V", setup.Rows, inputs), setup.Trained("U", setup.Rows, outputs));
            float[] target = setup.Numbers(inputs * outputs);
            return (graph, _) => graph.AddLoss("main", new FactorizationError(target, v, u, divisor: 7));
        }),
    ];

    public static TheoryData<string> Names => [.. All.Select(gradientCase => gradientCase.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void GradientsMatchFiniteDifferencesAndTheScalarTwin(string name) => GradientCheck.Trials(All.Single(gradientCase => gradientCase.Name == name));

    [Fact]
    public void EveryOperationWithADerivativeIsChecked()
    {
        var differentiable = typeof(Node).Assembly.GetTypes().Where(type =>
            !type.IsAbstract && type.IsAssignableTo(typeof(Node))
            && type.GetMethod("Backward", BindingFlags.Instance | BindingFlags.NonPublic | BindingFlags.Public)!.DeclaringType != typeof(Node)).ToList();
        var checkedTypes = All.SelectMany(GradientCheck.NodesOf).Select(node => node.GetType())
            .Select(type => type.IsGenericType ? type.GetGenericTypeDefinition() : type).ToHashSet();
        Assert.True(differentiable.Count >= 8, $"only {differentiable.Count} differentiable operations were found");
        Assert.All(differentiable, type => Assert.True(checkedTypes.Contains(type), $"no gradient test uses {type.Name}"));
    }

    [Fact]
    public void EveryFunctionAndEveryLossOfTheWeightsIsChecked()
    {
        var types = typeof(Node).Assembly.GetTypes().Where(type => !type.IsAbstract && !type.IsInterface
            && (type.IsAssignableTo(typeof(IUnaryFunction)) || type.IsAssignableTo(typeof(IBinaryFunction))
                || type.IsAssignableTo(typeof(WeightLoss)))).ToList();
        Assert.True(types.Count >= 10, $"only {types.Count} functions and losses of the weights were found");
        Assert.All(types, type => Assert.Contains(All, gradientCase => gradientCase.Covers == type));
    }

    [Fact]
    public void TheTargetOfALossIsAConstantToIt()
    {
        var (weight, other) = (new Parameter("weight", 3, 3), new Parameter("other", 3, 3));
        for (int i = 0; i < 9; i++) (weight.Values[i], other.Values[i]) = (0.1f * i, 0.3f - 0.05f * i);
        var graph = new Graph(new ParameterSet([weight, other]));
        var x = graph.Input(3);
        x.Set([.. Enumerable.Range(0, 120).Select(i => MathF.Sin(i))]);
        graph.AddLoss("squared", new SquaredErrorLoss(graph.Product(weight, x), graph.Product(other, x)));
        graph.AddLoss("divergence", new KullbackLeiblerLoss(graph.Product(weight, x), graph.Product(other, x)));
        using var pool = new WorkerPool(1);
        var runner = new PanelRunner(graph, 40, pool);
        runner.Run(0, 0);
        Assert.Contains(runner.Gradients.Of(weight).ToArray(), value => value != 0);
        Assert.All(runner.Gradients.Of(other).ToArray(), value => Assert.Equal(0, value));
    }

    [Fact]
    public void APowerSumBelowOneHasNoNaNAtZeroOrInPadding()
    {
        var scale = new Parameter("scale", 2);
        scale.Values.Fill(1);
        var graph = new Graph(new ParameterSet([scale]));
        var x = graph.Input(2);
        x.Set([0, 0.5f, -1, 2, 0, 0]);
        graph.AddLoss("power", new PowerSumLoss(graph.Relu(graph.RowAffine(x, scale, null)), 0.9f));
        using var pool = new WorkerPool(1);
        var runner = new PanelRunner(graph, 3, pool);
        runner.Run(0, 0);
        Assert.Equal((Math.Pow(0.5, 0.9) + Math.Pow(2, 0.9)) / 3, runner.TotalLoss, 1e-6);
        Assert.Equal(0, runner.Gradients.Of(scale)[0]);
        Assert.Equal(0.9 * (Math.Pow(0.5, 0.9) + Math.Pow(2, 0.9)) / 3, runner.Gradients.Of(scale)[1], 1e-5);
    }

    [Fact]
    public void AGateOverAConstantSaysThatItCannotTrain()
    {
        Parameter[] parameters = [new("in", 2, 3), new("in bias", 2, 3), new("out", 2, 3), new("out bias", 2)];
        var graph = new Graph(new ParameterSet(parameters));
        var x = graph.Uniform(2, new StreamId(StreamPurpose.FeatureValues));
        graph.AddLoss("power", new SquaredErrorLoss(graph.Add(new GateNode(x, parameters[0], parameters[1], parameters[2], parameters[3])), x));
        using var pool = new WorkerPool(1);
        var runner = new PanelRunner(graph, 3, pool);
        Assert.Throws<NotSupportedException>(() => runner.Run(0, 0));
    }

    private static GradientCase RowAffine(string name, bool scale, bool shift) => new($"row affine: {name}", typeof(RowAffineNode), setup =>
    {
        var scales = scale ? setup.Trained("scale", setup.Rows) : null;
        var shifts = shift ? setup.Trained("shift", setup.Rows) : null;
        return (graph, x) => setup.Compare(graph, graph.RowAffine(x, scales, shifts));
    });

    private static GradientCase Unary<TFunction>()
        where TFunction : struct, IUnaryFunction =>
        new(typeof(TFunction).Name, typeof(TFunction), setup => (graph, x) => setup.Compare(graph, graph.Map(default(TFunction), x)));

    private static GradientCase Binary<TFunction>()
        where TFunction : struct, IBinaryFunction =>
        new(typeof(TFunction).Name, typeof(TFunction), setup =>
        {
            var scale = setup.Trained("scale", setup.Rows);
            return (graph, x) => setup.Compare(graph, graph.Combine(default(TFunction), x, graph.RowAffine(setup.Input(graph, setup.Rows), scale, null)));
        });

    private static GradientCase Gate(int width) => new($"gate of width {width}", typeof(GateNode), setup =>
    {
        var (weightIn, inBias) = (setup.Trained("in", setup.Rows, width), setup.Trained("in bias", setup.Rows, width));
        var (weightOut, outBias) = (setup.Trained("out", setup.Rows, width), setup.Trained("out bias", setup.Rows));
        return (graph, x) => setup.Compare(graph, graph.Add(new GateNode(x, weightIn, inBias, weightOut, outBias)));
    });

    private static GradientCase PowerSum(float p, int weights) => new($"sum of powers {p} with {weights} row weights", typeof(PowerSumLoss), setup =>
    {
        var matrices = Enumerable.Range(0, weights).Select(i => setup.Trained($"row weight {i}", setup.Rows, setup.AnotherSize())).ToArray();
        return (graph, x) => graph.AddLoss("main", new PowerSumLoss(x, p, matrices), weight: 0.3, coefficient: 0.7);
    }, IsPositive: true);
}
