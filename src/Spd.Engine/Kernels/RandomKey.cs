using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Spd.Engine.Kernels;

/// <summary>Names one stream of random panels: the same key always gives the same numbers, on any thread and in any order.</summary>
/// <param name="Seed">The run's seed.</param>
/// <param name="Step">The training step, or the number of the evaluation batch.</param>
/// <param name="Stream">What is drawn: a number of its own for each purpose.</param>
internal readonly record struct RandomKey(ulong Seed, uint Step, uint Stream);

/// <summary>
/// Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011): the block cipher behind every random number here.
/// The counter is (batch row / 4, panel row, step, stream), the key the seed.
/// </summary>
/// <remarks>
/// One counter gives four 32-bit words. Within 32 consecutive batch rows, row <c>i</c> takes word <c>i % 2 + 2 (i / 16)</c> of the counter
/// <c>8 (row / 32) + (i % 16) / 2</c>: the order in which vectors of 64-bit products fall out, so the vector forms shuffle nothing.
/// </remarks>
internal static unsafe class RandomBlock
{
    private const uint Multiplier0 = 0xD2511F53, Multiplier1 = 0xCD9E8D57, Weyl0 = 0x9E3779B9, Weyl1 = 0xBB67AE85;
    private const int Rounds = 10;
    private const float UlpOfOne = 1f / (1 << 24);

    /// <summary>The four words of one counter.</summary>
    public static (uint X0, uint X1, uint X2, uint X3) Words(ulong key, uint c0, uint c1, uint c2, uint c3)
    {
        uint k0 = (uint)key, k1 = (uint)(key >> 32);
        for (int round = 0; round < Rounds; round++)
        {
            ulong p0 = (ulong)Multiplier0 * c0, p1 = (ulong)Multiplier1 * c2;
            (c0, c1, c2, c3) = ((uint)(p1 >> 32) ^ c1 ^ k0, (uint)p1, (uint)(p0 >> 32) ^ c3 ^ k1, (uint)p0);
            k0 += Weyl0;
            k1 += Weyl1;
        }

        return (c0, c1, c2, c3);
    }

    /// <summary>A word as a number in [0, 1), a multiple of 2⁻²⁴.</summary>
    public static float ToUnit(uint word) => (word >> 8) * UlpOfOne;

    /// <summary>The plain form: numbers for 32 batch rows from <paramref name="firstRow"/>, a multiple of 32.</summary>
    public static void Fill(in RandomKey key, long firstRow, uint panelRow, float* output)
    {
        for (uint pair = 0; pair < 8; pair++)
        {
            var (x0, x1, x2, x3) = Words(key.Seed, (uint)(firstRow / 4) + pair, panelRow, key.Step, key.Stream);
            output[2 * pair] = ToUnit(x0);
            output[2 * pair + 1] = ToUnit(x1);
            output[16 + 2 * pair] = ToUnit(x2);
            output[17 + 2 * pair] = ToUnit(x3);
        }
    }

    /// <summary><see cref="Fill"/> with eight counters in a vector.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Fill512(in RandomKey key, long firstRow, uint panelRow, float* output)
    {
        var multiplier0 = Vector512.Create(Multiplier0);
        var multiplier1 = Vector512.Create(Multiplier1);
        uint k0 = (uint)key.Seed, k1 = (uint)(key.Seed >> 32);
        // Words live in the low halves of 64-bit elements; the high halves may hold anything, since the products ignore them.
        var c0 = Vector512.Create((ulong)(uint)(firstRow / 4)) + Vector512.Create(0UL, 1, 2, 3, 4, 5, 6, 7);
        var c1 = Vector512.Create((ulong)panelRow);
        var c2 = Vector512.Create((ulong)key.Step);
        var c3 = Vector512.Create((ulong)key.Stream);
        for (int round = 0; round < Rounds; round++)
        {
            var p0 = Avx512F.Multiply(c0.AsUInt32(), multiplier0);
            var p1 = Avx512F.Multiply(c2.AsUInt32(), multiplier1);
            c0 = (p1 >>> 32) ^ c1 ^ Vector512.Create((ulong)k0);
            c2 = (p0 >>> 32) ^ c3 ^ Vector512.Create((ulong)k1);
            c1 = p1;
            c3 = p0;
            k0 += Weyl0;
            k1 += Weyl1;
        }

        var low = Vector512.Create(0xFFFFFFFFUL);
        ToUnit((c0 & low) | (c1 << 32)).Store(output);
        ToUnit((c2 & low) | (c3 << 32)).Store(output + 16);

        static Vector512<float> ToUnit(Vector512<ulong> words) =>
            Vector512.ConvertToSingle((words.AsUInt32() >>> 8).AsInt32()) * Vector512.Create(UlpOfOne);
    }

    /// <summary><see cref="Fill"/> with four counters in a vector.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Fill256(in RandomKey key, long firstRow, uint panelRow, float* output)
    {
        for (uint half = 0; half < 2; half++)
        {
            uint k0 = (uint)key.Seed, k1 = (uint)(key.Seed >> 32);
            var c0 = Vector256.Create((ulong)((uint)(firstRow / 4) + 4 * half)) + Vector256.Create(0UL, 1, 2, 3);
            var c1 = Vector256.Create((ulong)panelRow);
            var c2 = Vector256.Create((ulong)key.Step);
            var c3 = Vector256.Create((ulong)key.Stream);
            for (int round = 0; round < Rounds; round++)
            {
                var p0 = Product(c0, Multiplier0);
                var p1 = Product(c2, Multiplier1);
                c0 = (p1 >>> 32) ^ c1 ^ Vector256.Create((ulong)k0);
                c2 = (p0 >>> 32) ^ c3 ^ Vector256.Create((ulong)k1);
                c1 = p1;
                c3 = p0;
                k0 += Weyl0;
                k1 += Weyl1;
            }

            var low = Vector256.Create(0xFFFFFFFFUL);
            ToUnit((c0 & low) | (c1 << 32)).Store(output + 8 * half);
            ToUnit((c2 & low) | (c3 << 32)).Store(output + 16 + 8 * half);
        }

        static Vector256<ulong> Product(Vector256<ulong> words, uint multiplier) => Avx2.IsSupported
            ? Avx2.Multiply(words.AsUInt32(), Vector256.Create(multiplier))
            : (words & Vector256.Create(0xFFFFFFFFUL)) * Vector256.Create((ulong)multiplier);

        static Vector256<float> ToUnit(Vector256<ulong> words) =>
            Vector256.ConvertToSingle((words.AsUInt32() >>> 8).AsInt32()) * Vector256.Create(UlpOfOne);
    }
}
