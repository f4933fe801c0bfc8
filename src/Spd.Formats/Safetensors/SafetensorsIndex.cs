using System.Text.Json;

namespace Spd.Formats;

/// <summary>
/// The index of a model in several safetensors files, <c>{"metadata": {…}, "weight_map": {"name": "model-00001-of-00002.safetensors"}}</c>:
/// which file, of the index's own folder, holds a tensor.
/// </summary>
internal static class SafetensorsIndex
{
    public const string Suffix = ".index.json";

    private const int LargestIndex = 100_000_000, MaxDepth = 64;

    /// <summary>Reads the tensors of all files, file by file in the order of their names.</summary>
    /// <exception cref="FormatException">The index, or what it says of a file, is wrong; a clause says what.</exception>
    public static SafetensorsFile Read(string path)
    {
        var tensors = new List<TensorData>();
        var metadata = new Dictionary<string, string>();
        foreach (var (name, listed) in Shards(path))
        {
            string shardPath = Path.Combine(Path.GetDirectoryName(path) ?? "", name);
            if (!File.Exists(shardPath)) throw new FormatException($"the file {Quoted.Of(name)}, which it names, is not beside it");
            var shard = Safetensors.ReadOne(shardPath);
            var held = shard.Tensors.Select(tensor => tensor.Name).ToHashSet();
            if (listed.Find(tensor => !held.Contains(tensor)) is { } missing)
                throw new FormatException($"it says that tensor {Quoted.Of(missing)} is in {Quoted.Of(name)}, but it is not");
            held.ExceptWith(listed);
            if (held.FirstOrDefault() is { } extra) throw new FormatException($"{Quoted.Of(name)} holds tensor {Quoted.Of(extra)}, but it does not say so");
            tensors.AddRange(shard.Tensors);
            foreach (var (key, value) in shard.Metadata) metadata.TryAdd(key, value);
        }

        return new SafetensorsFile(tensors, metadata);
    }

    /// <summary>The names of the files and of the tensors in each.</summary>
    private static SortedDictionary<string, List<string>> Shards(string path)
    {
        using var file = new FileBytes(path);
        if (file.Length > LargestIndex) throw new FormatException($"it has {file.Length} bytes; at most {LargestIndex} are read");
        return StrictJson.Parse(file.Slice(0, (int)file.Length), MaxDepth, "the index", Parse);
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
