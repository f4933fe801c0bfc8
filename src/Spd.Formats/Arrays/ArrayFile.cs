namespace Spd.Formats;

/// <summary>
/// A file of arrays of numbers: NumPy's <c>.npy</c> and <c>.npz</c>, IDX files as MNIST's, and tables as CSV, each possibly compressed with gzip; and tables in
/// Parquet. What a file is, its content says. Each column of a table is an array with a name.
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
    private static readonly string[] Suffixes = [".npz", ".npy", ".csv", ".tsv", ".txt", ".parquet", ".gz"];

    private readonly IWeightReader _reader;
    private readonly string? _name;
    private readonly IReadOnlyList<string> _others;

    private ArrayFile(string path, string? name, IReadOnlyList<string> others, IWeightReader reader) => (Path, _name, _others, _reader) = (path, name, others, reader);

    /// <summary>The path that was opened, with the name of an array behind it if one was given.</summary>
    public string Path { get; }

    /// <summary>What the file is, in words.</summary>
    public string Format => _reader.Format;

    /// <summary>All arrays of the file, or the columns of its table, in its order; an array is called by the file's name without <c>.npy</c> or <c>.gz</c> where it has no other.</summary>
    public IReadOnlyList<TensorInfo> Arrays => _reader.Tensors;

    /// <summary>What else is to be said of the file, a sentence each.</summary>
    public IReadOnlyList<string> Notes => _reader.Notes;

    /// <summary>Opens a file.</summary>
    /// <param name="path">The file. <c>file.npz:name</c> chooses one of several arrays, <c>file.csv:a,b</c> columns of a table in that order.</param>
    /// <param name="others">Paths of other data: where <paramref name="path"/> names no columns, it means all that these do not name in the same file.</param>
    /// <exception cref="FileContentException">The file is damaged, or holds other things than arrays; one sentence says what.</exception>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    public static ArrayFile Open(string path, IEnumerable<string>? others = null)
    {
        ArgumentNullException.ThrowIfNull(path);
        var (file, name) = Split(path);
        var same = (others ?? []).Select(Split).Where(other => other.Name is not null && SameFile(other.File, file)).Select(other => other.Name!);
        return Guarded(path, () => new ArrayFile(path, name, [.. same], OpenReader(file)));
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

    /// <summary>
    /// The array that the path names, or the only one. Of a table, the columns that are meant beside one another, <c>[rows, columns]</c>; its type is
    /// <c>text</c> where that is one column of texts.
    /// </summary>
    /// <exception cref="FileContentException">There is none of the name, or several and no name; one sentence says which there are.</exception>
    public TensorInfo Choose() => Guarded(Path, () =>
    {
        var chosen = Chosen();
        if (_reader is not ITable) return Arrays[chosen[0]];
        var first = Arrays[chosen[0]];
        return new TensorInfo(
            string.Join(",", chosen.Select(index => Arrays[index].Name)), [first.Shape[0], chosen.Count], chosen.Count == 1 ? first.Type : "float64");
    });

    /// <summary>Whether <see cref="Choose"/> gives a column of texts.</summary>
    public bool HasTexts => Guarded(Path, () => Chosen() is [var only] && _reader is ITable && Arrays[only].Type == ITable.Text);

    /// <summary>The names of the columns that <see cref="Choose"/> gives; null where the file names none.</summary>
    public IReadOnlyList<string>? ColumnNames => Guarded(Path, () => _reader is ITable { HasNames: true } ? Chosen().Select(index => Arrays[index].Name).ToList() : null);

    /// <summary>What could be written to mean other columns, as a clause; empty for a file that is no table.</summary>
    public string Advice => _reader is ITable ? $"; its columns are {Quoted.List(Names)}: name those that are meant, as in {Quoted.Path(FileOf(Path) + ":" + Quoted.Bare(Arrays[0].Name))}" : "";

    /// <summary>The values of the array that <see cref="Choose"/> gives, row-major; the memory is the caller's.</summary>
    /// <exception cref="FileContentException">As for <see cref="Read"/>.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public float[] ReadValues() => Guarded(Path, () =>
    {
        var chosen = Chosen();
        if (chosen.Select(index => Arrays[index]).FirstOrDefault(array => array.Unreadable is not null) is { } unreadable)
        {
            throw new FormatException(_reader is ITable
                ? unreadable.Unreadable + (_name is null ? $"; the columns that are meant can be named, as in {Quoted.Path($"{Path}:{OfNumbers(chosen)}")}" : "")
                : $"of its array {Quoted.Of(unreadable.Name)}: {unreadable.Unreadable}");
        }

        if (_reader is not ITable table) return _reader.Read(chosen[0]);
        if ((long)chosen.Count * Arrays[0].Shape[0] > Array.MaxLength) throw new FormatException($"it holds more than {Array.MaxLength} numbers");
        return table.Read(chosen);
    });

    /// <summary>The values of each of some of <see cref="Arrays"/>, row-major; columns of a table are read in one pass. The memory is the caller's.</summary>
    /// <inheritdoc cref="ReadValues()"/>
    public IReadOnlyList<float[]> ReadValues(IReadOnlyList<TensorInfo> arrays) => Guarded<IReadOnlyList<float[]>>(Path, () =>
    {
        if (arrays.FirstOrDefault(array => array.Unreadable is not null) is { } unreadable)
            throw new FormatException($"of its array {Quoted.Of(unreadable.Name)}: {unreadable.Unreadable}");
        var indices = Arrays.Index().ToLookup(entry => entry.Item.Name, entry => entry.Index, StringComparer.Ordinal);
        int[] chosen = [.. arrays.Select(array => indices[array.Name].First())];
        if (_reader is not ITable table || chosen.Length < 2) return [.. chosen.Select(_reader.Read)];
        float[] rows = table.Read(chosen);
        return [.. chosen.Select((_, column) => Enumerable.Range(0, rows.Length / chosen.Length).Select(row => rows[row * chosen.Length + column]).ToArray())];
    });

    /// <summary>The different texts of the column that <see cref="Choose"/> gives, in the order of their characters, and for each row the number of its own.</summary>
    /// <param name="most">How many different ones there may be.</param>
    /// <exception cref="FileContentException">It has no texts, more different ones, or a row without; one sentence says what.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public (IReadOnlyList<string> Texts, int[] Rows) ReadTexts(int most) => Guarded(Path, () =>
        Chosen() is [var only] && _reader is ITable table && Arrays[only].Type == ITable.Text ? table.ReadTexts(only, most) : throw new FormatException("it holds no texts"));

    public void Dispose() => _reader.Dispose();

    private List<int> Chosen()
    {
        if (_reader is ITable)
        {
            if (_name is not null) return Columns(_name);
            var left = Enumerable.Range(0, Arrays.Count).Except(_others.SelectMany(Columns)).ToList();
            return left.Count > 0 ? left : throw new FormatException("all its columns are named for other data");
        }

        if (_reader is SingleArray) return _name is null ? [0] : throw new FormatException("it holds a single array, which has no name");
        if (_name is null)
        {
            return Arrays.Count == 1
                ? [0]
                : throw new FormatException(
                    $"it holds the arrays {Quoted.List(Names)}: choose one by writing its name after the file's, with a colon between them");
        }

        for (int index = 0; index < Arrays.Count; index++)
            if (Arrays[index].Name == _name || $"{Arrays[index].Name}.npy" == _name) return [index];
        throw new FormatException($"it holds no array {Quoted.Of(_name)}; there are {Quoted.List(Names)}");
    }

    /// <summary>The columns of names with commas between them; a single name may hold commas.</summary>
    private List<int> Columns(string names)
    {
        var indices = Arrays.Index().ToLookup(column => column.Item.Name, column => column.Index, StringComparer.Ordinal);
        return indices.Contains(names) ? [Column(names)] : [.. names.Split(',').Select(name => Column(indices.Contains(name) ? name : name.Trim()))];

        int Column(string name) => indices[name].ToList() switch
        {
            [var only] => only,
            [] => throw new FormatException($"it has no column {Quoted.Of(name)}; its columns are {Quoted.List(Names)}"),
            _ => throw new FormatException($"it has several columns {Quoted.Of(name)}"),
        };
    }

    private string OfNumbers(List<int> chosen) =>
        chosen.Select(index => Arrays[index]).Where(column => column.Unreadable is null).Select(column => column.Name).Take(3).ToList() is { Count: > 0 } names
            ? string.Join(",", names.Select(Quoted.Bare)) : "a,b";

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
        return Disposed<FileStream, IWeightReader>(RegularFile.Open(path), file =>
        {
            bool isCompressed = FileStart.IsGzip(start);
            if (isCompressed) start = StartOf(file);
            if (ParquetTable.IsParquet(start)) return isCompressed ? throw new FormatException("it is a Parquet file in gzip: decompress it first") : new ParquetTable(file);
            if (start is [0xff, 0xfe, ..] or [0xfe, 0xff, ..]) throw new FormatException("it is a text in UTF-16: save it in UTF-8");
            return CsvTable.IsText(start) && !FileStart.IsNumpy(start) ? new CsvTable(file, isCompressed) : new SingleArray(file, isCompressed, NameOf(path));
        });
    }

    private static byte[] StartOf(FileStream compressed)
    {
        using var content = new GzipContent(compressed);
        byte[] bytes = new byte[FileStart.Length];
        return bytes[..content.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false)];
    }

    private static bool SameFile(string one, string other) => System.IO.Path.GetFullPath(one) == System.IO.Path.GetFullPath(other);

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
