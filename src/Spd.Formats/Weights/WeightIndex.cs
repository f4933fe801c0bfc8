using System.Text.Json;

namespace Spd.Formats;

/// <summary>
/// A model in several files, through its index, <c>{"metadata": {…}, "weight_map": {"name": "model-00001-of-00002.safetensors"}}</c>: which file, of the
/// index's own folder, holds a tensor.
/// </summary>
internal sealed class WeightIndex : IWeightReader
{
    public const string Suffix = ".index.json";

    private const int LargestIndex = 100_000_000, MaxDepth = 64, MostFiles = 500;

    private readonly List<WeightFile> _files = [];
    private readonly List<(WeightFile File, TensorInfo Tensor)> _tensors = [];
    private readonly Dictionary<string, string> _metadata = [];
    private readonly List<string> _notes = [];

    /// <summary>Opens an index and its files.</summary>
    /// <param name="path">The index.</param>
    /// <param name="open">Opens a file of weights.</param>
    public WeightIndex(string path, Func<string, WeightFile> open)
    {
        try
        {
            var shards = Shards(path);
            if (shards.Count > MostFiles) throw new FormatException($"it names {shards.Count} files; at most {MostFiles} are read");
            var listed = shards.SelectMany(shard => shard.Value).ToHashSet(StringComparer.Ordinal);
            var names = new HashSet<string>(StringComparer.Ordinal);
            if (listed.Count == 0) throw new FormatException("it names no tensors");
            foreach (var (name, tensors) in shards) Add(name, Path.Combine(Path.GetDirectoryName(path) ?? "", name), [.. tensors], listed, names, open);
        }
        catch
        {
            Dispose();
            throw;
        }

        Tensors = [.. _tensors.Select(entry => entry.Tensor)];
    }

    public string Format => $"index of {_files.Count} {(_files.Count == 1 ? "file" : "files")}: {string.Join(", ", _files.Select(file => file.Format).Distinct())}";

    public IReadOnlyList<TensorInfo> Tensors { get; }

    /// <summary>The files that it names.</summary>
    public IReadOnlyList<WeightFile> Files => _files;

    public IReadOnlyList<string> Notes => _notes;

    public IReadOnlyDictionary<string, string> Metadata => _metadata;

    public float[] Read(int index) => _tensors[index].File.Read(_tensors[index].Tensor.Name).Values;

    public void Dispose() => _files.ForEach(file => file.Dispose());

    /// <summary>Adds the tensors that a file holds: those that the index says to be in it, and those of which it says nothing.</summary>
    private void Add(
        string name, string path, HashSet<string> tensors, HashSet<string> listed, HashSet<string> names, Func<string, WeightFile> open)
    {
        if (!File.Exists(path)) throw new FormatException($"the file {Quoted.Of(name)}, which it names, is not beside it");
        if (name.EndsWith(Suffix, StringComparison.Ordinal)) throw new FormatException($"the file {Quoted.Of(name)}, which it names, is an index itself");
        var file = open(path);
        _files.Add(file);
        var left = file.Tensors.Where(tensor => !tensors.Contains(tensor.Name)).Select(tensor => tensor.Name).ToList();
        if (left.Count > 0) _notes.Add($"{Quoted.Of(name)} holds {Counted(left)}, of which the index says nothing.");
        var missing = tensors.Where(tensor => !file.Contains(tensor)).ToList();
        if (missing.Count > 0) _notes.Add($"{Quoted.Of(name)} lacks {Counted(missing)}, of which the index says that it holds them.");
        _tensors.AddRange(file.Tensors.Where(tensor => (tensors.Contains(tensor.Name) || !listed.Contains(tensor.Name)) && names.Add(tensor.Name))
            .Select(tensor => (file, tensor)));
        _notes.AddRange(file.Notes.Select(note => $"{Quoted.Of(name)}: {note}"));
        foreach (var (key, value) in file.Metadata) _metadata.TryAdd(key, value);
    }

    private static string Counted(List<string> names) => $"{names.Count} {(names.Count == 1 ? "tensor" : "tensors")} ({Quoted.List(names)})";

    /// <summary>The names of the files and of the tensors in each.</summary>
    private static SortedDictionary<string, List<string>> Shards(string path)
    {
        using var file = new FileBytes(path);
        if (file.Length > LargestIndex) throw new FormatException($"it has {file.Length} bytes; at most {LargestIndex} are read");
        var bytes = file.Slice(0, (int)file.Length);
        if (FileStart.Stranger(bytes) is { } stranger) throw new FormatException(stranger);
        return StrictJson.Parse(bytes, MaxDepth, "the index", Parse);
    }

    private static SortedDictionary<string, List<string>> Parse(ref Utf8JsonReader json)
    {
        const string WeightMap = "weight_map";
        SortedDictionary<string, List<string>>? shards = null;
        StrictJson.Expect(ref json, JsonTokenType.StartObject, "the index");
        var keys = new HashSet<string>();
        while (StrictJson.NextKey(ref json, keys, "the index") is { } key)
        {
            if (key == WeightMap) shards = ParseWeightMap(ref json, WeightMap);
            else json.Skip();
        }

        return shards ?? throw new FormatException($"it has no {WeightMap}");
    }

    private static SortedDictionary<string, List<string>> ParseWeightMap(ref Utf8JsonReader json, string where)
    {
        var shards = new SortedDictionary<string, List<string>>(StringComparer.Ordinal);
        StrictJson.Expect(ref json, JsonTokenType.StartObject, where);
        var names = new HashSet<string>();
        while (StrictJson.NextKey(ref json, names, where) is { } tensor)
        {
            StrictJson.Expect(ref json, JsonTokenType.String, $"the file of tensor {Quoted.Of(tensor)}");
            string shard = json.GetString()!;
            if (shard.Length == 0 || shard is "." or ".." || shard.AsSpan().ContainsAny("/\\:\0"))
                throw new FormatException($"{Quoted.Of(shard)}, the file of tensor {Quoted.Of(tensor)}, is no plain name of a file in the index's folder");
            if (!shards.TryGetValue(shard, out var tensors)) shards[shard] = tensors = [];
            tensors.Add(tensor);
        }

        return shards;
    }
}
