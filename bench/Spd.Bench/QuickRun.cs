using System.Diagnostics;

namespace Spd.Bench;

/// <summary>All benchmarks in this process in about ten seconds: the median and the quartiles of short repetitions, for a machine that is shared.</summary>
internal static class QuickRun
{
    private const int Repetitions = 31;
    private const double SecondsPerRepetition = 2e-3;

    public static void Print(TextWriter output)
    {
        output.WriteLine(new Speed());
        foreach (string set in MatrixBenchmarks.Sets)
        {
            foreach (MatrixShape shape in MatrixBenchmarks.Shapes)
            {
                Speed speed = new();
                MatrixBenchmarks matrices = new() { Set = set, Shape = shape };
                matrices.Setup();
                string Share(double seconds) => FormattableString.Invariant($"{100 * speed.ShareOfPeak(shape, set, seconds),5:F0} %");
                output.WriteLine($"{set} {shape,-45} product {Measure(matrices.Product, Share)}   outer product {Measure(matrices.OuterProduct, Share)}");
                matrices.Cleanup();
            }
            foreach (GateShape shape in GateBenchmarks.Shapes)
            {
                Speed speed = new();
                GateBenchmarks gates = new() { Set = set, Shape = shape };
                gates.Setup();
                string Cycles(double seconds) => FormattableString.Invariant($"{speed.CyclesPerSixteen(shape, seconds),5:F1} cycles");
                output.WriteLine($"{set} {shape,-45} forward {Measure(gates.Forward, Cycles)}   backward {Measure(gates.Backward, Cycles)}");
                gates.Cleanup();
            }
        }
    }

    private static string Measure(Action action, Func<double, string> describe)
    {
        action();
        int calls = 1;
        while (Time(action, calls) < SecondsPerRepetition / 2) calls *= 2;
        double[] seconds = [.. Enumerable.Range(0, Repetitions).Select(_ => Time(action, calls) / calls).Order()];
        return $"{describe(seconds[Repetitions / 2])} "
            + $"(quartiles {describe(seconds[Repetitions / 4]).Trim()} .. {describe(seconds[Repetitions * 3 / 4]).Trim()})";
    }

    private static double Time(Action action, int calls)
    {
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < calls; i++) action();
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }
}
