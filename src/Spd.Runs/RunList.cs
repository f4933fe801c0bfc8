using System.Globalization;
using System.IO.Enumeration;
using System.Text.Json.Nodes;
using Spd.Runs.Checkpoints;
using Spd.Runs.Configuration;
using Spd.Runs.Log;
using Spd.Runs.Results;

namespace Spd.Runs;

/// <summary>A run of a folder of runs, in short.</summary>
/// <param name="Folder">Its folder, relative to the folder that was searched.</param>
/// <param name="Experiment">The experiment, or empty.</param>
/// <param name="Seed">The seed, or empty.</param>
/// <param name="Status">
/// <c>running</c> while a program computes it, <c>finished</c>, <c>stopped</c> where the user wanted so, <c>failed</c>, <c>killed</c> where its program ended
/// without a word, <c>imported</c>; <c>unfinished</c> without a summary, <c>damaged</c> or <c>unreadable</c> where its files are.
/// </param>
/// <param name="Steps">Steps taken, where they are known.</param>
/// <param name="Metrics">The key metrics by name: MMCS and ML2R of a Toy Model of Superposition; of a residual MLP, features with one subcomponent; of a classifier its accuracy; the adversarial error.</param>
/// <param name="TotalLoss">The total loss.</param>
/// <param name="Seconds">Seconds that it took.</param>
/// <param name="Time">When its configuration was written.</param>
public sealed record RunEntry(
    string Folder, string Experiment, string Seed, string Status, double? Steps, IReadOnlyList<(string Name, double Value)> Metrics, double? TotalLoss,
    double? Seconds, DateTime Time)
{
    /// <summary>Steps in all, of a run that is being computed.</summary>
    public int? StepsPlanned { get; init; }

    /// <summary>What is known of the program that computes it: <c>process 17</c>.</summary>
    public string? Program { get; init; }

    /// <summary>The entry as JSON.</summary>
    public JsonObject ToJson() => new()
    {
        ["folder"] = Folder,
        ["experiment"] = Experiment,
        ["seed"] = ulong.TryParse(Seed, out ulong seed) ? seed : null,
        ["status"] = Status,
        ["steps"] = Steps,
        ["steps_planned"] = StepsPlanned,
        ["program"] = Program,
        ["metrics"] = new JsonObject(Metrics.Select(metric => new KeyValuePair<string, JsonNode?>(metric.Name, metric.Value))),
        ["total_loss"] = TotalLoss,
        ["wall_seconds"] = Seconds,
        ["time"] = Time.ToString("s", CultureInfo.InvariantCulture),
    };
}

/// <summary>The runs below a folder.</summary>
public static class RunList
{
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

    /// <summary>Every folder with a <c>config.yaml</c> of a run, in any depth; links are not followed. A run that cannot be read is told as one.</summary>
    /// <exception cref="RunFolderException">There is no such folder.</exception>
    public static IReadOnlyList<RunEntry> Of(string folder)
    {
        if (!Directory.Exists(folder)) throw new RunFolderException($"there is no folder '{folder}'");
        return
        [
            .. from config in Configs(folder)
               let run = Path.GetDirectoryName(config)!
               // The target of a run has a configuration of its own.
               where Path.GetFileName(run) != "target" || !File.Exists(Path.Combine(run, "..", "config.yaml"))
               select Read(Path.GetRelativePath(folder, run), run, config),
        ];
    }

    private static FileSystemEnumerable<string> Configs(string folder) => new(
        folder, (ref entry) => entry.ToFullPath(), new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.None })
    {
        ShouldIncludePredicate = (ref entry) => !entry.IsDirectory && entry.FileName is "config.yaml",
        ShouldRecursePredicate = (ref entry) => !entry.Attributes.HasFlag(FileAttributes.ReparsePoint),
    };

    private static RunEntry Read(string name, string run, string config)
    {
        var entry = new RunEntry(name, "", "", "unreadable", null, [], null, null, File.GetLastWriteTime(config));
        try
        {
            // Of a pipe nobody knows when it ends.
            if (new FileInfo(config).Length == 0) return entry;
            var values = FlatConfig.Read(File.ReadAllText(config));
            entry = entry with { Experiment = values.GetValueOrDefault("name", ""), Seed = values.GetValueOrDefault("seed", "") };
            if (FolderLock.Holder(run) is { } program)
            {
                return entry with
                {
                    Status = "running",
                    Program = program,
                    Steps = LastStep(run) ?? 0,
                    StepsPlanned = StepsOf(values),
                };
            }

            string summary = Path.Combine(run, "summary.json");
            bool isKilled = FolderLock.WasAbandoned(run);
            entry = entry with { Status = isKilled ? "killed" : "unfinished", Steps = LastStep(run), StepsPlanned = StepsOf(values) };
            return File.Exists(summary) ? WithSummary(entry, RunSummary.Read(summary), isKilled) : entry;
        }
        catch (InvalidDataException)
        {
            return entry with { Status = "damaged" };
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or ConfigException)
        {
            return entry;
        }
    }

    /// <summary>The step of the last line of the log, or of the newest checkpoint where that lies behind it.</summary>
    private static int? LastStep(string run)
    {
        int? logged = MetricLog.LastStep(Path.Combine(run, "metrics.jsonl"));
        int? kept = Checkpoint.Newest(Path.Combine(run, "checkpoints")).Select(Checkpoint.StepOf).FirstOrDefault();
        return kept > (logged ?? 0) ? kept : logged;
    }

    private static int? StepsOf(Dictionary<string, string> values) => int.TryParse(values.GetValueOrDefault("steps"), out int planned) ? planned : null;

    private static RunEntry WithSummary(RunEntry entry, RunSummary summary, bool isKilled) => entry with
    {
        Experiment = summary.Experiment,
        // A run that had ended once may have been killed when it went on.
        Status = isKilled ? entry.Status : summary.Status switch
        {
            RunStatus.Interrupted => "stopped",
            RunStatus.Failed => "failed",
            RunStatus.Imported => "imported",
            _ => "finished",
        },
        Steps = summary.Steps,
        Metrics =
        [
            .. from metric in Metric.All
               where metric.Short is not null
               let value = metric.Key == Metric.Features ? summary.FeaturesWithOne : summary.Number(metric.Key)
               where value is not null
               select (metric.Key, value.Value),
        ],
        TotalLoss = summary.Losses.TryGetValue("total", out double total) && double.IsFinite(total) ? total : null,
        Seconds = double.IsFinite(summary.WallSeconds) ? summary.WallSeconds : null,
    };
}
