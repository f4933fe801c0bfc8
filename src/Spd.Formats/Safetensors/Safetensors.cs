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
            if (!names.Add(tensor.Name)) throw new ArgumentException($"the name {Quoted.Of(tensor.Name)} is reserved or given to two tensors");
            if (tensor.Shape.Any(dimension => dimension < 0) || tensor.Shape.Aggregate(1L, (count, dimension) => count * dimension) != tensor.Values.Length)
                throw new ArgumentException($"tensor {Quoted.Of(tensor.Name)} has {tensor.Values.Length} values, but its shape is {tensor.ShapeText}");
            long begin = end;
            end += (long)tensor.Values.Length * sizeof(float);
            entries.Add(new TensorEntry(new TensorInfo(tensor.Name, tensor.Shape, nameof(NumberType.F32)), begin, end));
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

    /// <summary>Reads a file with all its tensors.</summary>
    /// <exception cref="FileContentException">The file is damaged or holds numbers of a type that is not read; one sentence says what and where.</exception>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    public static SafetensorsFile Read(string path)
    {
        try
        {
            using var reader = new SafetensorsReader(path);
            if (reader.Tensors.FirstOrDefault(tensor => tensor.Unreadable is not null) is { } tensor)
                throw new FormatException($"of tensor {Quoted.Of(tensor.Name)}, {tensor.Unreadable}");
            return new SafetensorsFile(
                [.. reader.Tensors.Select((tensor, index) => new TensorData(tensor.Name, tensor.Shape, reader.Read(index)))], reader.Metadata);
        }
        catch (Exception exception) when (exception is FormatException or EndOfStreamException)
        {
            throw new FileContentException($"{Quoted.Path(path)} is no usable {SafetensorsReader.Kind}: {exception.Message}", exception);
        }
    }
}
