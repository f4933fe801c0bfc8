namespace Spd.Formats;

/// <summary>
/// A file of arrays of numbers: NumPy's <c>.npy</c> and <c>.npz</c>, and IDX files as MNIST's, possibly compressed with gzip. What a file is, its content says.
/// Opening it reads only what stands before the numbers, so that shapes are known, and can be refused, before memory is taken for them.
/// Numbers of any type become float32, as <see cref="Safetensors"/> says; rows lie before columns, also where NumPy has them in Fortran's order.
/// </summary>
/// <example><code>
/// using var file = ArrayFile.Open("data.npz:inputs");
/// if (file.Choose().Shape is [_, 4]) Use(file.ReadValues());
/// </code></example>
public sealed class ArrayFile : IDisposable
{
    // What a path is cut behind where the file is missing.
    private static readonly string[] Suffixes = [".npz", ".npy", ".gz"];

    private readonly IWeightReader _reader;
    private readonly string? _name;

    private ArrayFile(string path, string? name, IWeightReader reader) => (Path, _name, _reader) = (path, name, reader);

    /// <summary>The path that was opened, with the name of an array behind it if one was given.</summary>
    public string Path { get; }

    /// <summary>What the file is, in words.</summary>
    public string Format => _reader.Format;

    /// <summary>All arrays of the file, in its order; one is called by the file's name without <c>.npy</c> or <c>.gz</c> where it has no other.</summary>
    public IReadOnlyList<TensorInfo> Arrays => _reader.Tensors;

    /// <summary>What else is to be said of the file, a sentence each.</summary>
    public IReadOnlyList<string> Notes => _reader.Notes;

    /// <summary>Opens a file.</summary>
    /// <param name="path">The file. <c>file.npz:name</c> chooses one of several arrays.</param>
    /// <exception cref="FileContentException">The file is damaged, or holds other things than arrays; one sentence says what.</exception>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    public static ArrayFile Open(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        var (file, name) = Split(path);
        return Guarded(path, () => new ArrayFile(path, name, OpenReader(file)));
    }

    /// <summary>Reads one array.</summary>
    /// <param name="path">As for <see cref="Open"/>.</param>
    /// <exception cref="FileContentException">
    /// The file is damaged, holds other things than numbers, several arrays, or none of the name; one sentence says what.
    /// </exception>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    public static TensorData Read(string path)
    {
        using var file = Open(path);
        var array = file.Choose();
        return new TensorData(array.Name, array.Shape, file.ReadValues());
    }

    /// <summary>The file of a path that may name an array behind it.</summary>
    public static string FileOf(string path) => Split(path).File;

    /// <summary>The array that the path names, or the only one.</summary>
    /// <exception cref="FileContentException">There is none of the name, or several and no name; one sentence says which there are.</exception>
    public TensorInfo Choose() => Guarded(Path, () => Arrays[Chosen()]);

    /// <summary>The values of the array that <see cref="Choose"/> gives, row-major; the memory is the caller's.</summary>
    /// <exception cref="FileContentException">As for <see cref="Read"/>.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public float[] ReadValues() => ReadValues(Choose());

    /// <summary>The values of one of <see cref="Arrays"/>, row-major; the memory is the caller's.</summary>
    /// <inheritdoc cref="ReadValues()"/>
    public float[] ReadValues(TensorInfo array) => Guarded(Path, () => array.Unreadable is { } reason
        ? throw new FormatException($"of its array {Quoted.Of(array.Name)}: {reason}")
        : _reader.Read(Arrays.Index().First(entry => entry.Item.Name == array.Name).Index));

    /// <inheritdoc/>
    public void Dispose() => _reader.Dispose();

    private int Chosen()
    {
        if (_reader is SingleArray) return _name is null ? 0 : throw new FormatException("it holds a single array, which has no name");
        if (_name is null)
        {
            return Arrays.Count == 1
                ? 0
                : throw new FormatException(
                    $"it holds the arrays {Quoted.List(Names)}: choose one by writing its name after the file's, with a colon between them");
        }

        for (int index = 0; index < Arrays.Count; index++)
            if (Arrays[index].Name == _name || $"{Arrays[index].Name}.npy" == _name) return index;
        throw new FormatException($"it holds no array {Quoted.Of(_name)}; there are {Quoted.List(Names)}");
    }

    private IEnumerable<string> Names => Arrays.Select(array => array.Name);

    private static IWeightReader OpenReader(string path)
    {
        const string Save = "save the arrays that are meant with numpy.save(path, tensor.numpy()) and name that .npy file";
        if (Directory.Exists(path)) throw new FormatException("it is a folder: name a file in it");
        byte[] start = FileStart.Read(path);
        if (FileStart.Stranger(start) is { } stranger) throw new FormatException(stranger);
        if (FileStart.IsSafetensors(start)) throw new FormatException($"it is a safetensors file, which data are not read from: {Save}");
        if (OldTorchFile.IsPickle(start)) throw new FormatException($"it is a pickle, as Python and old versions of PyTorch write: {Save}");
        if (FileStart.IsZip(start)) return OpenZip(path, Save);
        return Disposed(RegularFile.Open(path), file => new SingleArray(file, FileStart.IsGzip(start), NameOf(path)));
    }

    private static ArrayArchive OpenZip(string path, string save) => Disposed(new CheckedZip(path), zip =>
    {
        if (zip.Names.Any(TorchArchive.IsPickle)) throw new FormatException($"it is a PyTorch file, which data are not read from: {save}");
        if (zip.Contains("xl/workbook.xml")) throw new FormatException("it is an Excel workbook: save the sheet as CSV");
        return zip.Names.Any(ArrayArchive.IsArray) ? new ArrayArchive(zip) : throw new FormatException("it is a zip archive that holds no .npy files");
    });

    private static TReader Disposed<T, TReader>(T source, Func<T, TReader> open) where T : IDisposable
    {
        try
        {
            return open(source);
        }
        catch
        {
            source.Dispose();
            throw;
        }
    }

    private static (string File, string? Name) Split(string path)
    {
        if (System.IO.Path.Exists(path)) return (path, null);
        for (int colon = path.IndexOf(':', StringComparison.Ordinal); colon > 0; colon = path.IndexOf(':', colon + 1))
            if (File.Exists(path[..colon])) return (path[..colon], path[(colon + 1)..]);
        int end = Suffixes.Max(suffix => path.LastIndexOf($"{suffix}:", StringComparison.OrdinalIgnoreCase) is >= 0 and var at ? at + suffix.Length : -1);
        return end < 0 ? (path, null) : (path[..end], path[(end + 1)..]);
    }

    private static string NameOf(string path)
    {
        string name = System.IO.Path.GetFileName(path);
        return System.IO.Path.GetExtension(name) is ".npy" or ".gz" ? System.IO.Path.GetFileNameWithoutExtension(name) : name;
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
            throw new FileContentException($"{Quoted.Path(path)} is no usable array: {reason}", exception);
        }
    }
}
