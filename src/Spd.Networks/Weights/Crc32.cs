namespace Spd.Networks.Weights;

/// <summary>The checksum of zip archives.</summary>
internal static class Crc32
{
    private static readonly uint[] Table = [.. Enumerable.Range(0, 256).Select(first =>
    {
        uint crc = (uint)first;
        for (int bit = 0; bit < 8; bit++) crc = (crc & 1) != 0 ? crc >> 1 ^ 0xedb88320 : crc >> 1;
        return crc;
    })];

    /// <summary>The checksum and the length of what is left of a stream; stops a little after the limit.</summary>
    public static (uint Crc, long Length) Of(Stream stream, long limit)
    {
        byte[] buffer = new byte[1 << 16];
        uint crc = uint.MaxValue;
        long length = 0;
        while (length <= limit && stream.Read(buffer) is > 0 and int count)
        {
            foreach (byte value in buffer.AsSpan(0, count)) crc = crc >> 8 ^ Table[(byte)crc ^ value];
            length += count;
        }

        return (~crc, length);
    }
}
