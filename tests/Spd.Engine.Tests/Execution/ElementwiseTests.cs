using Spd.Engine.Cpu;
using Spd.Engine.Graphs;
using Spd.Engine.Operations;
using static Spd.Engine.Tests.Samples;
using Spd.Engine.Tests.Kernels;

namespace Spd.Engine.Tests.Execution;

/// <summary>The derivatives of elementwise operations are stored, or added to what lies there, as the plan says: both give the same bits.</summary>
public sealed class ElementwiseTests
{
    private const int Features = 5, Rows = 300;

    private static readonly Func<Value, Map>[] Maps =
    [
        x => new Relu(x), x => new Gelu(x), x => new GeluTanh(x), x => new Tanh(x), x => new Sigmoid(x), x => new Silu(x), x => new Absolute(x),
        x => new Power(x, 0.7f, 0.1f), x => new Above(x, 0.5f), x => new LowerLeakyHardSigmoid(x), x => new UpperLeakyHardSigmoid(x),
        x => new HardSigmoid(x, 0.1f), x => new LeakyHardSigmoid(x), x => new LeakyHardSigmoid(x, IsSymmetric: true), x => new SwishHardSigmoid(x),
        x => new Affine(x, 2, -1), x => new FrequencyCost(x, 3),
    ];

    private static readonly Func<Value, Value, Combine>[] Combines =
        [(a, b) => new Multiply(a, b), (a, b) => new Interpolate(a, b), (a, b) => new SwiGlu(a, b), (a, b) => new AffineBelow(a, b, 0.5f, 2, -1)];

    private static readonly Func<Value, Value, NumberMap>[] NumberMaps =
        [(x, n) => new PowerOf(x, n, 0.1f), (x, n) => new SmoothCount(x, n), (x, n) => new SmoothCount(x, n, IsOneAtOne: true)];

    public static TheoryData<string> KernelSets => [.. TriedKernels.Names];

    [Theory]
    [MemberData(nameof(KernelSets))]
    public void ADerivativeIsAddedAsItIsStored(string kernels)
    {
        using var backend = new CpuBackend(threads: 2, kernels);
        foreach (var map in Maps) Check(backend, (graph, x, _, dy) => graph.ResultsOf(new MapGradient(map(x), dy)));
        foreach (var combine in Combines) Check(backend, (graph, x, y, dy) => graph.ResultsOf(new CombineGradient(combine(x, y), dy)));
        foreach (var map in NumberMaps) Check(backend, (graph, x, _, dy) => graph.ResultsOf(new NumberMapGradient(map(x, graph.Number(0.7)), dy)));
    }

    [Theory]
    [MemberData(nameof(KernelSets))]
    public void OneOfTwoDerivativesMayBeAskedForAndEachAddedApart(string kernels)
    {
        using var backend = new CpuBackend(threads: 2, kernels);
        foreach (var combine in Combines)
        {
            for (int i = 0; i < 2; i++)
            {
                int one = i;
                Check(backend, (graph, x, y, dy) => [graph.ResultsOf(new CombineGradient(combine(x, y), dy))[one]]);
            }
        }
    }

    [Fact]
    public void EveryElementwiseOperationIsHere()
    {
        var graph = new Graph();
        var x = graph.Input(1);
        var here = Maps.Select(map => map(x).GetType()).Concat(Combines.Select(combine => combine(x, x).GetType()))
            .Concat(NumberMaps.Select(map => map(x, graph.Number(1)).GetType())).ToHashSet();
        Assert.All(
            typeof(Operation).Assembly.GetTypes().Where(type => !type.IsAbstract && (type.IsAssignableTo(typeof(Map)) || type.IsAssignableTo(typeof(Combine)) || type.IsAssignableTo(typeof(NumberMap)))),
            type => Assert.True(here.Contains(type), $"{type.Name} is not checked"));
    }

    private static void Check(CpuBackend backend, Func<Graph, Value, Value, Value, IReadOnlyList<Value>> build)
    {
        var graph = new Graph();
        Value x = graph.Input(Features), y = graph.Input(Features), dy = graph.Input(Features), before = graph.Input(Features);
        Value[] firsts = [graph.Scale(before, 2), graph.Scale(before, 3)];
        var derivatives = build(graph, x, y, dy);
        string name = derivatives[0].Source.Name;
        var stored = Run(derivatives);
        Value[] sums = [.. derivatives.Select((derivative, i) => graph.Sum([firsts[i], derivative]))];
        var added = Run(sums);
        Assert.All(Planned(stored), operation => Assert.All(operation.Results, place => Assert.False(place.Accumulates)));
        Assert.True(derivatives.Count == Planned(added).Sum(operation => operation.Results.Count(place => place.Accumulates)), $"{name} is not added");
        for (int i = 0; i < derivatives.Count; i++)
        {
            float[] derivative = stored.Read(derivatives[i]), sum = added.Read(sums[i]);
            if (derivatives[i].Source is not (MapGradient { Of: Above } or CombineGradient { Of: AffineBelow })) Assert.Contains(derivative, value => value != 0);
            SameBits(derivative.Zip(Values(4), (change, value) => (double)((i + 2) * value + change)), sum.Select(value => (double)value));
        }

        Engine.Execution.Program Run(IReadOnlyList<Value> keep)
        {
            var program = backend.Compile(new Objective(graph), Rows, keep: keep);
            foreach (var (input, seed) in new[] { (x, 1), (y, 2), (dy, 3), (before, 4) })
                if (program.Plan.Find(input) is not null) program.Set(input, Values(seed));
            program.Run(0, 0);
            return program;
        }

        static IEnumerable<Engine.Planning.PlannedOperation> Planned(Engine.Execution.Program program) => program.Plan.Phases
            .SelectMany(phase => phase.Operations).Where(operation => operation.Operation is MapGradient or CombineGradient or NumberMapGradient);

        // Powers are of positive numbers.
        static float[] Values(int seed) => seed == 1 ? Numbers(Rows * Features, seed, 0.05, 1.5) : Numbers(Rows * Features, seed);
    }
}
