using Spd.Engine.Execution;
using Spd.Engine.Graphs;
using Spd.Engine.Operations;

namespace Spd.Engine.Tests.Graphs;

public sealed class GraphTests
{
    [Fact]
    public void EqualOperationsAreOneNode()
    {
        Parameter weight = new("weight", 3, 3), bias = new("bias", 3);
        var graph = new Graph();
        var x = graph.Input(3);
        Assert.Same(graph.Product(weight, x), graph.Product(weight, x));
        Assert.Same(graph.AddBias(x, bias), graph.AddBias(x, bias));
        Assert.Same(graph.Relu(graph.Product(weight, x)), graph.Relu(graph.Product(weight, x)));
        Assert.Same(graph.Sum(x, x), graph.Sum(x, x));
        Assert.Same(graph.Uniform(3, Stream(1)), graph.Uniform(3, Stream(1)));
        Assert.Same(graph.Add(new BroadcastNode(bias)), graph.Add(new BroadcastNode(bias)));
        Assert.Equal(7, graph.Nodes.Count);
    }

    [Fact]
    public void OperationsThatDifferInAnythingAreTwoNodes()
    {
        Parameter weight = new("weight", 3, 3), twin = Parameter.SharingMemoryWith(weight, "twin"), vector = new("vector", 3), other = new("other", 3);
        var graph = new Graph();
        var (x, y) = (graph.Input(3), graph.Input(3));
        Node[] nodes =
        [
            x, y,
            graph.Product(weight, x), graph.Product(weight, x, transposed: true), graph.Product(twin, x), graph.Product(weight, y),
            graph.RowAffine(x, vector, null), graph.RowAffine(x, null, vector), graph.RowAffine(x, vector, other),
            graph.RowAffine(x, other, vector), graph.RowAffine(x, null, null),
            graph.Relu(x), graph.Map(default(Gelu), x), graph.Map(default(Absolute), x), graph.Relu(y),
            graph.Sum(x, y), graph.Sum(y, x), graph.Multiply(x, y),
            graph.Uniform(3, Stream(1)), graph.Uniform(3, Stream(2)), graph.Uniform(2, Stream(1)), graph.Uniform(3, new StreamId(StreamPurpose.Masks, 1, 1)),
            graph.Add(new BroadcastNode(vector)), graph.Add(new BroadcastNode(other)),
        ];
        Assert.Equal(nodes.Length, nodes.Distinct().Count());
        Assert.Equal(nodes.Length, graph.Nodes.Count);
    }

    [Fact]
    public void AFunctionWithFieldsIsComparedByTheirValues()
    {
        var graph = new Graph();
        var x = graph.Input(1);
        Assert.Same(graph.Map(new Times(2), x), graph.Map(new Times(2), x));
        Assert.NotSame(graph.Map(new Times(2), x), graph.Map(new Times(3), x));
    }

    [Fact]
    public void LossesAreNeverMergedAndAddUpUnderTheirName()
    {
        var graph = new Graph();
        var x = graph.Input(1);
        x.Set([3f]);
        var zero = graph.Input(1);
        zero.Set([0f]);
        graph.AddLoss("square", new SquaredErrorLoss(x, zero), weight: 0.5);
        graph.AddLoss("square", new SquaredErrorLoss(x, zero), weight: 0.25);
        graph.AddLoss("other", new SquaredErrorLoss(x, zero), weight: 1, coefficient: 10);
        Assert.Equal(["square", "other"], graph.LossNames);
        Assert.Equal(5, graph.Nodes.Count);
        using var pool = new WorkerPool(1);
        var runner = new PanelRunner(graph, 1, pool);
        runner.Run(0, 0);
        Assert.Equal(6.75, runner.Loss("square"), 1e-6);
        Assert.Equal(9, runner.Loss("other"), 1e-6);
        Assert.Equal(96.75, runner.TotalLoss, 1e-5);
        Assert.Equal(2, runner.Losses.Length);
        Assert.Contains("square, other", Assert.Throws<KeyNotFoundException>(() => runner.Loss("third")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void NodesOfAnotherGraphAreRefusedWhereverTheyAreUsed()
    {
        var elsewhere = new Graph().Input(2);
        var graph = new Graph();
        var here = graph.Input(2);
        var homeless = new InputNode(2);
        Assert.Throws<ArgumentException>(() => graph.Relu(elsewhere));
        Assert.Throws<ArgumentException>(() => graph.Sum(here, elsewhere));
        Assert.Throws<ArgumentException>(() => graph.Relu(homeless));
        Assert.Throws<ArgumentException>(() => graph.AddLoss("loss", new SquaredErrorLoss(here, elsewhere)));
        Assert.Throws<ArgumentException>(() => graph.AddLoss("loss", new SquaredErrorLoss(homeless, here)));
        Assert.Throws<ArgumentException>(() => graph.Keep(elsewhere));
        Assert.Single(graph.Nodes);
    }

    [Fact]
    public void ANodeBelongsToOneGraphOnly()
    {
        var graph = new Graph();
        var x = graph.Input(2);
        var loss = new SquaredErrorLoss(x, x);
        graph.AddLoss("loss", loss);
        Assert.Throws<ArgumentException>(() => graph.AddLoss("again", loss));
    }

    [Fact]
    public void SizesThatDoNotFitAreRefused()
    {
        var graph = new Graph();
        var (two, three) = (graph.Input(2), graph.Input(3));
        Assert.Throws<ArgumentException>(() => graph.Product(new Parameter("weight", 2, 4), two));
        Assert.Throws<ArgumentException>(() => graph.Product(new Parameter("weight", 3, 2), two, transposed: true));
        Assert.Throws<ArgumentException>(() => graph.AddBias(two, new Parameter("bias", 3)));
        Assert.Throws<ArgumentException>(() => graph.Sum(two, three));
        Assert.Throws<ArgumentException>(() => new SquaredErrorLoss(three, two));
        Assert.Throws<ArgumentException>(() => new KullbackLeiblerLoss(three, two));
        Assert.Throws<ArgumentException>(() => new PowerSumLoss(two, 1, new Parameter("weights", 3, 1)));
        Assert.Throws<ArgumentException>(() => new FactorizationError(new float[6], new Parameter("v", 2, 3), new Parameter("u", 1, 2), 1));
        Parameter Of(int rows, int columns) => new("gate", rows, columns);
        Assert.Throws<ArgumentException>(() => new GateNode(two, Of(2, 3), Of(2, 3), Of(2, 4), Of(2, 1)));
        Assert.Throws<ArgumentException>(() => new GateNode(two, Of(3, 3), Of(3, 3), Of(3, 3), Of(3, 1)));
    }

    [Fact]
    public void NothingUpstreamOfFrozenParametersRunsBackwardAndNothingUnusedIsComputed()
    {
        Parameter frozen = new("frozen", 2, 2), trained = new("trained", 2, 2);
        frozen.Values.Fill(1);
        trained.Values.Fill(0.5f);
        var graph = new Graph(new ParameterSet([trained]));
        var x = graph.Input(2);
        x.Set([1f, 2f]);
        var before = graph.Relu(graph.Product(frozen, x));
        var middle = graph.Product(trained, before);
        var after = graph.Product(frozen, middle);
        var unused = graph.Map(default(Gelu), after);
        var kept = graph.Keep(graph.Map(default(Absolute), after));
        graph.AddLoss("loss", new SquaredErrorLoss(after, before));
        using var pool = new WorkerPool(1);
        var runner = new PanelRunner(graph, 1, pool);
        bool[] hasGradient = [];
        runner.Run(0, 0, observer: workspace =>
            hasGradient = [.. new[] { x, before, middle, after, kept }.Select(node => !workspace.GradientOf(node).IsEmpty)]);
        Assert.Equal([false, false, true, true, false], hasGradient);
        Assert.True(before.IsComputed && middle.IsComputed && after.IsComputed && kept.IsComputed);
        Assert.False(unused.IsComputed);
        Assert.True(runner.Gradients.Of(frozen).IsEmpty);
    }

    [Fact]
    public void ACoefficientOfZeroTrainsNothingButIsComputed()
    {
        Parameter v = new("v", 2, 2), u = new("u", 2, 2);
        v.Values.Fill(1);
        u.Values.Fill(2);
        var graph = new Graph(new ParameterSet([v, u]));
        var x = graph.Input(2);
        x.Set([1f, 2f]);
        var y = graph.Product(v, x);
        graph.AddLoss("square", new SquaredErrorLoss(y, x), weight: 1, coefficient: 0);
        graph.AddLoss("weights", new FactorizationError(new float[4], v, u, 4), coefficient: 0);
        using var pool = new WorkerPool(1);
        var runner = new PanelRunner(graph, 1, pool);
        bool hasGradient = true;
        runner.Run(0, 0, observer: workspace => hasGradient = !workspace.GradientOf(y).IsEmpty);
        Assert.False(hasGradient);
        Assert.Equal((4.0 + 1) / 2, runner.Loss("square"), 1e-6);
        Assert.Equal(16, runner.Loss("weights"), 1e-6);
        Assert.Equal(0, runner.TotalLoss);
        Assert.All(runner.Gradients.Of(v).ToArray(), value => Assert.Equal(0, value));
        Assert.All(runner.Gradients.Of(u).ToArray(), value => Assert.Equal(0, value));
    }

    [Fact]
    public void ARunningGraphTakesNoFurtherNodes()
    {
        var graph = new Graph();
        var x = graph.Input(2);
        graph.AddLoss("loss", new SquaredErrorLoss(x, x));
        using var pool = new WorkerPool(1);
        var runner = new PanelRunner(graph, 1, pool);
        Assert.Throws<InvalidOperationException>(() => graph.Relu(x));
        Assert.Throws<InvalidOperationException>(() => graph.Keep(x));
        Assert.Throws<InvalidOperationException>(() => graph.AddLoss("late", new SquaredErrorLoss(x, x)));
        Assert.Throws<InvalidOperationException>(() =>
            graph.AddLoss("late", new FactorizationError(new float[1], new Parameter("v", 1), new Parameter("u", 1), 1)));
    }

    [Fact]
    public void ABatchOfTheWrongSizeIsRefused()
    {
        var graph = new Graph();
        var x = graph.Input(2);
        graph.AddLoss("loss", new SquaredErrorLoss(x, x));
        using var pool = new WorkerPool(1);
        var runner = new PanelRunner(graph, 3, pool);
        x.Set(new float[4]);
        Assert.Throws<InvalidOperationException>(() => runner.Run(0, 0));
        x.Set(new float[6]);
        runner.Run(0, 0);
        Assert.Equal(0, runner.TotalLoss);
    }

    private static StreamId Stream(int index) => new(StreamPurpose.Masks, index);

    private readonly record struct Times(float Factor) : Spd.Engine.Kernels.IUnaryFunction
    {
        public TVector Value<TVector, TSimd>(TVector x) where TVector : struct where TSimd : struct, Spd.Engine.Kernels.ISimd<TVector> =>
            TSimd.Multiply(TSimd.Create(Factor), x);

        public TVector Backward<TVector, TSimd>(TVector x, TVector dy) where TVector : struct where TSimd : struct, Spd.Engine.Kernels.ISimd<TVector> =>
            TSimd.Multiply(TSimd.Create(Factor), dy);
    }
}
