using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Spd.Bench;

/// <summary>What one core of this machine does at its best, measured now: its clock, and its multiply-adds in registers.</summary>
public static class Peak
{
    private const MethodImplOptions Hot = MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining;
    private const int Repetitions = 25;
    private const long Rounds = 200_000;
    private const int ChainLength = 8;
    private const int Sums = 12;

    /// <summary>Seconds of one clock cycle: a chain of integer additions and exclusive-ors, each of which takes one and waits for the one before.</summary>
    public static double SecondsPerCycle() => Shortest(() => Chain(Rounds)) / (Rounds * ChainLength);

    /// <summary>Floating-point operations per second of a kernel set's vectors, a multiply-add being two.</summary>
    public static double OperationsPerSecond(string set) => set == "vector512"
        ? 2.0 * Vector512<float>.Count * Sums * Rounds / Shortest(() => MultiplyAdds512(Rounds, Vector512.Create(0.5f)))
        : 2.0 * Vector256<float>.Count * Sums * Rounds / Shortest(() => MultiplyAdds256(Rounds, Vector256.Create(0.5f)));

    private static double Shortest(Action action)
    {
        double shortest = double.PositiveInfinity;
        for (int i = 0; i < Repetitions; i++)
        {
            long start = Stopwatch.GetTimestamp();
            action();
            shortest = Math.Min(shortest, Stopwatch.GetElapsedTime(start).TotalSeconds);
        }
        return shortest;
    }

    [MethodImpl(Hot)]
    private static long Chain(long rounds)
    {
        long value = 1;
        for (long i = 0; i < rounds; i++)
        {
            value += i;
            value ^= rounds;
            value += i;
            value ^= rounds;
            value += i;
            value ^= rounds;
            value += i;
            value ^= rounds;
        }
        return value;
    }

    [MethodImpl(Hot)]
    private static Vector512<float> MultiplyAdds512(long rounds, Vector512<float> x)
    {
        Vector512<float> a = x, b = x, c = x, d = x, e = x, f = x, g = x, h = x, i = x, j = x, k = x, l = x;
        for (long round = 0; round < rounds; round++)
        {
            a = Vector512.FusedMultiplyAdd(a, x, x);
            b = Vector512.FusedMultiplyAdd(b, x, x);
            c = Vector512.FusedMultiplyAdd(c, x, x);
            d = Vector512.FusedMultiplyAdd(d, x, x);
            e = Vector512.FusedMultiplyAdd(e, x, x);
            f = Vector512.FusedMultiplyAdd(f, x, x);
            g = Vector512.FusedMultiplyAdd(g, x, x);
            h = Vector512.FusedMultiplyAdd(h, x, x);
            i = Vector512.FusedMultiplyAdd(i, x, x);
            j = Vector512.FusedMultiplyAdd(j, x, x);
            k = Vector512.FusedMultiplyAdd(k, x, x);
            l = Vector512.FusedMultiplyAdd(l, x, x);
        }
        return a + b + c + d + e + f + g + h + i + j + k + l;
    }

    [MethodImpl(Hot)]
    private static Vector256<float> MultiplyAdds256(long rounds, Vector256<float> x)
    {
        Vector256<float> a = x, b = x, c = x, d = x, e = x, f = x, g = x, h = x, i = x, j = x, k = x, l = x;
        for (long round = 0; round < rounds; round++)
        {
            a = Vector256.FusedMultiplyAdd(a, x, x);
            b = Vector256.FusedMultiplyAdd(b, x, x);
            c = Vector256.FusedMultiplyAdd(c, x, x);
            d = Vector256.FusedMultiplyAdd(d, x, x);
            e = Vector256.FusedMultiplyAdd(e, x, x);
            f = Vector256.FusedMultiplyAdd(f, x, x);
            g = Vector256.FusedMultiplyAdd(g, x, x);
            h = Vector256.FusedMultiplyAdd(h, x, x);
            i = Vector256.FusedMultiplyAdd(i, x, x);
            j = Vector256.FusedMultiplyAdd(j, x, x);
            k = Vector256.FusedMultiplyAdd(k, x, x);
            l = Vector256.FusedMultiplyAdd(l, x, x);
        }
        return a + b + c + d + e + f + g + h + i + j + k + l;
    }
}
