using System.Collections.Concurrent;
using Spd.Engine.Cpu;
using Spd.Engine.Execution;
using Spd.Engine.Graphs;
using Spd.Engine.Operations;
using Spd.Tests;
using static Spd.Engine.Tests.Samples;

namespace Spd.Engine.Tests.Execution;

public sealed class ProgramTests
{
    private const int Features = 7;

    [Theory]
    [InlineData(1)]
    [InlineData(31)]
    [InlineData(300)]
    [InlineData(5000)]
    public void TheNumberOfThreadsChangesNoBit(int batch)
    {
        double[]? expected = null;
        foreach (int threads in new[] { 1, 2, 3, 8, 64 })
        {
            using var backend = TestBackend.Create(threads);
            var network = new SmallNetwork(batch, backend);
            double[] results = [.. Enumerable.Range(0, 3).SelectMany(step => network.Run(step))];
            expected ??= results;
            Assert.Contains(expected, value => value != 0);
            SameBits(expected, results);
        }
    }

    [Theory]
    [InlineData(257)]
    [InlineData(700)]
    [InlineData(6000)]
    public void ManyPanelsGiveWhatSinglePanelsGive(int batch)
    {
        float[] x = Numbers(batch * Features, seed: 1);
        using var backend = TestBackend.Create();
        var whole = new SmallNetwork(batch, backend, isGiven: true);
        Assert.True(whole.Program.Plan.Panels > 1);
        double[] expected = new double[whole.Length];
        for (int first = 0; first < batch; first += 100)
        {
            int rows = Math.Min(100, batch - first);
            var part = new SmallNetwork(rows, backend, isGiven: true);
            Assert.Equal(1, part.Program.Plan.Panels);
            double[] result = part.Run(0, x[(first * Features)..((first + rows) * Features)]);
            for (int i = 0; i < expected.Length; i++) expected[i] += result[i] * rows / batch;
        }

        double[] actual = whole.Run(0, x);
        for (int i = 0; i < expected.Length; i++) Assert.Equal(expected[i], actual[i], 1e-5 * Math.Max(1, Math.Abs(expected[i])));
    }

    [Theory]
    [InlineData(false, 2000, 1)]
    [InlineData(false, 2000, 3)]
    [InlineData(false, 2000, 40)]
    [InlineData(true, 2000, 1)]
    [InlineData(true, 2000, 3)]
    [InlineData(true, 2000, 40)]
    [InlineData(false, 100, 8)]
    [InlineData(true, 100, 8)]
    public void AnExceptionInAKernelSurfacesAndTheNextRunIsClean(bool inBackward, int batch, int threads)
    {
        using var backend = TestBackend.Create(threads);
        var network = new SmallNetwork(batch, backend);
        double[] expected = network.Run(0);
        for (int round = 0; round < 5; round++)
        {
            var fuse = inBackward ? network.Backward : network.Forward;
            fuse.PanelThatBlows = round % network.Program.Plan.Panels;
            Assert.Equal("the fuse blew", Assert.Throws<InvalidDataException>(() => network.Run(0)).Message);
            fuse.PanelThatBlows = -1;
            SameBits(expected, network.Run(0));
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(40)]
    public void LeavesOfTwoRanksAddUpToTheSameBits(int threads)
    {
        const int Batch = 5000;
        using var alone = TestBackend.Create(threads);
        double[] expected = new SmallNetwork(Batch, alone).Run(0);
        var ranks = new TwoRanks(alone.Reduction, leaves: 16);
        using var together = new CpuBackend(threads, TestBackend.KernelName) { Reduction = ranks };
        var network = new SmallNetwork(Batch, together);
        Assert.Equal(16, network.Program.Plan.Leaves);
        for (int run = 1; run <= 2; run++)
        {
            SameBits(expected, network.Run(0));
            Assert.Equal(run, ranks.NumberMessages);
            Assert.InRange(ranks.Messages, run, int.MaxValue);
        }
    }

    [Fact]
    public void LossesAloneAreThoseOfTraining()
    {
        using var backend = TestBackend.Create();
        var network = new SmallNetwork(300, backend);
        var measured = backend.Compile(network.Objective, 300);
        network.Run(4);
        measured.Run(seed: 1, step: 4);
        Assert.Equal(network.Program.Losses.ToArray(), measured.Losses.ToArray());
        Assert.Equal(network.Program.TotalLoss, measured.TotalLoss);
        Assert.True(measured.Plan.PanelRows < network.Program.Plan.PanelRows);
        Assert.True(measured.Gradients.Of(network.First).IsEmpty);
    }

    [Fact]
    public void AWideGraphStaysRight()
    {
        const int Wide = 1500, Rows = 200;
        var weight = Filled("weight", Wide, 3, seed: 2);
        var graph = new Graph();
        var x = graph.Input(3);
        float[] batch = Numbers(3 * Rows, seed: 3);
        var y = graph.MatMul(weight, x);
        using var backend = TestBackend.Create(threads: 5);
        float[] outputs = backend.Compute(graph, x, batch, [y])[0];
        for (int row = 0; row < Rows; row++)
        {
            for (int o = 0; o < Wide; o += 37)
                Assert.Equal(Enumerable.Range(0, 3).Sum(i => (double)weight[o, i] * batch[row * 3 + i]), outputs[row * Wide + o], 1e-5);
        }
    }

    [Fact]
    public void TwoLossesOfOneWeightDoNotDisturbEachOther()
    {
        Parameter v = Filled("v", 60, 64, seed: 5), u = Filled("u", 60, 64, seed: 6);
        float[] Gradients(int threads)
        {
            var graph = new Graph();
            var objective = new Objective(graph);
            for (int i = 0; i < 6; i++)
                objective.Add("weights", graph.SquaredError(graph.MatMul(u, graph.Weight(v), transposed: true), graph.Weight(Filled("target", 64, 64, seed: i))));
            using var backend = TestBackend.Create(threads);
            var program = backend.Compile(objective, 1, new ParameterSet([v, u]));
            program.Run(0, 0);
            return [.. program.Gradients.Of(v), .. program.Gradients.Of(u)];
        }

        float[] expected = Gradients(1);
        for (int round = 0; round < 20; round++) Assert.Equal(expected, Gradients(3));
    }

    [Fact]
    public void ABatchOfTheWrongSizeIsRefusedInASentence()
    {
        var graph = new Graph();
        var x = graph.Input(2);
        var matrix = graph.Add(new Input(new Shape(Domain.Weights, 2, 3)));
        var objective = new Objective(graph);
        objective.Add("loss", graph.SquaredError(x, x));
        objective.Add("weights", graph.SquaredError(matrix, matrix));
        using var backend = TestBackend.Create();
        var program = backend.Compile(objective, 3);
        Assert.Equal(
            "the input has 4 numbers, but 3 rows of 2 features were asked for (Parameter 'values')",
            Assert.Throws<ArgumentException>(() => program.Set(x, new float[4])).Message);
        Assert.Equal(
            "the input has 5 numbers, but a matrix [2, 3] was asked for (Parameter 'values')",
            Assert.Throws<ArgumentException>(() => program.Set(matrix, new float[5])).Message);
        Assert.Contains("no input that this program reads", Assert.Throws<ArgumentException>(() => program.Set(graph.Relu(x), new float[6])).Message, StringComparison.Ordinal);
        Assert.Contains("no input that this program reads", Assert.Throws<ArgumentException>(() => program.Set(graph.Input(2), new float[6])).Message, StringComparison.Ordinal);
        Assert.Contains("was not set", Assert.Throws<InvalidOperationException>(() => program.Run(0, 0)).Message, StringComparison.Ordinal);
        program.Set(x, new float[6]);
        Assert.Equal("the input [2, 3] was not set: give it its values before a run", Assert.Throws<InvalidOperationException>(() => program.Run(0, 0)).Message);
        program.Set(matrix, [1, 2, 3, 4, 5, 6]);
        program.Run(0, 0);
        Assert.Equal(0, program.TotalLoss);
    }

    [Fact]
    public void OnlyWhatIsKeptCanBeRead()
    {
        var graph = new Graph();
        var x = graph.Input(2);
        var y = graph.Relu(x);
        var objective = new Objective(graph);
        objective.Add("loss", graph.SquaredError(y, x));
        using var backend = TestBackend.Create();
        var program = backend.Compile(objective, 3, keep: [x]);
        program.Set(x, [1, -2, 3, 4, -5, 6]);
        program.Run(0, 0);
        Assert.Equal([1, -2, 3, 4, -5, 6], program.Read(x));
        Assert.Contains("not kept", Assert.Throws<ArgumentException>(() => program.Read(y)).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => program.Read(graph.Input(2)));
        Assert.Equal((4 + 25) / 6.0, program.ReadNumber(objective.Terms[0].Loss), 1e-6);
        Assert.Equal([(float)program.TotalLoss], program.Read(objective.Terms[0].Loss));
    }

    [Fact]
    public void AnOperationWithoutAKernelIsNamed()
    {
        var graph = new Graph();
        var y = graph.Add(new Fuse(graph.Input(2), new Switch(), new Switch()));
        using var backend = TestBackend.Create();
        var exception = Assert.Throws<NotSupportedException>(() => backend.Compile(new Objective(graph), 3, keep: [y]));
        Assert.Contains("no kernel for the operation Fuse", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void FortyMillionTrainedNumbersHaveTheSameBitsOnManyThreads()
    {
        const int Outputs = 20_480, Inputs = 2048;
        bool isScalar = TestBackend.IsScalar;
        var weight = new Parameter("weight", Outputs, Inputs);
        int batch = isScalar ? 32 : 160;
        ulong[] hashes = [.. new[] { 1, 64 }.Select(threads =>
        {
            var values = weight.Values;
            for (int i = 0; i < values.Length; i++) values[i] = (i % 1009 - 504) * 1e-4f;
            var graph = new Graph();
            var x = graph.Uniform(Inputs, 2);
            var objective = new Objective(graph);
            objective.Add("power", graph.SquaredError(graph.MatMul(weight, x), graph.Uniform(Outputs, 3)));
            using var backend = TestBackend.Create(threads);
            var program = backend.Compile(objective, batch, new ParameterSet([weight]));
            Assert.Equal(1, program.Plan.Leaves);
            ulong bits = 14695981039346656037;
            for (int step = 0; step < 2; step++)
            {
                program.Run(3, step);
                var gradient = program.Gradients.Of(weight);
                for (int i = 0; i < values.Length; i++)
                {
                    values[i] -= 1000 * gradient[i];
                    bits = (bits ^ BitConverter.SingleToUInt32Bits(gradient[i])) * 1099511628211;
                }
            }

            Assert.True(double.IsFinite(program.TotalLoss) && program.TotalLoss > 0);
            return bits;
        })];
        Assert.Equal(hashes[0], hashes[1]);
    }

    /// <summary>A network with every kind of loss, on random or given inputs.</summary>
    private sealed class SmallNetwork
    {
        private readonly Value? _given;
        private readonly Parameter[] _parameters;

        public SmallNetwork(int batch, CpuBackend backend, bool isGiven = false)
        {
            First = Filled("first", 11, Features, seed: 10);
            Parameter second = Filled("second", 3, 11, seed: 11), bias = Filled("bias", 11, seed: 12), v = Filled("v", 4, 3, seed: 13), u = Filled("u", 4, 5, seed: 14);
            Parameter[] gate = [Filled("in", 11, 5, seed: 15), Filled("in bias", 11, 5, seed: 16), Filled("out", 11, 5, seed: 17), Filled("out bias", 11, seed: 18)];
            _parameters = [First, second, bias, v, u, .. gate];
            var graph = new Graph();
            if (isGiven) _given = graph.Input(Features);
            var x = _given ?? graph.Uniform(Features, 2);
            var fuse = graph.Add(new Fuse(graph.MatMul(First, x), Forward, Backward));
            var hidden = graph.Add(new Gelu(graph.AddBias(fuse, bias)));
            var output = graph.MatMul(second, graph.Multiply(hidden, graph.RowMlp(hidden, gate[0], gate[1], gate[2], gate[3])));
            var target = graph.MatMul(new Parameter("frozen", 3, Features), x);
            Objective = new Objective(graph);
            Objective.Add("square", graph.SquaredError(output, target));
            Objective.Add("divergence", graph.Divergence(output, target), 1, 0.5);
            Objective.Add("power", graph.PowerSum(graph.Relu(output), 2, second), 1, 0.1);
            Objective.Add("weights", graph.SquaredError(graph.MatMul(u, graph.Weight(v), transposed: true), graph.Weight(Filled("target", 5, 3, seed: 20))), 2);
            backend.Add(new FuseKernel());
            Program = backend.Compile(Objective, batch, new ParameterSet(_parameters));
        }

        public Objective Objective { get; }

        public Engine.Execution.Program Program { get; }

        public Parameter First { get; }

        public Switch Forward { get; } = new();

        public Switch Backward { get; } = new();

        public int Length => Program.Losses.Length + _parameters.Sum(parameter => parameter.Count);

        public double[] Run(int step, float[]? inputs = null)
        {
            if (inputs is not null) Program.Set(_given!, inputs);
            Program.Run(seed: 1, step);
            return [.. Program.Losses, .. _parameters.SelectMany(parameter => Program.Gradients.Of(parameter).ToArray().Select(value => (double)value))];
        }
    }

    /// <summary>The second half of the leaves adds to memory of its own, to which the first half's total is sent, and from which the whole is sent back.</summary>
    private sealed unsafe class TwoRanks(IReduction local, int leaves) : IReduction
    {
        private readonly ConcurrentDictionary<nint, float[]> _second = [];
        private double[] _secondNumbers = [];
        private int _messages;

        public int Messages => _messages;

        public int NumberMessages { get; private set; }

        public void Add(int leaf, int length, float* sums, float* total, bool isMaximum)
        {
            if (leaf < leaves / 2)
            {
                local.Add(leaf, length, sums, total, isMaximum);
                return;
            }

            var here = new Span<float>(total, length);
            float[] there = _second.GetOrAdd((nint)total, _ => new float[length]);
            if (leaf == leaves / 2)
            {
                here.CopyTo(there);
                here.Fill(float.NaN);
                Interlocked.Increment(ref _messages);
            }

            fixed (float* second = there) local.Add(leaf, length, sums, second, isMaximum);
            if (leaf == leaves - 1) there.CopyTo(here);
        }

        public void Add(int leaf, ReadOnlySpan<double> numbers, Span<double> total)
        {
            if (leaf == leaves / 2)
            {
                _secondNumbers = total.ToArray();
                total.Fill(double.NaN);
                NumberMessages++;
            }

            local.Add(leaf, numbers, leaf < leaves / 2 ? total : _secondNumbers);
            if (leaf == leaves - 1) _secondNumbers.CopyTo(total);
        }
    }

    private sealed class Switch
    {
        public int PanelThatBlows { get; set; } = -1;
    }

    /// <summary>Passes everything through, until it is told to throw on a panel.</summary>
    private sealed record Fuse(Value X, Switch Here, Switch OnTheWayBack) : Operation
    {
        public override IReadOnlyList<Value> Inputs => [X];

        public override IReadOnlyList<Shape> Results => [X.Shape];

        protected internal override void Differentiate(Derivative of, IReadOnlyList<Value?> d) =>
            of.Add(X, of.Graph.Add(new Fuse(d[0]!, OnTheWayBack, OnTheWayBack)));
    }

    private sealed class FuseKernel : CpuKernel<Fuse>
    {
        public override void Run(Fuse operation, in Call call)
        {
            if (call.Workspace.Panel == operation.Here.PanelThatBlows) throw new InvalidDataException("the fuse blew");
            call.Input(0).CopyTo(call.Result(0));
        }
    }
}
