using System.Text.Json;

namespace Spd.Networks.Weights;

/// <summary>A set of safetensors files that belong together: <c>{"metadata": {…}, "weight_map": {"tensor": "model-00001-of-00002.safetensors"}}</c>.</summary>
internal static class SafetensorsIndex
{
    /// <summary>How the name of an index ends.</summary>
    public const string Ending = ".index.json";

    private const long LargestIndex = 100_000_000;

    /// <summary>Reads all shards.</summary>
    /// <exception cref="SafetensorsException">The index or a shard is damaged, or they do not fit.</exception>
    /// <exception cref="IOException">A file is missing or cannot be read.</exception>
    public static SafetensorsFile Read(string path)
    {
        var shardOf = ReadMap(path);
        string folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        var tensors = new List<TensorData>();
        var metadata = new Dictionary<string, string>();
        foreach (string shard in shardOf.Values.Distinct().Order(StringComparer.Ordinal))
        {
            string file = Path.Combine(folder, shard);
            if (!File.Exists(file)) throw Refused(path, $"its shard '{shard}' is missing");
            var read = Safetensors.Read(file);
            foreach (var tensor in read.Tensors)
            {
                if (shardOf.GetValueOrDefault(tensor.Name) != shard)
                    throw Refused(path, $"its shard '{shard}' holds the tensor '{tensor.Name}', which is not said to be there");
                tensors.Add(tensor);
            }

            foreach (var (key, value) in read.Metadata) metadata[key] = value;
        }

        return shardOf.Keys.Except(tensors.Select(tensor => tensor.Name)).FirstOrDefault() is { } missing
            ? throw Refused(path, $"the tensor '{missing}' is not in '{shardOf[missing]}', where it is said to be")
            : new SafetensorsFile(tensors, metadata);
    }

    private static Dictionary<string, string> ReadMap(string path)
    {
        try
        {
            if (new FileInfo(path).Length > LargestIndex) throw Refused(path, "it is too large for an index");
            using var document = JsonDocument.Parse(File.ReadAllBytes(path));
            if (document.RootElement is not { ValueKind: JsonValueKind.Object } root
                || !root.TryGetProperty("weight_map", out var map) || map.ValueKind != JsonValueKind.Object)
                throw Refused(path, "it has no weight_map");
            var shardOf = new Dictionary<string, string>();
            foreach (var entry in map.EnumerateObject())
            {
                if (entry.Value.ValueKind != JsonValueKind.String || entry.Value.GetString() is not { Length: > 0 } shard
                    || shard.Contains('/') || shard.Contains('\\') || shard is "." or ".." || !shard.EndsWith(".safetensors", StringComparison.Ordinal))
                    throw Refused(path, $"the shard of '{entry.Name}' is no name of a safetensors file beside it");
                if (!shardOf.TryAdd(entry.Name, shard)) throw Refused(path, $"it names the tensor '{entry.Name}' twice");
            }

            return shardOf;
        }
        catch (JsonException exception)
        {
            throw new SafetensorsException($"'{path}' is no usable index of safetensors files: it is no valid JSON text", exception);
        }
    }

    private static SafetensorsException Refused(string path, string reason) => new($"'{path}' is no usable index of safetensors files: {reason}");
}
