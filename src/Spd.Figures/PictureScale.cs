namespace Spd.Figures;

/// <summary>The colours of small pictures that are to be compared: each number is a pixel, on one scale for all of them.</summary>
/// <param name="Largest">The magnitude that is drawn in the full colour, as is all beyond it; not negative.</param>
/// <param name="IsSigned">Whether colours go from blue through white to red, symmetric about zero, or from white for 0 to dark blue.</param>
public sealed record PictureScale(double Largest, bool IsSigned)
{
    // Enough for the eye at this size, and few enough for pictures of a few hundred bytes.
    private const int Levels = 32, MostPixels = 32;

    /// <summary>The scale of some numbers. Those that are not finite are left out.</summary>
    /// <param name="values">The numbers.</param>
    /// <param name="isSigned">Whether it is signed also where none of them is negative.</param>
    public static PictureScale Of(IEnumerable<float> values, bool isSigned = false)
    {
        double largest = 0;
        foreach (float value in values.Where(float.IsFinite)) (largest, isSigned) = (Math.Max(largest, Math.Abs(value)), isSigned || value < 0);
        return new PictureScale(largest, isSigned);
    }

    /// <summary>
    /// A picture as the address of an image, <c>data:image/png;base64,…</c>. Where a side has more than 32 numbers, a pixel is the mean of a square of them.
    /// </summary>
    /// <param name="height">Rows of pixels, at least 1.</param>
    /// <param name="width">Pixels of a row, at least 1.</param>
    /// <param name="values">The numbers, row after row from the top; one that is not finite is drawn as 0.</param>
    /// <exception cref="ArgumentException">There are not height times width numbers.</exception>
    public string Draw(int height, int width, ReadOnlySpan<float> values)
    {
        if (height < 1 || width < 1 || values.Length != (long)height * width)
            throw Invalid.Input($"A picture of {height} x {width} needs {(long)height * width} values, but got {values.Length}.");
        int block = (Math.Max(height, width) + MostPixels - 1) / MostPixels, rows = (height + block - 1) / block, columns = (width + block - 1) / block;
        double[] sums = new double[rows * columns];
        int[] counts = new int[sums.Length];
        for (int i = 0; i < values.Length; i++)
        {
            int pixel = i / width / block * columns + i % width / block;
            sums[pixel] += float.IsFinite(values[i]) ? values[i] : 0;
            counts[pixel]++;
        }

        byte[] palette = [.. Enumerable.Range(0, Levels + 1).SelectMany(level => Convert.FromHexString(ColorOf(level).AsSpan(1)))];
        byte[] levels = [.. sums.Select((sum, i) => LevelOf(sum / counts[i]))];
        return $"data:image/png;base64,{Convert.ToBase64String(Png.Encode(columns, rows, palette, levels))}";
    }

    private byte LevelOf(double value)
    {
        double share = Largest > 0 ? Math.Clamp(value / Largest, IsSigned ? -1 : 0, 1) : 0;
        return (byte)Math.Round(Levels * (IsSigned ? (share + 1) / 2 : share));
    }

    private string ColorOf(int level)
    {
        double share = (double)level / Levels;
        return IsSigned ? Palette.Diverging(2 * share - 1) : Palette.Sequential(share);
    }
}
