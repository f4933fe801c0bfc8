using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Spd.Fuzz;

/// <summary>Changes bytes at random. The same seed, kind and number make the same changes, on every machine.</summary>
/// <param name="seed">The seed of all mutants.</param>
/// <param name="kind">The kind of file.</param>
/// <param name="number">The number of the mutant.</param>
public sealed class Mutator(ulong seed, string kind, long number)
{
    // Longer ones say no more about a reader, and take its time.
    private const int Longest = 1 << 18, MostChanges = 8;

    private static readonly long[] Numbers =
    [
        0, 1, -1, 2, 3, 4, 7, 8, 16, 63, 64, 100, 127, 128, 255, 256, 1000, 1024, 4096, 32767, 32768, 65535, 65536, 100_000, 1_000_000, 1 << 24,
        int.MaxValue, int.MinValue, (long)int.MaxValue + 1, uint.MaxValue, (long)uint.MaxValue + 1, 1L << 40, 1L << 53, (1L << 62) + 1, long.MaxValue, long.MinValue,
    ];

    private static readonly byte[][] NumberTexts =
    [
        .. new[]
        {
            "0", "1", "-1", "2", "1e3", "1e-3", "1e400", "-1e400", "0.1", "1.5", "NaN", "Infinity", "-0", "00", "2147483647", "2147483648", "4294967296",
            "9223372036854775807", "9223372036854775808", "18446744073709551615", "18446744073709551616", "99999999999999999999999999999999", "1e99999999999",
        }.Select(Encoding.ASCII.GetBytes),
    ];

    private readonly Random random = new(BinaryPrimitives.ReadInt32LittleEndian(
        SHA256.HashData(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{seed}:{kind}:{number}")))));

    /// <summary>A whole number from 0 on, below a limit that is at least 1.</summary>
    public int Below(int limit) => random.Next(limit);

    /// <summary>One of several.</summary>
    public T OneOf<T>(IReadOnlyList<T> items) => items[random.Next(items.Count)];

    /// <summary>True once in so many times.</summary>
    public bool OnceIn(int times) => random.Next(times) == 0;

    /// <summary>A copy with one to eight changes, seldom many.</summary>
    /// <param name="bytes">What is changed.</param>
    /// <param name="others">Others of its kind, parts of which may come into it.</param>
    /// <param name="words">What means something in files of its kind.</param>
    public byte[] Mutate(byte[] bytes, IReadOnlyList<byte[]> others, IReadOnlyList<byte[]> words)
    {
        var mutant = new List<byte>(bytes);
        int changes = 1;
        while (changes < MostChanges && OnceIn(2)) changes++;
        for (int i = 0; i < changes; i++) Change(mutant, others, words);
        if (mutant.Count > Longest) mutant.RemoveRange(Longest, mutant.Count - Longest);
        return [.. mutant];
    }

    private void Change(List<byte> mutant, IReadOnlyList<byte[]> others, IReadOnlyList<byte[]> words)
    {
        int at = random.Next(mutant.Count + 1);
        switch (random.Next(16))
        {
            case 0 or 1 when at < mutant.Count:
                mutant[at] ^= (byte)(1 << random.Next(8));
                break;
            case 2 when at < mutant.Count:
                mutant[at] = (byte)random.Next(256);
                break;
            case 3 when at < mutant.Count:
                mutant[at] = OneOf<byte>([0, 1, 0x7f, 0x80, 0xff, (byte)'\n', (byte)' ', (byte)'"', (byte)'\'', 0x1b]);
                break;
            case 4 or 5:
                Overwrite(mutant, at, NumberBytes());
                break;
            case 6:
                mutant.RemoveRange(at, Math.Min(Length(), mutant.Count - at));
                break;
            case 7:
                mutant.InsertRange(random.Next(mutant.Count + 1), mutant.GetRange(at, Math.Min(Length(), mutant.Count - at)));
                break;
            case 8:
                byte[] noise = new byte[1 + random.Next(8)];
                random.NextBytes(noise);
                mutant.InsertRange(at, noise);
                break;
            case 9 or 10:
                mutant.InsertRange(at, OneOf(words));
                break;
            case 11:
                Overwrite(mutant, at, OneOf(words));
                break;
            case 12:
                mutant.RemoveRange(at, mutant.Count - at);
                break;
            case 13:
                Splice(mutant, at, OneOf(others));
                break;
            case 14:
                ReplaceNumber(mutant, at);
                break;
            default:
                // So deep or so often that a reader that calls itself, or builds all that it is told to, comes to its end.
                byte[] word = OneOf(words);
                int times = Math.Min(OnceIn(100) ? 100_000 : OnceIn(10) ? 2000 : 1 + random.Next(30), Longest / Math.Max(1, word.Length));
                mutant.InsertRange(at, Enumerable.Repeat(word, times).SelectMany(bytes => bytes));
                break;
        }
    }

    private int Length() => OnceIn(4) ? 1 + random.Next(4096) : 1 + random.Next(32);

    private byte[] NumberBytes()
    {
        long value = OneOf(Numbers);
        byte[] bytes = new byte[1 << random.Next(4)];
        bool isBigEndian = OnceIn(3);
        for (int i = 0; i < bytes.Length; i++) bytes[isBigEndian ? bytes.Length - 1 - i : i] = (byte)(value >> (8 * i));
        return bytes;
    }

    private static void Overwrite(List<byte> mutant, int at, byte[] bytes)
    {
        mutant.RemoveRange(at, Math.Min(bytes.Length, mutant.Count - at));
        mutant.InsertRange(at, bytes);
    }

    private void Splice(List<byte> mutant, int at, byte[] other)
    {
        int from = random.Next(other.Length + 1);
        if (OnceIn(2))
        {
            mutant.RemoveRange(at, mutant.Count - at);
            mutant.AddRange(other[from..]);
        }
        else
        {
            mutant.InsertRange(at, other[from..Math.Min(other.Length, from + Length())]);
        }
    }

    /// <summary>Puts another number in the place of the next one that is written in digits.</summary>
    private void ReplaceNumber(List<byte> mutant, int at)
    {
        int start = mutant.FindIndex(at, letter => char.IsAsciiDigit((char)letter));
        if (start < 0) return;
        int end = start;
        while (end < mutant.Count && char.IsAsciiDigit((char)mutant[end])) end++;
        mutant.RemoveRange(start, end - start);
        mutant.InsertRange(start, OneOf(NumberTexts));
    }
}
