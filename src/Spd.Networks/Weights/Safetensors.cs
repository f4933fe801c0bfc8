using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Spd.Networks.Weights;

/// <summary>
/// Reads and writes the safetensors format: 8 bytes of header length (little-endian), a JSON header, the values. Only float32 tensors.
/// </summary>
public static class Safetensors
{
    // The format's own limit.
    private const long LargestHeader = 100_000_000;

    private const int ChunkLength = 1 << 20;

    /// <summary>Writes a file whole or not at all.</summary>
    /// <param name="path">The file; an existing one is replaced.</param>
    /// <param name="tensors">The tensors, written in this order.</param>
    /// <param name="metadata">Texts to keep with them, or null.</param>
    /// <exception cref="ArgumentException">Two tensors share a name, a name is reserved, or a shape does not fit its values.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void Write(string path, IEnumerable<TensorData> tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        var list = tensors.ToList();
        AtomicFile.Write(path, stream => Write(stream, list, metadata));
    }

    /// <summary>Writes the bytes of a file to a stream.</summary>
    /// <inheritdoc cref="Write(string, IEnumerable{TensorData}, IReadOnlyDictionary{string, string})"/>
    public static void Write(Stream stream, IReadOnlyList<TensorData> list, IReadOnlyDictionary<string, string>? metadata = null)
    {
        var names = new HashSet<string> { SafetensorsHeader.MetadataKey };
        var entries = new List<TensorEntry>();
        long end = 0;
        foreach (var tensor in list)
        {
            if (!names.Add(tensor.Name)) throw new ArgumentException($"the name '{tensor.Name}' is reserved or given to two tensors");
            if (tensor.Shape.Any(dimension => dimension < 0) || tensor.Shape.Aggregate(1L, (count, dimension) => count * dimension) != tensor.Values.Length)
                throw new ArgumentException($"tensor '{tensor.Name}' has {tensor.Values.Length} values, but its shape is {tensor.ShapeText}");
            long begin = end;
            end += (long)tensor.Values.Length * sizeof(float);
            entries.Add(new TensorEntry(tensor.Name, tensor.Shape, begin, end));
        }

        byte[] header = new SafetensorsHeader(entries, metadata ?? new Dictionary<string, string>()).ToBytes();
        Span<byte> length = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)header.Length);
        stream.Write(length);
        stream.Write(header);
        foreach (var tensor in list)
            for (int start = 0; start < tensor.Values.Length; start += ChunkLength)
                stream.Write(MemoryMarshal.AsBytes(tensor.Values.AsSpan(start, Math.Min(ChunkLength, tensor.Values.Length - start))));
    }

    /// <summary>Reads a file.</summary>
    /// <exception cref="SafetensorsException">The file is damaged or holds another type than float32; one sentence says what and where.</exception>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    public static SafetensorsFile Read(string path)
    {
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read);
        try
        {
            var header = ReadHeader(stream);
            CheckLayout(header.Entries, stream.Length - stream.Position);
            var tensors = new List<TensorData>();
            foreach (var entry in header.Entries.OrderBy(entry => entry.Begin).ThenBy(entry => entry.End))
            {
                float[] values = new float[(entry.End - entry.Begin) / sizeof(float)];
                for (int start = 0; start < values.Length; start += ChunkLength)
                    stream.ReadExactly(MemoryMarshal.AsBytes(values.AsSpan(start, Math.Min(ChunkLength, values.Length - start))));
                tensors.Add(new TensorData(entry.Name, entry.Shape, values));
            }

            return new SafetensorsFile(tensors, header.Metadata);
        }
        catch (Exception exception) when (exception is FormatException or EndOfStreamException)
        {
            throw new SafetensorsException($"'{path}' is no usable safetensors file: {exception.Message}", exception);
        }
    }

    private static SafetensorsHeader ReadHeader(FileStream stream)
    {
        Span<byte> prefix = stackalloc byte[sizeof(ulong)];
        if (stream.Length < prefix.Length) throw new FormatException($"it has {stream.Length} bytes, too few for a header");
        stream.ReadExactly(prefix);
        ulong length = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        if (length > LargestHeader) throw new FormatException($"its header claims {length} bytes, but at most {LargestHeader} are allowed");
        if ((long)length > stream.Length - stream.Position)
            throw new FormatException($"its header claims {length} bytes, but only {stream.Length - stream.Position} follow; the file is cut short");
        byte[] bytes = new byte[length];
        stream.ReadExactly(bytes);
        if (bytes is not [(byte)'{', ..]) throw new FormatException("its header does not begin with '{'");
        return SafetensorsHeader.Parse(bytes);
    }

    /// <summary>Refuses overlaps, holes, and bytes that are missing or left over.</summary>
    private static void CheckLayout(IReadOnlyList<TensorEntry> entries, long available)
    {
        long end = 0;
        foreach (var entry in entries.OrderBy(entry => entry.Begin).ThenBy(entry => entry.End))
        {
            if (entry.Begin < end) throw new FormatException($"tensor '{entry.Name}' overlaps the one before it");
            if (entry.Begin > end) throw new FormatException($"bytes {end} to {entry.Begin}, before tensor '{entry.Name}', belong to no tensor");
            end = entry.End;
            if (end > available)
                throw new FormatException($"tensor '{entry.Name}' ends at byte {end}, but the file holds {available} bytes of values; it is cut short");
        }

        if (end < available) throw new FormatException($"{available - end} bytes after the last tensor belong to none");
    }
}
