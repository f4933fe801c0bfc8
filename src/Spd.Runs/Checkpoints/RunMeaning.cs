using System.Text.Json;
using System.Text.Json.Serialization;
using Spd.Formats;
using Spd.Runs.Configuration;

namespace Spd.Runs.Checkpoints;

/// <summary>
/// What a run computes: its configuration with every key, as values by dotted key, and the content of the files that it rests on. Keys that say nothing of
/// what a step computes are left out, and so are paths, since a file is known by its content.
/// </summary>
public sealed class RunMeaning
{
    private const string HashOf = "SHA-256 of ";

    /// <summary>Keys of files that say where they come from, what things are called, and what the network is known to give.</summary>
    internal static IReadOnlyList<string> FreeKeysOfData { get; } =
        ["target.files_from", "target.data.published_accuracy", "target.data.expected_outputs", "target.data.class_names", "target.data.feature_names"];

    // They may change between two parts of a run: they do not say what a step computes. For steps, the schedule decides.
    private static readonly string[] FreeKeys =
    [
        "name", "description", "steps", "save_freq", "keep_every", "print_freq", "n_eval_steps", "image_freq", "image_on_first_step", "tensorboard", .. FreeKeysOfData,
    ];

    private readonly IReadOnlyDictionary<string, string> _values;

    private RunMeaning(IReadOnlyDictionary<string, string> values) => _values = values;

    /// <summary>The meaning of a configuration.</summary>
    /// <param name="yaml">The configuration as it is written out, with every key.</param>
    /// <param name="contents">What the run rests on: the dotted key that holds a file's path, or what the file is called, and the SHA-256 of its content.</param>
    /// <param name="paths">Keys that hold the path of a file that is not needed any more.</param>
    public static RunMeaning Of(string yaml, IReadOnlyDictionary<string, string>? contents = null, params IEnumerable<string> paths)
    {
        contents ??= new Dictionary<string, string>();
        var left = paths.Concat(contents.Keys).Concat(FreeKeys).ToHashSet();
        var values = FlatConfig.Read(yaml).Where(entry => !left.Contains(entry.Key) && !PublishedNumbers.Has(entry.Key)).ToDictionary(entry => entry.Key, entry => entry.Value);
        foreach (var (key, hash) in contents.Where(entry => !FreeKeys.Contains(entry.Key))) values[HashOf + key] = hash;
        return new RunMeaning(values);
    }

    /// <summary>The keys in which this run differs from what another was, as clauses: <c>lr is 0.01, but was 0.001</c>.</summary>
    public IReadOnlyList<string> DifferencesFrom(RunMeaning other) =>
    [
        .. from key in other._values.Keys.Union(_values.Keys).Order(StringComparer.Ordinal)
           let now = _values.GetValueOrDefault(key)
           let then = other._values.GetValueOrDefault(key)
           // A key that the program has learnt since stands there with a default that leaves things as they were.
           where now != then && !(then is null && (now is "null" or "false" or "[]" or "" || key == HashOf + "target.model"))
           select key.StartsWith(HashOf, StringComparison.Ordinal)
               ? $"{Quoted.Bare(key[HashOf.Length..])} is another file or was changed (its SHA-256 is {Short(now)}, but was {Short(then)})"
               : $"{Quoted.Bare(key)} is {Shown(now)}, but was {Shown(then)}",
    ];

    /// <summary>The meaning as a text.</summary>
    public string ToJson() => JsonSerializer.Serialize(_values.OrderBy(entry => entry.Key, StringComparer.Ordinal).ToDictionary(), MeaningJson.Default.DictionaryStringString);

    /// <summary>Reads what <see cref="ToJson"/> wrote; null where it is something else.</summary>
    public static RunMeaning? FromJson(string? text)
    {
        if (text is null) return null;
        try
        {
            return JsonSerializer.Deserialize(text, MeaningJson.Default.DictionaryStringString) is { } values ? new RunMeaning(values) : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static string Shown(string? value) => value is null ? "not there" : Quoted.Bare(value);

    private static string Short(string? hash) => hash is null ? "none" : $"{Quoted.Bare(hash[..Math.Min(12, hash.Length)])}…";
}

/// <summary>How the meaning is written and read.</summary>
[JsonSerializable(typeof(Dictionary<string, string>))]
internal sealed partial class MeaningJson : JsonSerializerContext;
