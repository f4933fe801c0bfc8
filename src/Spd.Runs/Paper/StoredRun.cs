using System.Text.Json;
using Spd.Networks.Weights;
using Spd.Runs.Configuration;

namespace Spd.Runs.Paper;

/// <summary>A run that lies in its folder, as it was written there.</summary>
/// <param name="Folder">The folder.</param>
/// <param name="Config">The text of its <c>config.yaml</c>.</param>
/// <param name="Summary">Its <c>summary.json</c>.</param>
public sealed record StoredRun(string Folder, string Config, JsonElement Summary)
{
    private const string SeedOfTarget = "target.train.seed";

    private static readonly string[] NeededFiles =
        ["metrics.jsonl", "model.safetensors", "report.html", Path.Combine("target", "config.yaml"), Path.Combine("target", "weights.safetensors")];

    // They say nothing about what is computed.
    private static readonly string[] IgnoredKeys = ["name", "description", "tensorboard"];

    /// <summary>Whether the run failed, rather than finished.</summary>
    public bool IsFailed => Text("status") == "failed";

    /// <summary>A text of the summary, or null.</summary>
    public string? Text(params ReadOnlySpan<string> path) => Find(path) is { ValueKind: JsonValueKind.String } text ? text.GetString() : null;

    /// <summary>A number of the summary, or null where it is not there or was not finite.</summary>
    public double? Number(params ReadOnlySpan<string> path) => Find(path) is { ValueKind: JsonValueKind.Number } number ? number.GetDouble() : null;

    /// <summary>A truth of the summary, or null.</summary>
    public bool? Truth(params ReadOnlySpan<string> path) =>
        Find(path) is { ValueKind: JsonValueKind.True or JsonValueKind.False } truth ? truth.GetBoolean() : null;

    /// <summary>The entries of an object of the summary; none where it is not there.</summary>
    public IReadOnlyList<JsonProperty> Entries(params ReadOnlySpan<string> path) =>
        Find(path) is { ValueKind: JsonValueKind.Object } found ? [.. found.EnumerateObject()] : [];

    /// <summary>Looks whether a folder holds a run of a configuration, finished or failed, with all of its files.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="experiment">The configuration.</param>
    /// <param name="reason">Why what is there cannot be used, as a clause; null when it can, or when nothing is there.</param>
    /// <returns>The run; null when nothing is there, or nothing that can be used.</returns>
    public static StoredRun? TryRead(string folder, PaperExperiment experiment, out string? reason)
    {
        reason = null;
        try
        {
            if (File.Exists(folder)) throw new InvalidDataException("a file has the name of its folder");
            if (!Directory.Exists(folder) || !Directory.EnumerateFileSystemEntries(folder).Any()) return null;
            return Read(folder, experiment);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or InvalidDataException or ConfigException)
        {
            reason = exception.Message.TrimEnd('.');
            return null;
        }
    }

    /// <summary>Keys in which two configurations differ, with both values: <c>steps 500 instead of 40000</c>.</summary>
    /// <remarks>
    /// A run's file has the target seed that was used: the planned one, or one of the next that were tried because a seed left a feature unlearned.
    /// That is the same configuration.
    /// </remarks>
    /// <param name="found">A configuration with every key.</param>
    /// <param name="planned">The one it should be.</param>
    public static IReadOnlyList<string> Differences(string found, string planned)
    {
        var there = FlatConfig.Read(found);
        var wanted = FlatConfig.Read(planned);
        return
        [
            .. from key in there.Keys.Union(wanted.Keys)
               let value = there.GetValueOrDefault(key, "nothing")
               let other = wanted.GetValueOrDefault(key, "nothing")
               where value != other && !IgnoredKeys.Contains(key) && !(key == SeedOfTarget && IsSeedTried(value, other))
               select $"{key} {value} instead of {other}",
        ];

        static bool IsSeedTried(string value, string first) => ulong.TryParse(value, out ulong seed) && ulong.TryParse(first, out ulong start)
            && seed >= start && seed - start < TargetProvider.MostSeeds;
    }

    private static StoredRun Read(string folder, PaperExperiment experiment)
    {
        string config = Needed("config.yaml");
        var differences = Differences(experiment.Reread(config), experiment.Yaml);
        if (differences.Count > 0)
        {
            throw new InvalidDataException(
                $"it is a run of another configuration ({string.Join(", ", differences.Take(3))}{(differences.Count > 3 ? ", …" : "")})");
        }

        var run = new StoredRun(folder, File.ReadAllText(config), ReadSummary(Needed("summary.json")));
        string? status = run.Text("status");
        if (run.IsFailed) return run;
        if (status != "finished") throw new InvalidDataException($"its run is not finished (status '{status ?? "none"}' in summary.json)");
        if (run.Number("steps") != experiment.Steps) throw new InvalidDataException($"its summary.json does not tell of {experiment.Steps} steps");
        foreach (string file in NeededFiles) Check(Needed(file));
        var figures = Directory.Exists(Path.Combine(folder, "figures")) ? Directory.GetFiles(Path.Combine(folder, "figures"), "*.svg") : [];
        if (figures.Length == 0) throw new InvalidDataException("its figures are missing");
        foreach (string figure in figures) Check(figure);
        return run;

        string Needed(string file) => File.Exists(Path.Combine(folder, file))
            ? Path.Combine(folder, file)
            : throw new InvalidDataException($"its {file.Replace('\\', '/')} is missing");
    }

    /// <summary>Reads a <c>summary.json</c>.</summary>
    /// <exception cref="InvalidDataException">It is damaged.</exception>
    internal static JsonElement ReadSummary(string path)
    {
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllText(path));
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? document.RootElement.Clone()
                : throw new InvalidDataException("its summary.json holds no object");
        }
        catch (JsonException exception)
        {
            throw new InvalidDataException("its summary.json is cut short or damaged", exception);
        }
    }

    private static void Check(string path)
    {
        bool isWhole = Path.GetExtension(path) switch
        {
            ".safetensors" => Safetensors.Read(path).Tensors.Count > 0,
            ".jsonl" => MetricLog.Read(path).Count > 0,
            ".svg" => EndsWith("</svg>"),
            ".html" => EndsWith("</html>"),
            _ => new FileInfo(path).Length > 0,
        };
        if (!isWhole) throw new InvalidDataException($"its {Path.GetFileName(path)} is cut short or damaged");

        bool EndsWith(string end) => File.ReadAllText(path).TrimEnd().EndsWith(end, StringComparison.Ordinal);
    }

    private JsonElement? Find(ReadOnlySpan<string> path)
    {
        var element = Summary;
        foreach (string key in path)
        {
            if (element.ValueKind != JsonValueKind.Object || !element.TryGetProperty(key, out element)) return null;
        }

        return element;
    }
}
