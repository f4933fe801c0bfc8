using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

namespace Spd.Figures.Tests;

public sealed class HeatmapImageTests
{
    [Fact]
    public void Every_cell_is_a_square_of_its_colour_in_the_drawing()
    {
        var figure = Figure(HeatmapScale.Signed, Grid.From(new[,] { { -2, 0, 2 }, { 1, double.NaN, -1 } }));
        var image = Assert.Single(figure.ToImages());

        Assert.Equal(("m", 96, 64), (image.Name, image.Width, image.Height));
        var pixels = Decode(image);
        var drawn = new Drawing(figure.ToSvg()).Class("cell").Select(Drawing.Fill).ToList();
        for (var y = 0; y < image.Height; y++)
        {
            for (var x = 0; x < image.Width; x++)
                Assert.Equal(drawn[(y / 32 * 3) + (x / 32)], pixels[y, x]);
        }
    }

    [Fact]
    public void Large_matrices_are_pooled_as_in_the_drawing_and_others_get_whole_pixels()
    {
        var values = new double[500, 1000];
        values[499, 999] = 1;
        var large = Figure(HeatmapScale.UnitInterval, Grid.From(values)).ToImages()[0];
        Assert.InRange(large.Width * large.Height, 60_000, 120_000);
        Assert.Equal("#08306b", Decode(large)[large.Height - 1, large.Width - 1]);

        var middle = Figure(HeatmapScale.UnitInterval, Grid.From(new double[10, 100])).ToImages()[0];
        Assert.Equal((500, 50), (middle.Width, middle.Height));
    }

    [Fact]
    public void Panels_share_a_scale_or_have_their_own_and_a_name_goes_before_the_title()
    {
        var figure = new HeatmapFigure(
            "t", [new HeatmapPanel("a 1", Grid.From(new[,] { { 1.0 } }), "r", "c", Name: "a"), new HeatmapPanel("b", Grid.From(new[,] { { 4.0 } }), "r", "c")],
            HeatmapScale.Signed, "weight");
        Assert.Equal(["a", "b"], figure.ToImages().Select(image => image.Name));
        Assert.Equal([Palette.Diverging(0.25), Palette.Diverging(1)], figure.ToImages().Select(image => Decode(image)[0, 0]));
        Assert.All((figure with { SharedScale = false }).ToImages(), image => Assert.Equal(Palette.Diverging(1), Decode(image)[0, 0]));
    }

    private static HeatmapFigure Figure(HeatmapScale scale, Grid grid) => new("t", [new HeatmapPanel("m", grid, "r", "c")], scale, "value");

    /// <summary>Reads a PNG file as its standard describes it, into colours [height, width].</summary>
    private static string[,] Decode(HeatmapImage image)
    {
        var file = image.Png.Span;
        Assert.Equal([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a], file[..8].ToArray());
        var (types, header, data) = (new List<string>(), Array.Empty<byte>(), new MemoryStream());
        for (var at = 8; at < file.Length;)
        {
            var length = BinaryPrimitives.ReadInt32BigEndian(file[at..]);
            var typed = file.Slice(at + 4, 4 + length);
            Assert.Equal(Crc32(typed), BinaryPrimitives.ReadUInt32BigEndian(file[(at + 8 + length)..]));
            types.Add(Encoding.ASCII.GetString(typed[..4]));
            if (types[^1] == "IHDR")
                header = typed[4..].ToArray();
            if (types[^1] == "IDAT")
                data.Write(typed[4..]);
            at += 12 + length;
        }

        Assert.Equal(["IHDR", "IDAT", "IEND"], types);
        Assert.Equal(image.Width, BinaryPrimitives.ReadInt32BigEndian(header));
        Assert.Equal(image.Height, BinaryPrimitives.ReadInt32BigEndian(header.AsSpan(4)));
        Assert.Equal([8, 2, 0, 0, 0], header[8..]);

        data.Position = 0;
        using var zlib = new ZLibStream(data, CompressionMode.Decompress);
        var rows = new MemoryStream();
        zlib.CopyTo(rows);
        var (raw, stride) = (rows.ToArray(), 1 + (3 * image.Width));
        Assert.Equal(stride * image.Height, raw.Length);
        var pixels = new string[image.Height, image.Width];
        for (var y = 0; y < image.Height; y++)
        {
            Assert.Equal(0, raw[y * stride]);
            for (var x = 0; x < image.Width; x++)
                pixels[y, x] = $"#{Convert.ToHexStringLower(raw, (y * stride) + 1 + (3 * x), 3)}";
        }

        return pixels;
    }

    /// <summary>The CRC-32 of PNG, bit by bit.</summary>
    private static uint Crc32(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        foreach (var value in bytes)
        {
            crc ^= value;
            for (var bit = 0; bit < 8; bit++)
                crc = (crc & 1) == 0 ? crc >> 1 : (crc >> 1) ^ 0xedb88320;
        }

        return ~crc;
    }
}
