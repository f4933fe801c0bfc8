using System.Buffers.Binary;

namespace Spd.Formats;

/// <summary>An open safetensors file: its tensors in the order of their bytes.</summary>
internal sealed class SafetensorsReader : IWeightReader
{
    /// <summary>What a message calls such a file.</summary>
    public const string Kind = "safetensors file";

    // The format's own limit.
    private const long LargestHeader = 100_000_000;

    private readonly FileBytes _file;
    private readonly List<TensorEntry> _entries;
    private readonly long _start;

    /// <summary>Opens a file.</summary>
    /// <exception cref="FormatException">It is damaged; a clause says what and where.</exception>
    /// <exception cref="IOException">It is missing or cannot be read.</exception>
    public SafetensorsReader(string path)
    {
        _file = new FileBytes(path);
        try
        {
            (var header, _start) = ReadHeader(_file);
            _entries = [.. header.Entries.OrderBy(entry => entry.Begin).ThenBy(entry => entry.End)];
            CheckLayout(_entries, _file.Length - _start);
            Tensors = [.. _entries.Select(entry => entry.Tensor)];
            Metadata = header.Metadata;
        }
        catch
        {
            _file.Dispose();
            throw;
        }
    }

    public string Format => "safetensors";

    public IReadOnlyList<TensorInfo> Tensors { get; }

    public IReadOnlyDictionary<string, string> Metadata { get; }

    public float[] Read(int index)
    {
        var (tensor, begin, end) = _entries[index];
        var type = Numbers.Types[tensor.Type];
        return Numbers.Read(_file, _start + begin, type, (end - begin) / type.Size(), $"tensor {Quoted.Of(tensor.Name)}");
    }

    public void Dispose() => _file.Dispose();

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
    private static void CheckLayout(IEnumerable<TensorEntry> entries, long available)
    {
        long last = 0;
        foreach (var (tensor, begin, end) in entries)
        {
            if (begin < last) throw new FormatException($"tensor {Quoted.Of(tensor.Name)} overlaps the one before it");
            if (begin > last) throw new FormatException($"bytes {last} to {begin}, before tensor {Quoted.Of(tensor.Name)}, belong to no tensor");
            last = end;
            if (end > available)
                throw new FormatException($"tensor {Quoted.Of(tensor.Name)} ends at byte {end}, but the file holds {available} bytes of values; it is cut short");
        }

        if (last < available) throw new FormatException($"{available - last} bytes after the last tensor belong to none");
    }
}
