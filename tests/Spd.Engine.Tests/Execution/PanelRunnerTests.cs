using Spd.Engine.Execution;
using Spd.Engine.Graphs;
using Spd.Engine.Operations;

namespace Spd.Engine.Tests.Execution;

public sealed class PanelRunnerTests
{
    private const int Features = 7;

    [Theory]
    [InlineData(1)]
    [InlineData(31)]
    [InlineData(300)]
    [InlineData(5000)]
    public void TheNumberOfThreadsChangesNoBit(int batch)
    {
        var results = new[] { 1, 2, 3, 8 }.Select(threads =>
        {
            using var pool = new WorkerPool(threads);
            var network = new SmallNetwork(batch, pool);
            return Enumerable.Range(0, 3).SelectMany(step => network.Run(step)).ToArray();
        }).ToList();
        Assert.Contains(results[0], value => value != 0);
        Assert.All(results, result => Assert.Equal(results[0].Select(BitConverter.DoubleToInt64Bits), result.Select(BitConverter.DoubleToInt64Bits)));
    }

    [Theory]
    [InlineData(257)]
    [InlineData(700)]
    [InlineData(6000)]
    public void ManyPanelsGiveWhatSinglePanelsGive(int batch)
    {
        float[] x = Numbers(batch * Features, seed: 1);
        using var pool = new WorkerPool(2);
        var whole = new SmallNetwork(batch, pool, given: true);
        Assert.True(whole.Panels > 1);
        double[] expected = new double[whole.Length];
        for (int first = 0; first < batch; first += 100)
        {
            int rows = Math.Min(100, batch - first);
            var part = new SmallNetwork(rows, pool, given: true);
            Assert.Equal(1, part.Panels);
            double[] result = part.Run(0, x[(first * Features)..((first + rows) * Features)]);
            for (int i = 0; i < expected.Length; i++) expected[i] += result[i] * rows / batch;
        }

        double[] actual = whole.Run(0, x);
        for (int i = 0; i < expected.Length; i++) Assert.Equal(expected[i], actual[i], 1e-5 * Math.Max(1, Math.Abs(expected[i])));
    }

    [Fact]
    public void AWideGraphIsCutIntoNarrowPanelsAndStaysRight()
    {
        const int Wide = 1500, Batch = 200;
        var weight = new Parameter("weight", Wide, 3);
        Numbers(weight.Count, seed: 2).CopyTo(weight.Values);
        var graph = new Graph();
        var x = graph.Input(3);
        float[] batch = Numbers(3 * Batch, seed: 3);
        x.Set(batch);
        var y = graph.Keep(graph.Product(weight, x));
        using var pool = new WorkerPool(2);
        var runner = new PanelRunner(graph, Batch, pool);
        Assert.Equal(64, runner.PanelLanes);
        Assert.Equal(4, runner.Panels);
        float[] outputs = new float[Wide * Batch];
        runner.Run(0, 0, backward: false, workspace => workspace.CopyTo(outputs, y));
        for (int row = 0; row < Batch; row++)
        {
            for (int o = 0; o < Wide; o += 37)
                Assert.Equal(Enumerable.Range(0, 3).Sum(i => (double)weight[o, i] * batch[row * 3 + i]), outputs[row * Wide + o], 1e-5);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(64)]
    [InlineData(301)]
    [InlineData(4097)]
    public void AnObserverSeesEveryRowOnceAndOneCallAtATime(int batch)
    {
        using var pool = new WorkerPool(3);
        var network = new SmallNetwork(batch, pool);
        for (int run = 0; run < 3; run++)
        {
            int[] seen = new int[batch];
            int inside = 0;
            bool overlapped = false, mistaken = false;
            network.Runner.Run(1, run, backward: run != 1, workspace =>
            {
                overlapped |= Interlocked.Increment(ref inside) != 1;
                for (int lane = 0; lane < workspace.ValidLanes; lane++) seen[workspace.FirstRow + lane]++;
                mistaken |= workspace.BatchSize != batch || workspace.Lanes < workspace.ValidLanes
                    || workspace.Stride < workspace.Lanes || workspace.FirstRow % 32 != 0;
                Interlocked.Decrement(ref inside);
            });
            Assert.False(overlapped || mistaken);
            Assert.All(seen, count => Assert.Equal(1, count));
        }
    }

    [Fact]
    public void RunningForwardOnlyKeepsTheLossesAndComputesNoGradients()
    {
        using var pool = new WorkerPool(2);
        var network = new SmallNetwork(300, pool);
        double[] full = network.Run(4);
        float[] gradient = network.Runner.Gradients.Of(network.First).ToArray();
        network.Runner.Run(seed: 1, step: 4, backward: false);
        Assert.Equal(full[..network.Runner.Losses.Length], network.Runner.Losses.ToArray());
        Assert.Equal(gradient, network.Runner.Gradients.Of(network.First).ToArray());
    }

    [Theory]
    [InlineData(false, 1)]
    [InlineData(false, 3)]
    [InlineData(true, 1)]
    [InlineData(true, 3)]
    public void AnExceptionInANodeSurfacesAndTheNextRunIsClean(bool inBackward, int threads)
    {
        using var pool = new WorkerPool(threads);
        var network = new SmallNetwork(2000, pool);
        double[] expected = network.Run(0);
        for (int round = 0; round < 5; round++)
        {
            network.Fuse.BlowsForward = !inBackward;
            network.Fuse.BlowsBackward = inBackward;
            Assert.Equal("the fuse blew", Assert.Throws<InvalidDataException>(() => network.Run(0)).Message);
            network.Fuse.BlowsForward = network.Fuse.BlowsBackward = false;
            Assert.Equal(expected, network.Run(0));
        }
    }

    [Fact]
    public void AnExceptionInAnObserverSurfacesAndTheNextRunIsClean()
    {
        using var pool = new WorkerPool(2);
        var network = new SmallNetwork(2000, pool);
        double[] expected = network.Run(0);
        Assert.Throws<InvalidDataException>(() => network.Runner.Run(1, 0, observer: workspace =>
        {
            if (workspace.FirstRow > 0) throw new InvalidDataException("the observer has seen enough");
        }));
        Assert.Equal(expected, network.Run(0));
    }

    [Fact]
    public void TwoLossesOfOneWeightDoNotDisturbEachOther()
    {
        Parameter v = new("v", 60, 64), u = new("u", 60, 64);
        Numbers(v.Count, seed: 5).CopyTo(v.Values);
        Numbers(u.Count, seed: 6).CopyTo(u.Values);
        float[] Gradients(int threads)
        {
            using var pool = new WorkerPool(threads);
            var graph = new Graph(new ParameterSet([v, u]));
            for (int i = 0; i < 6; i++) graph.AddLoss("weights", new FactorizationError(Numbers(64 * 64, seed: i), v, u, 10));
            var runner = new PanelRunner(graph, 1, pool);
            runner.Run(0, 0);
            return [.. runner.Gradients.Of(v).ToArray(), .. runner.Gradients.Of(u).ToArray()];
        }

        float[] expected = Gradients(1);
        for (int round = 0; round < 20; round++) Assert.Equal(expected, Gradients(3));
    }

    private static float[] Numbers(int count, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => 2 * random.NextSingle() - 1)];
    }

    /// <summary>A network with every kind of loss, on random or given inputs.</summary>
    private sealed class SmallNetwork
    {
        private readonly InputNode? _given;
        private readonly Parameter[] _parameters;

        public SmallNetwork(int batch, WorkerPool pool, bool given = false)
        {
            Parameter second = new("second", 3, 11), bias = new("bias", 11), v = new("v", 4, 3), u = new("u", 4, 5);
            _parameters = [First, second, bias, v, u];
            for (int i = 0; i < _parameters.Length; i++) Numbers(_parameters[i].Count, seed: 10 + i).CopyTo(_parameters[i].Values);
            var graph = new Graph(new ParameterSet(_parameters));
            Node x = given ? _given = graph.Input(Features) : graph.Uniform(Features, new StreamId(StreamPurpose.FeatureValues));
            Fuse = (FuseNode)graph.Add(new FuseNode(graph.Product(First, x)));
            var hidden = graph.Map(default(Gelu), graph.AddBias(Fuse, bias));
            var output = graph.Product(second, hidden);
            var target = graph.Product(new Parameter("frozen", 3, Features), x);
            graph.AddLoss("square", new SquaredErrorLoss(output, target));
            graph.AddLoss("divergence", new KullbackLeiblerLoss(output, target), 1, 0.5);
            graph.AddLoss("power", new PowerSumLoss(graph.Relu(output), 2), 1, 0.1);
            graph.AddLoss("weights", new FactorizationError(Numbers(15, seed: 20), v, u, 15), 2);
            Runner = new PanelRunner(graph, batch, pool);
        }

        public PanelRunner Runner { get; }

        public Parameter First { get; } = new("first", 11, Features);

        public FuseNode Fuse { get; }

        public int Panels => Runner.Panels;

        public int Length => Runner.Losses.Length + _parameters.Sum(parameter => parameter.Count);

        public double[] Run(int step, float[]? inputs = null)
        {
            if (inputs is not null) _given!.Set(inputs);
            Runner.Run(seed: 1, step);
            return [.. Runner.Losses, .. _parameters.SelectMany(parameter => Runner.Gradients.Of(parameter).ToArray().Select(value => (double)value))];
        }
    }

    /// <summary>Passes everything through, until it is told to throw on a panel in the middle.</summary>
    private sealed class FuseNode(Node x) : Node(x.Rows, x)
    {
        public bool BlowsForward { get; set; }

        public bool BlowsBackward { get; set; }

        protected override void Forward(Workspace workspace)
        {
            if (BlowsForward && workspace.FirstRow == 1024) throw new InvalidDataException("the fuse blew");
            workspace.Values(x).CopyTo(workspace.Values(this));
        }

        protected override void Backward(Workspace workspace)
        {
            if (BlowsBackward && workspace.FirstRow == 1024) throw new InvalidDataException("the fuse blew");
            var own = workspace.GradientOf(this);
            var upstream = workspace.GradientOf(x);
            for (int i = 0; i < own.Length; i++) upstream[i] += own[i];
        }
    }
}
