using System.Globalization;
using System.Text.Json.Nodes;
using Spd.Runs.Configuration;
using Spd.Runs.Paper;

namespace Spd.Runs;

/// <summary>A run of a folder of runs, in short.</summary>
/// <param name="Folder">Its folder, relative to the folder that was searched.</param>
/// <param name="Experiment">The experiment, or empty.</param>
/// <param name="Seed">The seed, or empty.</param>
/// <param name="Status"><c>finished</c>, <c>interrupted</c>, <c>failed</c>; <c>unfinished</c> without a summary, <c>damaged</c> where that is.</param>
/// <param name="Steps">Steps taken, where they are known.</param>
/// <param name="Metrics">The key metrics by name: MMCS and ML2R of a Toy Model of Superposition; of a residual MLP, features with one subcomponent.</param>
/// <param name="TotalLoss">The total loss.</param>
/// <param name="Seconds">Seconds that it took.</param>
/// <param name="Time">When its configuration was written.</param>
public sealed record RunEntry(
    string Folder, string Experiment, string Seed, string Status, double? Steps, IReadOnlyList<(string Name, double Value)> Metrics, double? TotalLoss,
    double? Seconds, DateTime Time)
{
    /// <summary>The entry as JSON.</summary>
    public JsonObject ToJson() => new()
    {
        ["folder"] = Folder,
        ["experiment"] = Experiment,
        ["seed"] = ulong.TryParse(Seed, out ulong seed) ? seed : null,
        ["status"] = Status,
        ["steps"] = Steps,
        ["metrics"] = new JsonObject(Metrics.Select(metric => new KeyValuePair<string, JsonNode?>(metric.Name, metric.Value))),
        ["total_loss"] = TotalLoss,
        ["wall_seconds"] = Seconds,
        ["time"] = Time.ToString("s", CultureInfo.InvariantCulture),
    };
}

/// <summary>The runs below a folder.</summary>
public static class RunList
{
    /// <summary>The name of the number of features with exactly one subcomponent.</summary>
    public const string Features = "features_with_one_subcomponent";

    private static readonly string[] KeyMetrics =
        ["mmcs", "ml2r", Features, "neuron_contribution_slope", "adversarial_mse", "adversarial_kl"];

    /// <summary>What a list can be ordered by.</summary>
    public static IReadOnlyDictionary<string, Func<RunEntry, IComparable?>> Orders { get; } = new Dictionary<string, Func<RunEntry, IComparable?>>
    {
        ["time"] = run => run.Time,
        ["experiment"] = run => run.Experiment,
        ["seed"] = run => ulong.TryParse(run.Seed, out ulong seed) ? seed : ulong.MaxValue,
        ["status"] = run => run.Status,
        ["loss"] = run => run.TotalLoss ?? double.MaxValue,
        ["seconds"] = run => run.Seconds ?? double.MaxValue,
    };

    /// <summary>Every folder with a <c>config.yaml</c> of a run, in any depth.</summary>
    /// <exception cref="RunFolderException">There is no such folder.</exception>
    public static IReadOnlyList<RunEntry> Of(string folder)
    {
        if (!Directory.Exists(folder)) throw new RunFolderException($"there is no folder '{folder}'");
        return
        [
            .. from config in Directory.EnumerateFiles(folder, "config.yaml", SearchOption.AllDirectories)
               let run = Path.GetDirectoryName(config)!
               // The target of a run has a configuration of its own.
               where Path.GetFileName(run) != "target" || !File.Exists(Path.Combine(run, "..", "config.yaml"))
               select Read(Path.GetRelativePath(folder, run), run, config),
        ];
    }

    private static RunEntry Read(string name, string run, string config)
    {
        var time = File.GetLastWriteTime(config);
        string summary = Path.Combine(run, "summary.json");
        var (experiment, seed) = FromConfig(config);
        if (!File.Exists(summary)) return new RunEntry(name, experiment, seed, "unfinished", null, [], null, null, time);
        try
        {
            var stored = new StoredRun(run, "", StoredRun.ReadSummary(summary));
            return new RunEntry(
                name, stored.Text("experiment") ?? experiment, seed, stored.Text("status") ?? "damaged", stored.Number("steps"),
                [
                    .. from key in KeyMetrics
                       let value = key == Features ? PaperTables.NumberWithOne(stored) : stored.Number("metrics", key)
                       where value is not null
                       select (key, value.Value),
                ],
                stored.Number("losses", "total"), stored.Number("wall_seconds"), time);
        }
        catch (InvalidDataException)
        {
            return new RunEntry(name, experiment, seed, "damaged", null, [], null, null, time);
        }
    }

    private static (string Experiment, string Seed) FromConfig(string config)
    {
        try
        {
            var values = FlatConfig.Read(File.ReadAllText(config));
            return (values.GetValueOrDefault("name", ""), values.GetValueOrDefault("seed", ""));
        }
        catch (Configuration.ConfigException)
        {
            return ("", "");
        }
    }
}
