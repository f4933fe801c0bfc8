namespace Spd.Formats;

/// <summary>
/// A file of weights of any kind: PyTorch's (<c>.pt</c>, <c>.pth</c>, <c>.bin</c>), safetensors, the index of a model in many files of either kind, NumPy's
/// archives of arrays, the models of llama2.c. Opening it reads what it holds, and values are read only where they are asked for: what is not used may be of any type.
/// </summary>
/// <example><code>
/// using var file = WeightFile.Open("model.pt");
/// foreach (var tensor in file.Tensors) Console.WriteLine($"{tensor.Name} {tensor.ShapeText} {tensor.Type}");
/// float[] weight = file.Read("layers.0.weight").Values;
/// </code></example>
public sealed class WeightFile : IDisposable
{
    /// <summary>The <see cref="Format"/> of the models of llama2.c, whose <see cref="Metadata"/> has <c>n_heads</c>, <c>n_kv_heads</c> and <c>seq_len</c>.</summary>
    public const string Llama2c = "llama2.c";

    private const string AnyKind = "file of weights";

    private const string ArchiveSuffix = ".npz";

    // Of files that hold weights and nothing else.
    private static readonly string[] Suffixes = [WeightIndex.Suffix, ".safetensors", ".pt", ".pth", ".bin", ".ckpt"];

    private readonly string _kind;
    private readonly IWeightReader _reader;
    private readonly Dictionary<string, int> _indices;

    private WeightFile(string path, string kind, IWeightReader reader)
    {
        (Path, _kind, _reader) = (path, kind, reader);
        _indices = reader.Tensors.Select((tensor, index) => (tensor.Name, index)).ToDictionary(StringComparer.Ordinal);
    }

    /// <summary>The path of the file.</summary>
    public string Path { get; }

    /// <summary>What the file is, in words.</summary>
    public string Format => _reader.Format;

    /// <summary>The tensors in the file's order.</summary>
    public IReadOnlyList<TensorInfo> Tensors => _reader.Tensors;

    /// <summary>What else is to be said of the file, a sentence each: what in it is no tensor and was left aside.</summary>
    public IReadOnlyList<string> Notes => _reader.Notes;

    /// <summary>The files that an index names; empty for any other file.</summary>
    public IReadOnlyList<WeightFile> Files => _reader is WeightIndex index ? index.Files : [];

    /// <summary>Texts that stand in the file by their keys: the <c>__metadata__</c> of safetensors.</summary>
    public IReadOnlyDictionary<string, string> Metadata => _reader.Metadata;

    /// <summary>Whether a file is a model of llama2.c, as its first bytes say; false where there is none, or no regular file with content.</summary>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static bool IsLlama2c(string path)
    {
        if (!RegularFile.HasContent(path)) return false;
        byte[] start = FileStart.Read(path);
        return !FileStart.IsZip(start) && !FileStart.IsSafetensors(start) && !OldTorchFile.IsMagic(start) && !OldTorchFile.IsPickle(start) && Llama2cReader.IsHeader(start);
    }

    /// <summary>
    /// Opens a file. The content says what it is: a zip archive is PyTorch's or NumPy's, a pickle PyTorch's, sizes that fit each other llama2.c's, anything else
    /// safetensors; only the index of a model
    /// in many files is known by its name, <c>*.index.json</c>. Tensors of PyTorch's files are called by the keys that lead to them, joined by dots:
    /// <c>linear1.weight</c> of a state dict, <c>model.linear1.weight</c> where that is one of several things saved, <c>tensor</c> where a tensor alone is.
    /// No code of a file is ever run.
    /// </summary>
    /// <exception cref="FileContentException">The file is of no such kind, holds no tensors or is damaged; one sentence says what.</exception>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    public static WeightFile Open(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        if (Directory.Exists(path)) throw new FileContentException($"{Quoted.Path(path)} holds no weights itself: {WhyNone(path)}");
        if (path.EndsWith(WeightIndex.Suffix, StringComparison.Ordinal)) return Opened(path, "index of weight files", () => new WeightIndex(path, Open));
        return Guarded(path, AnyKind, () =>
        {
            byte[] start = FileStart.Read(path);
            if (FileStart.Stranger(start) is { } stranger) throw new FormatException(stranger);
            if (FileStart.IsZip(start)) return OpenZip(path);
            if (FileStart.IsSafetensors(start)) return Opened(path, SafetensorsReader.Kind, () => new SafetensorsReader(path));
            if (OldTorchFile.IsMagic(start)) return Opened(path, TorchReader.Kind, () => OldTorchFile.Open(path));
            if (OldTorchFile.IsPickle(start))
                throw new FormatException("it is a pickle of Python, not a file of torch.save: load it in Python and save its arrays with numpy.savez, or its tensors with torch.save");
            if (FileStart.IsGzip(start)) throw new FormatException("it is compressed with gzip: decompress it first");
            if (FileStart.IsNumpy(start)) throw new FormatException("a single array has no name: save it with numpy.savez(path, name=array)");
            // Damaged from the start, but called so: what is wrong is told of such a file.
            if (path.EndsWith(".safetensors", StringComparison.Ordinal)) return Opened(path, SafetensorsReader.Kind, () => new SafetensorsReader(path));
            if (Llama2cReader.IsHeader(start)) return Opened(path, Llama2cReader.Kind, () => new Llama2cReader(path));
            if (start.AsSpan().StartsWith("24ka"u8)) throw new FormatException("it is a llama2.c model of a newer version: export it with --version 0");
            throw new FormatException("it is neither PyTorch's (.pt, .pth), nor safetensors, nor an index of such files (.index.json), nor NumPy's .npz");
        });
    }

    /// <summary>Why there is no file at a path, as a clause: it is a folder, whose weight files are named, or there is nothing. Null where there is one.</summary>
    public static string? WhyNone(string path)
    {
        if (!Directory.Exists(path)) return File.Exists(path) ? null : "there is no such file";
        var files = Directory.EnumerateFiles(path).Select(file => System.IO.Path.GetFileName(file)!)
            .Where(name => HasUsualName(name) || name.EndsWith(ArchiveSuffix, StringComparison.OrdinalIgnoreCase)).Order(StringComparer.Ordinal).ToList();
        return files.Count == 0 ? "it is a folder, and no weight file lies in it" : $"it is a folder: name one of the weight files in it, {Quoted.List(files)}";
    }

    /// <summary>Whether a path ends as those of weights do, and of nothing else: <c>.safetensors</c>, <c>.pt</c>, <c>.index.json</c>.</summary>
    public static bool HasUsualName(string path) => Suffixes.Any(suffix => path.EndsWith(suffix, StringComparison.OrdinalIgnoreCase));

    /// <summary>Reads all tensors of a file.</summary>
    /// <exception cref="FileContentException">
    /// As for <see cref="Open"/>, or a tensor is of a type that is not read; one sentence says what.
    /// </exception>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    public static IReadOnlyList<TensorData> ReadAll(string path)
    {
        using var file = Open(path);
        return [.. file.Tensors.Select(tensor => file.Read(tensor.Name))];
    }

    /// <summary>
    /// The tensor of a name, with its values in float32, rows before columns: numbers of other types become the nearest float32, which keeps all that are
    /// smaller and whole numbers up to 2^24 as they are; a float64 beyond its range is refused.
    /// </summary>
    /// <exception cref="FileContentException">There is none, its values cannot be read, or they are damaged; one sentence says what.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public TensorData Read(string name)
    {
        if (!_indices.TryGetValue(name, out int index))
            throw new FileContentException($"{Quoted.Path(Path)} holds no tensor {Quoted.Of(name)}; it holds {Quoted.List(_indices.Keys)}");
        var tensor = Tensors[index];
        return tensor.Unreadable is { } reason
            ? throw new FileContentException($"{Quoted.Path(Path)} holds the tensor {Quoted.Of(name)}, but it is not read: {reason}")
            : new TensorData(name, tensor.Shape, Guarded(Path, _kind, () => _reader.Read(index)));
    }

    /// <summary>Whether there is a tensor of a name.</summary>
    public bool Contains(string name) => _indices.ContainsKey(name);

    public void Dispose() => _reader.Dispose();

    private static WeightFile OpenZip(string path)
    {
        var zip = new CheckedZip(path);
        try
        {
            if (zip.Names.Any(TorchArchive.IsPickle)) return Opened(path, TorchReader.Kind, () => TorchArchive.Open(zip));
            if (zip.Names.Any(ArrayArchive.IsArray)) return Opened(path, ArrayArchive.Kind, () => new ArrayArchive(zip));
            throw new FormatException($"it is a zip archive with neither {TorchArchive.PickleName}, as PyTorch's have, nor arrays, as NumPy's have");
        }
        catch
        {
            zip.Dispose();
            throw;
        }
    }

    private static WeightFile Opened(string path, string kind, Func<IWeightReader> open) => Guarded(path, kind, () => new WeightFile(path, kind, open()));

    private static T Guarded<T>(string path, string kind, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception exception) when (exception is FormatException or EndOfStreamException)
        {
            throw new FileContentException($"{Quoted.Path(path)} is no usable {kind}: {exception.Message}", exception);
        }
    }
}
