using Spd.Engine.Cpu;
using Spd.Engine.Graphs;
using Spd.Engine.Operations;

namespace Spd.Extension.Tests;

/// <summary>An elementwise function of its own, <c>x³</c>: a record and two kernels, written against the public surface alone.</summary>
public sealed class CubeTests
{
    [Fact]
    public void ItsValueAndItsGradientAreThoseOfDoubles()
    {
        var graph = new Graph();
        Value x = graph.Input(2), y = graph.Add(new Cube(x));
        var gradient = Derivative.Of(graph, [(y, x)], [x])[x]!;
        using var backend = new CpuBackend(threads: 2).Add(new CubeKernel(), new CubeGradientKernel());
        float[] batch = [.. Enumerable.Range(0, 600).Select(i => (i - 300) / 200f)];
        float[][] results = backend.Compute(graph, x, batch, [y, gradient]);
        for (int i = 0; i < batch.Length; i++)
        {
            Assert.Equal(Math.Pow(batch[i], 3), results[0][i], 1e-5);
            Assert.Equal(3 * Math.Pow(batch[i], 3), results[1][i], 1e-5);
        }
    }

    [Fact]
    public void WithoutAKernelOfItsGradientThatIsRefusedByName()
    {
        var graph = new Graph();
        Value x = graph.Input(2), y = graph.Add(new Cube(x));
        var gradient = Derivative.Of(graph, [(y, x)], [x])[x]!;
        using var backend = new CpuBackend(threads: 1).Add(new CubeKernel());
        Assert.Equal([8, -1], backend.Compute(graph, x, [2, -1], [y])[0]);
        string refusal = Assert.Throws<NotSupportedException>(() => backend.Compute(graph, x, [2, -1], [gradient])).Message;
        Assert.Equal("the processor has no kernel for the operation CubeGradient: give it one with CpuBackend.Add", refusal);
    }

    private sealed record Cube(Value X) : Map(X);

    private sealed class CubeKernel : CpuKernel<Cube>
    {
        public override void Run(Cube operation, in Call call)
        {
            var x = call.Input(0);
            var y = call.Result(0);
            for (int i = 0; i < x.Length; i++) y[i] = x[i] * x[i] * x[i];
        }
    }

    private sealed class CubeGradientKernel : CpuKernel<MapGradient>
    {
        public override void Run(MapGradient operation, in Call call)
        {
            ReadOnlySpan<float> x = call.Input(0), dy = call.Input(1);
            var dx = call.Result(0);
            for (int i = 0; i < x.Length; i++) dx[i] = 3 * x[i] * x[i] * dy[i];
        }
    }
}
