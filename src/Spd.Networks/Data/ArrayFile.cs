using System.Buffers.Binary;
using System.Globalization;
using System.IO.Compression;
using System.Text;
using System.Text.RegularExpressions;
using Spd.Networks.Weights;

namespace Spd.Networks.Data;

/// <summary>
/// Reads arrays of numbers: NumPy's <c>.npy</c>, one array of an <c>.npz</c> (<c>file.npz:name</c>, or the only one), and IDX, MNIST's format, also with gzip.
/// </summary>
public static partial class ArrayFile
{
    private const long MostNumbers = 1L << 30;
    private const int MostDimensions = 32, LargestNpyHeader = 1 << 16;

    private static readonly Dictionary<string, NumberFormat> NpyTypes = new()
    {
        ["f2"] = NumberFormat.Float16,
        ["f4"] = NumberFormat.Float32,
        ["f8"] = NumberFormat.Float64,
        ["i1"] = NumberFormat.Int8,
        ["i2"] = NumberFormat.Int16,
        ["i4"] = NumberFormat.Int32,
        ["i8"] = NumberFormat.Int64,
        ["u1"] = NumberFormat.UInt8,
        ["u2"] = NumberFormat.UInt16,
        ["u4"] = NumberFormat.UInt32,
        ["u8"] = NumberFormat.UInt64,
        ["b1"] = NumberFormat.Bool,
    };

    /// <summary>The file of a path that may name an array of an archive.</summary>
    public static string FileOf(string path) => Split(path).File;

    /// <summary>Reads an array; numbers of any type become float32, rows before columns.</summary>
    /// <param name="path">The file, with <c>:name</c> behind an <c>.npz</c> of several arrays.</param>
    /// <exception cref="SafetensorsException">The file is damaged, or of another kind; one sentence says what.</exception>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    public static TensorData Read(string path)
    {
        var (file, name) = Split(path);
        using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.Read);
        try
        {
            return ReadAny(stream, file, name) with { Name = Path.GetFileName(path) };
        }
        catch (Exception exception) when (exception is FormatException or InvalidDataException or EndOfStreamException or OverflowException)
        {
            string reason = exception switch { FormatException => exception.Message, EndOfStreamException => "it is cut short", _ => "it is damaged" };
            throw new SafetensorsException($"'{path}' is no usable array: {reason}", exception);
        }
    }

    /// <summary>All arrays of an <c>.npz</c>.</summary>
    /// <inheritdoc cref="Read(string)"/>
    public static IReadOnlyList<TensorData> ReadAll(string path)
    {
        var names = new List<string>();
        using (var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read))
        using (var archive = Open(stream, path)) names.AddRange(Names(archive));
        return [.. names.Select(name => Read($"{path}:{name}") with { Name = name })];
    }

    private static TensorData ReadAny(FileStream file, string path, string? name)
    {
        Span<byte> magic = stackalloc byte[4];
        int read = file.ReadAtLeast(magic, magic.Length, throwOnEndOfStream: false);
        file.Position = 0;
        if (read == 4 && magic.SequenceEqual("PK\u0003\u0004"u8)) return ReadNpz(file, path, name);
        if (magic[..2].SequenceEqual<byte>([0x1f, 0x8b]))
        {
            using var unpacked = new GZipStream(file, CompressionMode.Decompress);
            return ReadPlain(unpacked);
        }

        return ReadPlain(file);
    }

    private static TensorData ReadPlain(Stream stream)
    {
        Span<byte> magic = stackalloc byte[4];
        stream.ReadExactly(magic);
        if (magic.SequenceEqual<byte>([0x93, (byte)'N', (byte)'U', (byte)'M'])) return ReadNpy(stream);
        if (magic[0] == 0 && magic[1] == 0) return ReadIdx(stream, magic[2], magic[3]);
        throw new FormatException("it is neither NumPy's .npy or .npz nor IDX");
    }

    private static TensorData ReadNpz(FileStream file, string path, string? name)
    {
        using var archive = Open(file, path);
        var names = Names(archive);
        name ??= names is [var only] ? only : throw new FormatException($"it holds {string.Join(", ", names.Take(20))}: say which, as in {Path.GetFileName(path)}:{names.FirstOrDefault()}");
        var entry = archive.GetEntry($"{name}.npy") ?? throw new FormatException($"it holds no array '{name}' but {string.Join(", ", names.Take(20))}");
        using var stream = entry.Open();
        return ReadPlain(stream);
    }

    private static ZipArchive Open(FileStream stream, string path)
    {
        try
        {
            return new ZipArchive(stream, ZipArchiveMode.Read);
        }
        catch (InvalidDataException exception)
        {
            throw new SafetensorsException($"'{path}' is no usable array: its archive is damaged", exception);
        }
    }

    private static List<string> Names(ZipArchive archive) =>
        [.. archive.Entries.Select(entry => entry.FullName).Where(entry => entry.EndsWith(".npy", StringComparison.Ordinal)).Select(entry => entry[..^4])];

    /// <summary>Version 1 to 3 of the format: a length, a Python dictionary as text, the numbers.</summary>
    private static TensorData ReadNpy(Stream stream)
    {
        Span<byte> start = stackalloc byte[4];
        stream.ReadExactly(start);
        if (start[0] != 'P' || start[1] != 'Y' || start[2] is < 1 or > 3) throw new FormatException("it is of an unknown version of .npy");
        Span<byte> length = stackalloc byte[4];
        length.Clear();
        stream.ReadExactly(length[..(start[2] == 1 ? 2 : 4)]);
        uint headerLength = BinaryPrimitives.ReadUInt32LittleEndian(length);
        if (headerLength > LargestNpyHeader) throw new FormatException($"its header claims {headerLength} bytes, but at most {LargestNpyHeader} are read");
        byte[] header = new byte[headerLength];
        stream.ReadExactly(header);
        string text = Encoding.UTF8.GetString(header);
        var (descr, order, shapeText) = (Descr().Match(text), FortranOrder().Match(text), NpyShape().Match(text));
        if (!order.Success || !shapeText.Success) throw new FormatException("its header is no description of an array");
        string type = descr.Groups["type"].Value;
        if (!descr.Success || !NpyTypes.TryGetValue(type, out var format))
        {
            throw new FormatException(
                descr.Success ? $"its numbers are of type '{type}', but only {string.Join(", ", NpyTypes.Keys)} are read" : "its elements are no plain numbers");
        }

        int[] shape = [.. shapeText.Groups[1].Value.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select(Dimension)];
        float[] values = ReadNumbers(stream, shape, descr.Groups["order"].Value == ">" ? format.BigEndian : format);
        return new TensorData("", shape, order.Groups[1].Value == "True" ? FromFortran(values, shape) : values);

        static int Dimension(string text) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int size)
            ? size
            : throw new FormatException($"its shape has the size '{text}'");
    }

    /// <summary>Two zeros, the type, the number of dimensions; big-endian sizes and numbers.</summary>
    private static TensorData ReadIdx(Stream stream, byte type, byte dimensions)
    {
        var format = type switch
        {
            0x08 => NumberFormat.UInt8,
            0x09 => NumberFormat.Int8,
            0x0b => NumberFormat.Int16.BigEndian,
            0x0c => NumberFormat.Int32.BigEndian,
            0x0d => NumberFormat.Float32.BigEndian,
            0x0e => NumberFormat.Float64.BigEndian,
            _ => throw new FormatException($"it begins like IDX, but has numbers of the unknown type 0x{type:x2}"),
        };
        if (dimensions is 0 or > MostDimensions) throw new FormatException($"it begins like IDX, but has {dimensions} dimensions");
        int[] shape = new int[dimensions];
        Span<byte> size = stackalloc byte[4];
        for (int i = 0; i < shape.Length; i++)
        {
            stream.ReadExactly(size);
            shape[i] = BinaryPrimitives.ReadInt32BigEndian(size);
            if (shape[i] < 0) throw new FormatException($"its dimension {i} has a size above {int.MaxValue}");
        }

        return new TensorData("", shape, ReadNumbers(stream, shape, format));
    }

    /// <summary>Reads as many numbers as the shape has, and no byte may be left; memory is taken as they come, so that a false claim costs none.</summary>
    private static float[] ReadNumbers(Stream stream, int[] shape, NumberFormat format)
    {
        if (shape.Length > MostDimensions) throw new FormatException($"it has {shape.Length} dimensions, but at most {MostDimensions} are read");
        Int128 count = shape.Contains(0) ? 0 : 1;
        foreach (int size in shape)
        {
            count *= size;
            if (count > MostNumbers) throw new FormatException($"its shape [{string.Join(", ", shape)}] has more than {MostNumbers} numbers");
        }

        const int ChunkLength = 1 << 16;
        byte[] chunk = new byte[ChunkLength * format.Size];
        float[] values = new float[(int)Int128.Min(count, ChunkLength)];
        for (int filled = 0; filled < (int)count;)
        {
            int next = Math.Min(ChunkLength, (int)count - filled);
            stream.ReadExactly(chunk, 0, next * format.Size);
            if (filled + next > values.Length) Array.Resize(ref values, (int)Int128.Min(count, 2 * (Int128)values.Length));
            format.ToFloats(chunk.AsSpan(0, next * format.Size), values.AsSpan(filled, next));
            filled += next;
        }

        return stream.ReadByte() < 0 ? values : throw new FormatException($"bytes are left after the {count} numbers of its shape [{string.Join(", ", shape)}]");
    }

    private static float[] FromFortran(float[] values, int[] shape)
    {
        float[] turned = new float[values.Length];
        int[] index = new int[shape.Length];
        for (int i = 0; i < values.Length; i++)
        {
            int at = 0;
            for (int axis = 0; axis < shape.Length; axis++) at = at * shape[axis] + index[axis];
            turned[at] = values[i];
            for (int axis = 0; axis < shape.Length && ++index[axis] == shape[axis]; axis++) index[axis] = 0;
        }

        return turned;
    }

    /// <summary>The file and the name behind the colon; a colon elsewhere belongs to the file.</summary>
    private static (string File, string? Name) Split(string path)
    {
        int at = path.LastIndexOf(".npz:", StringComparison.OrdinalIgnoreCase);
        return at < 0 ? (path, null) : (path[..(at + 4)], path[(at + 5)..]);
    }

    [GeneratedRegex("""['"]descr['"]\s*:\s*['"](?<order>[<>|=]?)(?<type>[a-zA-Z][0-9]+)['"]""")]
    private static partial Regex Descr();

    [GeneratedRegex("""['"]fortran_order['"]\s*:\s*(True|False)""")]
    private static partial Regex FortranOrder();

    [GeneratedRegex("""['"]shape['"]\s*:\s*\(([^()]*)\)""")]
    private static partial Regex NpyShape();
}
