using System.Buffers.Binary;

namespace Spd.Figures.Tests;

public sealed class PictureScaleTests
{
    [Fact]
    public void A_scale_is_signed_where_a_number_is_negative_and_leaves_out_what_is_not_finite()
    {
        Assert.Equal((3.0, false), Told(PictureScale.Of([0, 3, float.PositiveInfinity])));
        Assert.Equal((4.0, true), Told(PictureScale.Of([float.NaN, 3, -4])));
        Assert.Equal((0.0, false), Told(PictureScale.Of([])));
        Assert.Equal((3.0, true), Told(PictureScale.Of([3], isSigned: true)));
    }

    [Fact]
    public void Every_number_is_a_pixel_of_its_colour()
    {
        var pixels = Decode(new PictureScale(2, IsSigned: true).Draw(2, 3, [-2, 0, 2, 1, float.NaN, 9]));
        string[,] expected = { { Palette.Diverging(-1), Palette.Diverging(0), Palette.Diverging(1) }, { Palette.Diverging(0.5), Palette.Diverging(0), Palette.Diverging(1) } };
        Assert.Equal(expected, pixels);
        Assert.Equal(new[,] { { Palette.Sequential(0), Palette.Sequential(0.25), Palette.Sequential(1) } }, Decode(new PictureScale(4, IsSigned: false).Draw(1, 3, [-1, 1, 4])));
        Assert.Equal(new[,] { { Palette.Diverging(0) } }, Decode(new PictureScale(0, IsSigned: true).Draw(1, 1, [7])));
    }

    [Fact]
    public void Of_a_large_picture_a_pixel_is_the_mean_of_a_square()
    {
        // 33 rows of 3: squares of 2, of which the last of a row and the last row are cut.
        float[] values = new float[33 * 3];
        (values[0], values[1], values[3], values[4], values[2], values[^1]) = (1, 1, 0, 0, 1, 1);
        var pixels = Decode(new PictureScale(1, IsSigned: false).Draw(33, 3, values));
        Assert.Equal((17, 2), (pixels.GetLength(0), pixels.GetLength(1)));
        Assert.Equal([Palette.Sequential(0.5), Palette.Sequential(0.5), Palette.Sequential(0), Palette.Sequential(1)], [pixels[0, 0], pixels[0, 1], pixels[1, 0], pixels[16, 1]]);
    }

    [Theory]
    [InlineData(0, 3, 0)]
    [InlineData(2, 2, 3)]
    public void Numbers_that_make_no_picture_are_refused(int height, int width, int count) =>
        Assert.Equal(
            $"A picture of {height} x {width} needs {height * width} values, but got {count}.",
            Assert.Throws<ArgumentException>(() => new PictureScale(1, IsSigned: false).Draw(height, width, new float[count])).Message);

    private static (double Largest, bool IsSigned) Told(PictureScale scale) => (scale.Largest, scale.IsSigned);

    /// <summary>The colours of a picture whose chunks are the header, the palette, the numbers and the end.</summary>
    private static string[,] Decode(string address)
    {
        const string Start = "data:image/png;base64,";
        Assert.StartsWith(Start, address, StringComparison.Ordinal);
        byte[] file = Convert.FromBase64String(address[Start.Length..]);
        var (width, height) = (BinaryPrimitives.ReadInt32BigEndian(file.AsSpan(16)), BinaryPrimitives.ReadInt32BigEndian(file.AsSpan(20)));
        Assert.Equal([8, 3, 0, 0, 0], file[24..29]);
        int palette = 33 + 8, length = BinaryPrimitives.ReadInt32BigEndian(file.AsSpan(33)), data = palette + length + 4;
        Assert.Equal("PLTE", System.Text.Encoding.ASCII.GetString(file, 37, 4));
        using var numbers = new MemoryStream();
        using (var zlib = new System.IO.Compression.ZLibStream(new MemoryStream(file, data + 8, BinaryPrimitives.ReadInt32BigEndian(file.AsSpan(data))), System.IO.Compression.CompressionMode.Decompress))
            zlib.CopyTo(numbers);
        byte[] pixels = numbers.ToArray();
        Assert.Equal(height * (width + 1), pixels.Length);
        string[,] colors = new string[height, width];
        for (int y = 0; y < height; y++)
            for (int x = 0; x < width; x++)
                colors[y, x] = $"#{Convert.ToHexStringLower(file.AsSpan(palette + 3 * pixels[y * (width + 1) + 1 + x], 3))}";
        return colors;
    }
}
