using System.Buffers.Binary;
using System.IO.MemoryMappedFiles;
using System.Runtime.InteropServices;

namespace Spd.Networks.Weights;

/// <summary>
/// Reads and writes the safetensors format: 8 bytes of header length (little-endian), a JSON header, the values. Numbers of any type become float32 when they
/// are read (float64 and integers of more than 24 bits are rounded), and float32 is what is written.
/// </summary>
public static class Safetensors
{
    // The format's own limit.
    private const long LargestHeader = 100_000_000;

    // Values that are converted at a time.
    private const int ChunkLength = 1 << 20;

    // From this many bytes on, a file is mapped.
    private const long MappedLength = 1 << 26;

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
            entries.Add(new TensorEntry(tensor.Name, NumberFormat.Float32, tensor.Shape, begin, end));
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

    /// <summary>Reads a file; of a large one, what is needed is mapped into memory piece by piece.</summary>
    /// <param name="path">The file, or the index of one that is cut into shards, <c>model.safetensors.index.json</c>.</param>
    /// <exception cref="SafetensorsException">The file is damaged or holds an unknown type; one sentence says what and where.</exception>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    public static SafetensorsFile Read(string path)
    {
        if (path.EndsWith(SafetensorsIndex.Ending, StringComparison.Ordinal)) return SafetensorsIndex.Read(path);
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read);
        try
        {
            var header = ReadHeader(stream);
            long start = stream.Position;
            CheckLayout(header.Entries, stream.Length - start);
            using var mapped = stream.Length < MappedLength ? null
                : MemoryMappedFile.CreateFromFile(stream, mapName: null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true);
            var tensors = header.Entries.OrderBy(entry => entry.Begin).ThenBy(entry => entry.End)
                .Select(entry => new TensorData(entry.Name, entry.Shape, ReadValues(entry))).ToList();
            return new SafetensorsFile(tensors, header.Metadata);

            float[] ReadValues(TensorEntry entry)
            {
                if (entry.End == entry.Begin) return [];
                using Stream? view = mapped?.CreateViewStream(start + entry.Begin, entry.End - entry.Begin, MemoryMappedFileAccess.Read);
                // Entries lie one behind the other, so that the stream stands where the next begins.
                return ReadFloats(view ?? stream, entry);
            }
        }
        catch (Exception exception) when (exception is FormatException or EndOfStreamException)
        {
            throw new SafetensorsException($"'{path}' is no usable safetensors file: {exception.Message}", exception);
        }
    }

    private static float[] ReadFloats(Stream stream, TensorEntry entry)
    {
        float[] values = new float[(entry.End - entry.Begin) / entry.Type.Size];
        byte[] chunk = new byte[Math.Min((long)ChunkLength, values.LongLength) * entry.Type.Size];
        for (int start = 0; start < values.Length; start += ChunkLength)
        {
            int count = Math.Min(ChunkLength, values.Length - start);
            stream.ReadExactly(chunk, 0, count * entry.Type.Size);
            entry.Type.ToFloats(chunk.AsSpan(0, count * entry.Type.Size), values.AsSpan(start, count));
        }

        return values;
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
