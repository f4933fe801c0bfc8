using System.Text.Json;
using Spd.Runs.Configuration;

namespace Spd.Runs;

/// <summary>A run that lies in its folder, as it was written there.</summary>
/// <param name="Folder">The folder.</param>
/// <param name="Config">The text of its <c>config.yaml</c>.</param>
/// <param name="Summary">Its <c>summary.json</c>.</param>
public sealed record StoredRun(string Folder, string Config, JsonElement Summary)
{
    private const string SeedOfTarget = "target.train.seed";

    // They say nothing about what is computed.
    private static readonly string[] IgnoredKeys = ["name", "description", "tensorboard"];

    /// <summary>Whether the run failed, rather than finished.</summary>
    public bool IsFailed => Text("status") == "failed";

    /// <summary>A text of the summary, or null.</summary>
    public string? Text(params ReadOnlySpan<string> path) => Find(path) is { ValueKind: JsonValueKind.String } text ? text.GetString() : null;

    /// <summary>A number of the summary, or null where it is not there or was not finite.</summary>
    public double? Number(params ReadOnlySpan<string> path) =>
        Find(path) is { ValueKind: JsonValueKind.Number } number && double.IsFinite(number.GetDouble()) ? number.GetDouble() : null;

    /// <summary>A truth of the summary, or null.</summary>
    public bool? Truth(params ReadOnlySpan<string> path) =>
        Find(path) is { ValueKind: JsonValueKind.True or JsonValueKind.False } truth ? truth.GetBoolean() : null;

    /// <summary>The entries of an object of the summary; none where it is not there.</summary>
    public IReadOnlyList<JsonProperty> Entries(params ReadOnlySpan<string> path) =>
        Find(path) is { ValueKind: JsonValueKind.Object } found ? [.. found.EnumerateObject()] : [];

    /// <summary>Keys in which two configurations differ, with both values: <c>steps 500 instead of 40000</c>.</summary>
    /// <remarks>
    /// A run's file has the target seed that was used: the planned one, or one of the next that were tried because a seed left a feature unlearned.
    /// That is the same configuration.
    /// </remarks>
    /// <param name="found">A configuration with every key.</param>
    /// <param name="planned">The one it should be.</param>
    /// <param name="except">Keys that may differ.</param>
    public static IReadOnlyList<string> Differences(string found, string planned, params IReadOnlyList<string> except)
    {
        var there = FlatConfig.Read(found);
        var wanted = FlatConfig.Read(planned);
        return
        [
            .. from key in there.Keys.Union(wanted.Keys)
               let value = there.GetValueOrDefault(key, "nothing")
               let other = wanted.GetValueOrDefault(key, "nothing")
               where value != other && !IgnoredKeys.Contains(key) && !except.Contains(key) && !(key == SeedOfTarget && IsSeedTried(value, other))
               select $"{key} {value} instead of {other}",
        ];

        static bool IsSeedTried(string value, string first) => ulong.TryParse(value, out ulong seed) && ulong.TryParse(first, out ulong start)
            && seed >= start && seed - start < TargetProvider.MostSeeds;
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
