using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Spd.Formats;

/// <summary>
/// Reads and writes the safetensors format: 8 bytes of header length (little-endian), a JSON header, the values. Numbers of all types are read as float32,
/// which keeps those of float32, float16, bfloat16, both kinds of float8, truth values (1 and 0) and whole numbers up to 2^24 as they are; others become
/// the nearest float32, and a float64 beyond its range is refused. Only float32 is written.
/// </summary>
public static class Safetensors
{
    // The format's own limit.
    private const long LargestHeader = 100_000_000;

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
            entries.Add(new TensorEntry(tensor.Name, NumberType.F32, tensor.Shape, begin, end));
        }

        byte[] header = new SafetensorsHeader(entries, metadata ?? new Dictionary<string, string>()).ToBytes();
        Span<byte> length = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)header.Length);
        stream.Write(length);
        stream.Write(header);
        foreach (var tensor in list)
            for (long start = 0; start < tensor.Values.Length; start += Numbers.ChunkLength)
                stream.Write(MemoryMarshal.AsBytes(tensor.Values.AsSpan((int)start, (int)Math.Min(Numbers.ChunkLength, tensor.Values.Length - start))));
    }

    /// <summary>Reads a file, or all the files of a model through its index.</summary>
    /// <param name="path">The file; one ending in <c>.index.json</c> lists the files of its folder that hold the tensors.</param>
    /// <exception cref="FileContentException">
    /// A file is damaged or holds numbers of an unknown type, or the index is wrong; one sentence says what and where.
    /// </exception>
    /// <exception cref="IOException">A file is missing or cannot be read.</exception>
    public static SafetensorsFile Read(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (!path.EndsWith(SafetensorsIndex.Suffix, StringComparison.Ordinal)) return ReadOne(path);
        try
        {
            return SafetensorsIndex.Read(path);
        }
        catch (Exception exception) when (exception is FormatException or EndOfStreamException)
        {
            throw new FileContentException($"'{path}' is no usable index of safetensors files: {exception.Message}", exception);
        }
    }

    /// <summary>Reads a single file.</summary>
    /// <inheritdoc cref="Read"/>
    internal static SafetensorsFile ReadOne(string path)
    {
        try
        {
            using var file = new FileBytes(path);
            var (header, start) = ReadHeader(file);
            CheckLayout(header.Entries, file.Length - start);
            var tensors = header.Entries.OrderBy(entry => entry.Begin).ThenBy(entry => entry.End)
                .Select(entry => new TensorData(entry.Name, entry.Shape, Values(file, entry, start + entry.Begin))).ToList();
            return new SafetensorsFile(tensors, header.Metadata);
        }
        catch (Exception exception) when (exception is FormatException or EndOfStreamException)
        {
            throw new FileContentException($"'{path}' is no usable safetensors file: {exception.Message}", exception);
        }
    }

    private static float[] Values(FileBytes file, TensorEntry entry, long begin)
    {
        int size = entry.Type.Size();
        float[] values = new float[(entry.End - entry.Begin) / size];
        for (long start = 0; start < values.Length; start += Numbers.ChunkLength)
        {
            var chunk = values.AsSpan((int)start, (int)Math.Min(Numbers.ChunkLength, values.Length - start));
            Numbers.ToSingles(entry.Type, file.Slice(begin + start * size, chunk.Length * size), chunk, $"tensor {Quoted.Of(entry.Name)}");
        }

        return values;
    }

    private static (SafetensorsHeader Header, long End) ReadHeader(FileBytes file)
    {
        if (file.Length < sizeof(ulong)) throw new FormatException($"it has {file.Length} bytes, too few for a header");
        ulong length = BinaryPrimitives.ReadUInt64LittleEndian(file.Slice(0, sizeof(ulong)));
        if (length > LargestHeader) throw new FormatException($"its header claims {length} bytes, but at most {LargestHeader} are allowed");
        long available = file.Length - sizeof(ulong);
        if ((long)length > available) throw new FormatException($"its header claims {length} bytes, but only {available} follow; the file is cut short");
        var bytes = file.Slice(sizeof(ulong), (int)length);
        if (bytes is not [(byte)'{', ..]) throw new FormatException("its header does not begin with '{'");
        return (SafetensorsHeader.Parse(bytes), sizeof(ulong) + (long)length);
    }

    /// <summary>Refuses overlaps, holes, and bytes that are missing or left over.</summary>
    private static void CheckLayout(IReadOnlyList<TensorEntry> entries, long available)
    {
        long end = 0;
        foreach (var entry in entries.OrderBy(entry => entry.Begin).ThenBy(entry => entry.End))
        {
            if (entry.Begin < end) throw new FormatException($"tensor {Quoted.Of(entry.Name)} overlaps the one before it");
            if (entry.Begin > end) throw new FormatException($"bytes {end} to {entry.Begin}, before tensor {Quoted.Of(entry.Name)}, belong to no tensor");
            end = entry.End;
            if (end > available)
            {
                throw new FormatException(
                    $"tensor {Quoted.Of(entry.Name)} ends at byte {end}, but the file holds {available} bytes of values; it is cut short");
            }
        }

        if (end < available) throw new FormatException($"{available - end} bytes after the last tensor belong to none");
    }
}
