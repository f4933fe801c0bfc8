using System.Diagnostics;
using Spd.Engine.Execution;
using Spd.Engine.Graphs;
using Spd.Engine.Kernels;
using Spd.Engine.Optimisation;

namespace Spd.Engine.Cpu;

/// <summary>
/// What each kind of work takes at best on a thread of this machine, all numbers in the first level of the cache, while all threads do the same: those that
/// share a core, or its clock, are then no faster than in a step. No step can take less.
/// </summary>
/// <param name="Nanoseconds">Nanoseconds of one of each kind.</param>
public sealed record Peaks(Work Nanoseconds)
{
    // A product of 48 x 64 weights; sums over lanes, with lanes enough that what comes behind them counts for little. All lie in 32 KiB.
    private const int Rows = 48, Columns = 64, Lanes = 32, OuterRows = 24, OuterLanes = 128, MlpRows = 4, Width = 16, MlpLanes = 256, Stretch = 3072;
    private const int CallsAtATime = 4;
    private const double SecondsEach = 0.05;

    private unsafe delegate void Call(float* a, float* b, float* c, float* d);

    /// <summary>Measures a back end's kernels on all of its threads at once, in a third of a second.</summary>
    public static unsafe Peaks Measure(Backend backend)
    {
        var kernels = backend.Kernels;
        var key = new RandomKey(1, 0, 0);
        return new Peaks(new Work(
            MultiplyAdds: Shortest(
                backend, Rows * Columns * Lanes, (a, b, c, d) => kernels.MatrixProduct(Rows, Columns, Lanes, a, Columns, 1, b, Lanes, c, Lanes, accumulate: false)),
            OuterMultiplyAdds: Shortest(
                backend, OuterRows * OuterRows * OuterLanes,
                (a, b, c, d) => kernels.AccumulateOuterProduct(OuterRows, OuterRows, OuterLanes, a, b, OuterLanes, c, OuterRows)),
            Gelus: Shortest(backend, MlpRows * Width * MlpLanes, (a, b, c, d) => kernels.GateForward(Mlps(d), MlpLanes, a, b, MlpLanes)),
            GeluGradients: Shortest(
                backend, MlpRows * Width * MlpLanes,
                (a, b, c, d) => kernels.GateBackward(Mlps(d), Mlps(c), MlpLanes, a, b, b + MlpRows * MlpLanes, MlpLanes)),
            Uniforms: Shortest(backend, Stretch, (a, b, c, d) => kernels.Uniform(key, 0, Rows, Columns, c, Columns, 0)),
            Entries: Shortest(backend, Stretch / 2, (a, b, c, d) => kernels.Combine(new AddScaled(0.5f), Stretch / 2, a, b, c))));
    }

    /// <summary>The milliseconds below which no run can come that so many threads share evenly, by kind; <see cref="Work.Sum"/> is the floor.</summary>
    public Work Floor(Work work, int threads) => work * Nanoseconds * (1e-6 / threads);

    private static unsafe GateParameters Mlps(float* at) =>
        new(MlpRows, Width, at, at + MlpRows * Width, at + 2 * MlpRows * Width, at + 3 * MlpRows * Width);

    private static double Shortest(Backend backend, int count, Call call)
    {
        var timing = new Timing(call, new double[backend.Threads]);
        backend.Pool.Run(timing, backend.Threads);
        return timing.Shortest.Average() / CallsAtATime / count;
    }

    private sealed class Timing(Call call, double[] shortest) : IParallelWork
    {
        public double[] Shortest => shortest;

        public unsafe void Execute(int item, int worker)
        {
            var memory = new AlignedBuffer(4 * Stretch);
            new RandomSequence(1, stream: 0).FillNormal(memory.Span, 0.5);
            float* first = memory.Pointer;
            shortest[item] = double.PositiveInfinity;
            long begin = Stopwatch.GetTimestamp();
            do
            {
                long start = Stopwatch.GetTimestamp();
                for (int i = 0; i < CallsAtATime; i++) call(first, first + Stretch, first + 2 * Stretch, first + 3 * Stretch);
                shortest[item] = Math.Min(shortest[item], Stopwatch.GetElapsedTime(start).TotalNanoseconds);
            }
            while (Stopwatch.GetElapsedTime(begin).TotalSeconds < SecondsEach);

            GC.KeepAlive(memory);
        }
    }
}
