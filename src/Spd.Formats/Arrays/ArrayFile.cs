using System.Buffers.Binary;
using System.IO.Compression;

namespace Spd.Formats;

/// <summary>
/// Reads arrays of numbers: NumPy's <c>.npy</c> and <c>.npz</c>, and IDX files as MNIST's, possibly compressed with gzip. What a file is, its content says.
/// Numbers of any type become float32, as <see cref="Safetensors"/> says; rows lie before columns, also where NumPy has them in Fortran's order.
/// </summary>
public static class ArrayFile
{
    private const string EntrySuffix = ".npy", ArchiveSuffix = ".npz";

    /// <summary>Reads one array.</summary>
    /// <param name="path">
    /// The file. Of an <c>.npz</c> with several arrays, <c>file.npz:name</c> is the one of that name. An array is called by its name there, elsewhere by the
    /// file's without <c>.npy</c> or <c>.gz</c>.
    /// </param>
    /// <exception cref="FileContentException">
    /// The file is damaged, holds other things than numbers, several arrays, or none of the name; one sentence says what.
    /// </exception>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    public static TensorData Read(string path) => Guarded(path, () =>
    {
        var (file, name) = Split(path);
        byte[] start = FileStart.Read(file, 4);
        if (FileStart.IsZip(start)) return ReadFromArchive(file, name);
        if (name is not null) throw new FormatException($"only an {ArchiveSuffix} has arrays with names");
        using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.Read);
        return start is [0x1f, 0x8b, ..] ? ReadCompressed(stream, NameOf(file)) : ReadArray(stream, stream.Length, NameOf(file)).Array;
    });

    /// <summary>Reads all arrays of an <c>.npz</c>, in the order in which they were saved.</summary>
    /// <inheritdoc cref="Read"/>
    public static IReadOnlyList<TensorData> ReadArchive(string path) => Guarded(path, () =>
    {
        using var zip = new CheckedZip(path);
        return Arrays(zip).Select(array => ReadEntry(zip, array)).ToList();
    });

    /// <summary>The file of a path that may name an array of an archive behind it.</summary>
    public static string FileOf(string path) => Split(path).File;

    /// <summary>Whether an entry of an archive is an array.</summary>
    internal static bool IsArray(string entry) => entry.EndsWith(EntrySuffix, StringComparison.Ordinal);

    private static (string File, string? Name) Split(string path)
    {
        int colon = path.LastIndexOf($"{ArchiveSuffix}:", StringComparison.Ordinal);
        return colon < 0 || File.Exists(path) ? (path, null) : (path[..(colon + ArchiveSuffix.Length)], path[(colon + ArchiveSuffix.Length + 1)..]);
    }

    private static string NameOf(string path)
    {
        string name = Path.GetFileName(path);
        return Path.GetExtension(name) is EntrySuffix or ".gz" ? Path.GetFileNameWithoutExtension(name) : name;
    }

    private static TensorData ReadCompressed(FileStream stream, string name)
    {
        using var content = new GZipStream(stream, CompressionMode.Decompress, leaveOpen: true);
        var (array, length) = ReadArray(content, stream.Length * CheckedZip.LargestRatio, name);
        // The library checks the sum and the length at the end where they are there, but does not miss them; the last four bytes are the length.
        Span<byte> last = stackalloc byte[sizeof(uint)];
        stream.Seek(-last.Length, SeekOrigin.End);
        stream.ReadExactly(last);
        return BinaryPrimitives.ReadUInt32LittleEndian(last) == (uint)length ? array : throw new EndOfStreamException();
    }

    private static TensorData ReadFromArchive(string path, string? name)
    {
        using var zip = new CheckedZip(path);
        var arrays = Arrays(zip);
        string all = string.Join(", ", arrays.Take(20).Select(array => Quoted.Of(array[..^EntrySuffix.Length]))) + (arrays.Count > 20 ? ", …" : "");
        if (name is null)
        {
            return arrays is [string only]
                ? ReadEntry(zip, only)
                : throw new FormatException($"it holds the arrays {all}: choose one by writing its name after the file's, with a colon between them");
        }

        string entry = IsArray(name) ? name : name + EntrySuffix;
        return arrays.Contains(entry) ? ReadEntry(zip, entry) : throw new FormatException($"it holds no array {Quoted.Of(name)}; there are {all}");
    }

    private static List<string> Arrays(CheckedZip zip) =>
        zip.Names.Where(IsArray).ToList() is { Count: > 0 } arrays ? arrays : throw new FormatException($"it holds no {EntrySuffix} files");

    /// <summary>The name of the array that an entry of an archive is.</summary>
    internal static string NameOfEntry(string entry) => entry[..^EntrySuffix.Length];

    /// <summary>Reads an entry of an archive.</summary>
    /// <exception cref="FormatException">It is damaged, or holds other things than numbers; a clause says what.</exception>
    internal static TensorData ReadEntry(CheckedZip zip, string entry)
    {
        try
        {
            return zip.Read(entry, stream => ReadArray(stream, zip.Length(entry), entry[..^EntrySuffix.Length]).Array);
        }
        catch (FormatException exception)
        {
            throw new FormatException($"of its array {Quoted.Of(entry)}: {exception.Message}", exception);
        }
    }

    /// <summary>Reads an array to the end of the stream.</summary>
    /// <param name="stream">The array.</param>
    /// <param name="available">The most bytes that the stream can have; the header's claims are held to it.</param>
    /// <param name="name">The name of the array.</param>
    /// <returns>The array, and how many bytes it took.</returns>
    private static (TensorData Array, long Length) ReadArray(Stream stream, long available, string name)
    {
        var header = ArrayHeader.Read(stream);
        Int128 count = header.Shape.Contains(0) ? 0 : 1;
        int size = header.Type.Size();
        foreach (int dimension in header.Shape)
        {
            count *= dimension;
            if (count * size > available - header.Length || count > Array.MaxLength)
            {
                throw new FormatException(
                    $"its header claims the shape [{string.Join(", ", header.Shape)}] of numbers of {size} bytes, more than the file can hold; "
                    + "it is cut short or damaged");
            }
        }

        float[] values = Numbers.Read(stream, header.Type, (long)count, "it", header.IsBigEndian);
        if (stream.ReadByte() >= 0) throw new FormatException($"bytes that belong to nothing follow its {count} numbers");
        if (header.IsFortran) values = Strided.ToRowMajor(values, 0, header.Shape, Strided.ColumnMajorStrides(header.Shape));
        return (new TensorData(name, header.Shape, values), header.Length + (long)count * size);
    }

    private static T Guarded<T>(string path, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception exception) when (exception is FormatException or EndOfStreamException or InvalidDataException)
        {
            string reason = exception switch
            {
                FormatException => exception.Message,
                EndOfStreamException => "it is cut short",
                _ => "its compression is damaged",
            };
            throw new FileContentException($"'{path}' is no usable array: {reason}", exception);
        }
    }
}
