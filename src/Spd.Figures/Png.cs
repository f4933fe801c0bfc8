using System.Buffers.Binary;
using System.IO.Compression;
using System.IO.Hashing;

namespace Spd.Figures;

/// <summary>Writes PNG files (ISO/IEC 15948) of 8-bit RGB, or of colours by number.</summary>
internal static class Png
{
    private const int BytesPerPixel = 3;
    private const byte ColorsAsRgb = 2, ColorsByNumber = 3;

    /// <summary>Encodes a picture.</summary>
    /// <param name="width">Pixels of a row, at least 1.</param>
    /// <param name="height">Rows, at least 1.</param>
    /// <param name="rgb">Red, green and blue of each pixel, row after row from the top: <c>[height, width, 3]</c>.</param>
    public static byte[] Encode(int width, int height, ReadOnlySpan<byte> rgb) => Encode(width, height, ColorsAsRgb, palette: [], BytesPerPixel, rgb);

    /// <summary>Encodes a picture of few colours, in a fraction of the bytes.</summary>
    /// <param name="width">Pixels of a row, at least 1.</param>
    /// <param name="height">Rows, at least 1.</param>
    /// <param name="palette">Red, green and blue of each colour, of which there are at most 256: <c>[colours, 3]</c>.</param>
    /// <param name="numbers">The number of each pixel's colour, row after row from the top: <c>[height, width]</c>.</param>
    public static byte[] Encode(int width, int height, ReadOnlySpan<byte> palette, ReadOnlySpan<byte> numbers) =>
        Encode(width, height, ColorsByNumber, palette, bytesPerPixel: 1, numbers);

    private static byte[] Encode(int width, int height, byte colors, ReadOnlySpan<byte> palette, int bytesPerPixel, ReadOnlySpan<byte> pixels)
    {
        using var file = new MemoryStream();
        file.Write([0x89, (byte)'P', (byte)'N', (byte)'G', (byte)'\r', (byte)'\n', 0x1a, (byte)'\n']);

        byte[] header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), height);
        // 8 bits a channel or number; deflate, the five filters and no interlacing are the zeros behind.
        (header[8], header[9]) = (8, colors);
        WriteChunk(file, "IHDR"u8, header);
        if (palette.Length > 0) WriteChunk(file, "PLTE"u8, palette);
        WriteChunk(file, "IDAT"u8, Compress(width * bytesPerPixel, height, pixels));
        WriteChunk(file, "IEND"u8, []);
        return file.ToArray();
    }

    private static byte[] Compress(int stride, int height, ReadOnlySpan<byte> pixels)
    {
        using var compressed = new MemoryStream();
        using (var zlib = new ZLibStream(compressed, CompressionLevel.Optimal, leaveOpen: true))
        {
            for (int row = 0; row < height; row++)
            {
                // Each row names its filter: none.
                zlib.WriteByte(0);
                zlib.Write(pixels.Slice(row * stride, stride));
            }
        }

        return compressed.ToArray();
    }

    /// <summary>Length, type, data, and the CRC-32 of type and data.</summary>
    private static void WriteChunk(MemoryStream file, ReadOnlySpan<byte> type, ReadOnlySpan<byte> data)
    {
        Span<byte> number = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(number, data.Length);
        file.Write(number);
        file.Write(type);
        file.Write(data);
        var checksum = new Crc32();
        checksum.Append(type);
        checksum.Append(data);
        BinaryPrimitives.WriteUInt32BigEndian(number, checksum.GetCurrentHashAsUInt32());
        file.Write(number);
    }
}
