using System.Text.Json;

namespace Spd.Networks.Tests.Transformers;

/// <summary>
/// The recorded cases of transformers, in the repository's folder or in the one that SPD_GOLDEN names, at any depth; what kind a case is, its content says.
/// The layout is in golden/transformer/README.md.
/// </summary>
internal static class GoldenFiles
{
    private static readonly Dictionary<string, JsonElement> Read = [];

    private static string Folder => Environment.GetEnvironmentVariable("SPD_GOLDEN") is { Length: > 0 } folder
        ? folder
        : Path.Combine(AppContext.BaseDirectory, "golden");

    /// <summary>Parts of blocks: inputs, an output, a cotangent and gradients.</summary>
    public static IEnumerable<(string File, string Case)> Functions() => Cases("inputs", "out", "dout", "grads");

    /// <summary>Whole models, each a file, or a case of a file of the authors' models.</summary>
    public static IEnumerable<(string File, string Case)> Models() => Files()
        .Where(file => Has(file.Root, "config", "weights", "tokens", "float64") && Has(file.Root.GetProperty("float64"), "logits", "grads"))
        .Select(file => (file.Name, ""))
        .Concat(Cases("config", "weights", "tokens", "logits", "grads"));

    /// <summary>Files with tables of rotary positions.</summary>
    public static IEnumerable<string> RotaryTables() => Files().Where(file => Has(file.Root, "rope_tables")).Select(file => file.Name);

    /// <summary>A file, or a case of it.</summary>
    public static JsonElement Load(string file, string name = "")
    {
        lock (Read)
        {
            if (!Read.TryGetValue(file, out var root))
            {
                using var document = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Folder, file)));
                Read[file] = root = document.RootElement.Clone();
            }

            return name.Length == 0 ? root : root.GetProperty("cases").GetProperty(name);
        }
    }

    /// <summary>The numbers of an array of any depth, in order.</summary>
    public static double[] Doubles(JsonElement element) => element.ValueKind == JsonValueKind.Array
        ? [.. element.EnumerateArray().SelectMany(Doubles)]
        : [element.GetDouble()];

    /// <inheritdoc cref="Doubles"/>
    public static float[] Singles(JsonElement element) => [.. Doubles(element).Select(value => (float)value)];

    /// <summary>The dimensions of an array.</summary>
    public static int[] Shape(JsonElement element) =>
        element.ValueKind == JsonValueKind.Array ? [element.GetArrayLength(), .. Shape(element[0])] : [];

    /// <summary>Compares with what was recorded: apart by at most a share of the largest number recorded.</summary>
    /// <param name="recorded">What was recorded.</param>
    /// <param name="computed">What was computed.</param>
    /// <param name="share">The share.</param>
    /// <param name="what">What they are.</param>
    /// <param name="floor">What the largest counts as at least: where a number is zero in exact arithmetic, there is nothing to be a share of.</param>
    public static void Close(IReadOnlyList<double> recorded, IReadOnlyList<float> computed, double share, string what, double floor = 0.05)
    {
        Assert.True(recorded.Count == computed.Count, $"{what}: {computed.Count} numbers, recorded {recorded.Count}");
        double largest = Math.Max(floor, recorded.Max(Math.Abs)), worst = 0;
        int at = 0;
        for (int i = 0; i < recorded.Count; i++)
        {
            double apart = Math.Abs(recorded[i] - computed[i]);
            if (!(apart <= worst)) (worst, at) = (apart, i);
        }

        Assert.True(
            worst <= share * largest,
            $"{what}, entry {at}: {computed[at]:G9}, recorded {recorded[at]:G9}, apart by {worst / largest:G3} of the largest, which may be {share:G3}");
    }

    private static IEnumerable<(string File, string Case)> Cases(params string[] keys) =>
        from file in Files()
        where Has(file.Root, "cases") && file.Root.GetProperty("cases").ValueKind == JsonValueKind.Object
        from entry in file.Root.GetProperty("cases").EnumerateObject()
        where Has(entry.Value, keys)
        select (file.Name, entry.Name);

    private static IEnumerable<(string Name, JsonElement Root)> Files() => Directory.EnumerateFiles(Folder, "*.json", SearchOption.AllDirectories)
        .Select(path => Path.GetRelativePath(Folder, path)).Order(StringComparer.Ordinal).Select(file => (file, Load(file)));

    private static bool Has(JsonElement element, params string[] keys) =>
        element.ValueKind == JsonValueKind.Object && Array.TrueForAll(keys, key => element.TryGetProperty(key, out _));
}
