using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;

namespace Spd.Runs.TensorBoard;

/// <summary>
/// A file of records in the framing of TFRecord, little-endian: the length of the data (8 bytes), a checksum of these (4), the data, a checksum of it (4).
/// Each record is given to the system at once, so that a kill can cut the last one short at most, which readers allow.
/// </summary>
internal sealed class EventFile : IDisposable
{
    private const string Prefix = "events.out.tfevents.";
    private const uint MaskDelta = 0xa282ead8;

    private readonly FileStream _stream;

    private EventFile(string path) => _stream = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.Read, bufferSize: 0);

    /// <summary>The time, in seconds since 1970 in UTC.</summary>
    public static double Now => (DateTimeOffset.UtcNow - DateTimeOffset.UnixEpoch).TotalSeconds;

    /// <summary>Makes a new file; others may read it while it grows.</summary>
    /// <param name="folder">A folder that no other program writes to. Readers take its files in the order of their names, so the new one comes last.</param>
    /// <exception cref="IOException">The file cannot be made.</exception>
    public static EventFile Create(string folder)
    {
        Directory.CreateDirectory(folder);
        long last = Directory.GetFiles(folder, $"{Prefix}*").Max(SecondsOf) ?? 0;
        return new EventFile(Path.Combine(folder, $"{Prefix}{Math.Max((long)Now, last + 1):D10}.{Environment.MachineName}"));
    }

    /// <summary>Adds a record.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    public void Write(ReadOnlySpan<byte> data)
    {
        byte[] record = new byte[data.Length + 16];
        BinaryPrimitives.WriteInt64LittleEndian(record, data.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(8), Mask(Crc32C(record.AsSpan(0, 8))));
        data.CopyTo(record.AsSpan(12));
        BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(12 + data.Length), Mask(Crc32C(data)));
        _stream.Write(record);
        _stream.Flush();
    }

    public void Dispose() => _stream.Dispose();

    /// <summary>The CRC-32C (Castagnoli) of some bytes.</summary>
    public static uint Crc32C(ReadOnlySpan<byte> bytes)
    {
        uint crc = uint.MaxValue;
        for (; bytes.Length >= sizeof(ulong); bytes = bytes[sizeof(ulong)..])
            crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
        foreach (byte value in bytes) crc = BitOperations.Crc32C(crc, value);
        return ~crc;
    }

    /// <summary>A checksum as the framing stores it, so that data may itself hold checksums.</summary>
    private static uint Mask(uint crc) => BitOperations.RotateRight(crc, 15) + MaskDelta;

    private static long? SecondsOf(string path) =>
        long.TryParse(Path.GetFileName(path)[Prefix.Length..].Split('.')[0], NumberStyles.None, CultureInfo.InvariantCulture, out long time) ? time : null;
}
