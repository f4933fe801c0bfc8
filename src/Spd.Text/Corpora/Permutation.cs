using System.Numerics;

namespace Spd.Text;

/// <summary>
/// A random order of the numbers below a count, which takes no memory: a Feistel network permutes a power of four at least as large, and walks on from what lies
/// beyond the count (Black and Rogaway, "Ciphers with arbitrary finite domains", 2002).
/// </summary>
public readonly struct Permutation
{
    private const int Rounds = 8;
    private const ulong Golden = 0x9E3779B97F4A7C15;

    private readonly ulong _count, _key, _mask;
    private readonly int _halfBits;

    /// <summary>An order.</summary>
    /// <param name="count">How many numbers there are.</param>
    /// <param name="seed">Another seed, another order.</param>
    /// <param name="stream">A second number that the order depends on.</param>
    public Permutation(long count, ulong seed, ulong stream)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        _count = (ulong)count;
        _key = Mix(Mix(seed + Golden) ^ stream);
        _halfBits = Math.Max(1, (BitOperations.Log2(Math.Max(1, _count - 1)) + 2) / 2);
        _mask = (1UL << _halfBits) - 1;
    }

    /// <summary>The number at a place of the order.</summary>
    public long this[long place]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((ulong)place, _count);
            ulong number = (ulong)place;
            do number = Permute(number);
            while (number >= _count);
            return (long)number;
        }
    }

    private ulong Permute(ulong number)
    {
        ulong left = number >> _halfBits, right = number & _mask;
        for (ulong round = 0; round < Rounds; round++) (left, right) = (right, left ^ (Mix(right ^ (_key + round * Golden)) & _mask));
        return (left << _halfBits) | right;
    }

    /// <summary>The finaliser of SplitMix64 (Steele, Lea and Flood, 2014).</summary>
    private static ulong Mix(ulong value)
    {
        value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
        value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
        return value ^ (value >> 31);
    }
}
