namespace Spd.Baselines;

/// <summary>The largest numbers of a batch.</summary>
public sealed class BatchTopK
{
    private const int Bins = 1 << 16;

    private readonly int[] _counts = new int[Bins];

    /// <summary>Marks the <paramref name="count"/> largest values; of equal ones, those that come first.</summary>
    /// <param name="values">Numbers that are not negative.</param>
    /// <param name="count">How many, at least 0; all where there are fewer values.</param>
    /// <param name="chosen">Receives whether each value is one of them.</param>
    /// <remarks>
    /// Such numbers are in the order of their bits, so that the smallest chosen is found by counting upper halves, then lower halves: no sorting.
    /// </remarks>
    public void Choose(ReadOnlySpan<float> values, int count, Span<bool> chosen)
    {
        if (count >= values.Length)
        {
            chosen.Fill(true);
            return;
        }

        Array.Clear(_counts);
        foreach (float value in values) _counts[Bits(value) >> 16]++;
        var (upper, left) = Descend(count);
        Array.Clear(_counts);
        foreach (float value in values)
            if (Bits(value) >> 16 == upper) _counts[Bits(value) & (Bins - 1)]++;
        var (lower, equal) = Descend(left);
        uint smallest = (upper << 16) | lower;
        for (int i = 0; i < values.Length; i++)
        {
            uint bits = Bits(values[i]);
            chosen[i] = bits > smallest || (bits == smallest && equal-- > 0);
        }
    }

    /// <summary>The bin that holds number <paramref name="count"/> from above, and how many of that bin are still needed.</summary>
    private (uint Bin, int Left) Descend(int count)
    {
        int bin = Bins - 1;
        while (bin > 0 && _counts[bin] < count) count -= _counts[bin--];
        return ((uint)bin, count);
    }

    private static uint Bits(float value) => BitConverter.SingleToUInt32Bits(value);
}
