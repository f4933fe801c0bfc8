using System.Diagnostics;
using Spd.Engine.Execution;
using Spd.Engine.Graphs;
using Spd.Engine.Kernels;
using Spd.Engine.Optimisation;

namespace Spd.Engine.Cpu;

/// <summary>What each kind of work takes at best on one thread of this machine, all numbers in the first level of the cache; no step can take less than that.</summary>
/// <param name="Nanoseconds">Nanoseconds of one of each kind.</param>
public sealed record Peaks(Work Nanoseconds)
{
    // A product of 48 x 64 weights; sums over lanes, with lanes enough that what comes behind them counts for little. All lie in 32 KiB.
    private const int Rows = 48, Columns = 64, Lanes = 32, OuterRows = 24, OuterLanes = 128, MlpRows = 4, Width = 16, MlpLanes = 256, Stretch = 3072;
    private const int CallsAtATime = 4;
    private const double SecondsEach = 0.05;

    /// <summary>Measures a back end's kernels, in a third of a second.</summary>
    public static unsafe Peaks Measure(Backend backend)
    {
        var kernels = backend.Kernels;
        var memory = new AlignedBuffer(4 * Stretch);
        new RandomSequence(1, default).FillNormal(memory.Span, 0.5);
        float* first = memory.Pointer, second = first + Stretch, third = second + Stretch, weights = third + Stretch;
        const int Mlp = MlpRows * Width, MlpPanel = MlpRows * MlpLanes;
        var gate = new GateParameters(MlpRows, Width, weights, weights + Mlp, weights + 2 * Mlp, weights + 3 * Mlp);
        var gradient = new GateParameters(MlpRows, Width, third, third + Mlp, third + 2 * Mlp, third + 3 * Mlp);
        var key = new RandomKey(1, 0, 0);
        var peaks = new Peaks(new Work(
            MultiplyAdds: Shortest(Rows * Columns * Lanes, () => kernels.MatrixProduct(Rows, Columns, Lanes, first, Columns, 1, second, third, Lanes, accumulate: false)),
            OuterMultiplyAdds: Shortest(
                OuterRows * OuterRows * OuterLanes, () => kernels.AccumulateOuterProduct(OuterRows, OuterRows, OuterLanes, first, second, OuterLanes, third, OuterRows)),
            Gelus: Shortest(Mlp * MlpLanes, () => kernels.GateForward(gate, MlpLanes, first, second, MlpLanes)),
            GeluGradients: Shortest(Mlp * MlpLanes, () => kernels.GateBackward(gate, gradient, MlpLanes, first, second, second + MlpPanel, MlpLanes)),
            Uniforms: Shortest(Stretch, () => kernels.Uniform(key, 0, Rows, Columns, third, Columns, 0)),
            Entries: Shortest(Stretch / 2, () => kernels.Combine(new AddScaled(0.5f), Stretch / 2, first, second, third))));
        GC.KeepAlive(memory);
        return peaks;
    }

    /// <summary>The milliseconds below which no run can come that so many threads share evenly, by kind; <see cref="Work.Sum"/> is the floor.</summary>
    public Work Floor(Work work, int threads) => work * Nanoseconds * (1e-6 / threads);

    private static double Shortest(int count, Action call)
    {
        double shortest = double.PositiveInfinity;
        long begin = Stopwatch.GetTimestamp();
        do
        {
            long start = Stopwatch.GetTimestamp();
            for (int i = 0; i < CallsAtATime; i++) call();
            shortest = Math.Min(shortest, Stopwatch.GetElapsedTime(start).TotalNanoseconds);
        }
        while (Stopwatch.GetElapsedTime(begin).TotalSeconds < SecondsEach);

        return shortest / CallsAtATime / count;
    }
}
