using Spd.Engine.Cpu;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using Spd.Decomposition;
using Spd.Formats;
using Spd.Networks.Training;
using Spd.Runs;
using Spd.Runs.Checkpoints;
using Spd.Runs.Configuration;
using Spd.Runs.Log;
using Spd.Runs.Reporting;
using Spd.Runs.Results;
using Spd.Runs.Targets;

namespace Spd.Fuzz.Kinds;

/// <summary>Logs, <c>metrics.jsonl</c>. None is ever refused: a line that is no record is left out.</summary>
internal sealed class MetricsKind() : FuzzKind("metrics")
{
    public static IReadOnlyList<byte[]> LogWords { get; } = Texts(
        "{", "}", "[", "]", ",", ":", "\"", "\n", "\r\n", "\ufeff", "null", "true", "\"NaN\"", "\"Infinity\"", "1e400", "-1", "{\"step\":1}\n", "{\"step\":1,\"losses\":null}\n", "\"step\":", "\"losses\":{", "\"l0\":{",
        "\"alive\":{", "\"metrics\":{", "\"total\":", "\"linear1\":", "\"[bad\":1", "\\u001b[31m", "\\u0000", "\\ud800", "\u001b[2J");

    protected override IReadOnlyList<byte[]> Words => LogWords;

    // A line that is no record costs the system's reader an exception, and may be one letter long; the log is read four times.
    public override long AllocationLimit(long length) => (4L << 20) + 4096 * length;

    public override bool IsRefusal(Exception exception) => false;

    protected override IEnumerable<Sample> MakeCorpus() => [TinyRun.File("metrics.jsonl") with { Name = "metrics.jsonl" }, new Sample("empty.jsonl", [])];

    protected override void Read(string path)
    {
        int count = MetricLog.Read(path).Count;
        MetricLog.LastStep(path);
        var (log, kept) = MetricLog.Continue(path, lines: 3, step: 15);
        using (log) log.Write(new MetricRecord { Step = 20 });
        if (kept.Count > Math.Min(3, count)) throw new BrokenPromiseException("a log that goes on has more lines than it had");
        var again = MetricLog.Read(path);
        if (again.Count != kept.Count + 1 || again[^1].Step != 20) throw new BrokenPromiseException("a line that was written behind a log's is not read");
    }
}

/// <summary>Results, <c>summary.json</c>.</summary>
internal sealed class SummaryKind() : FuzzKind("summary")
{
    protected override IReadOnlyList<byte[]> Words { get; } =
    [
        .. MetricsKind.LogWords,
        .. Texts(
            "\"experiment\":", "\"seed\":", "\"status\": \"finished\"", "\"status\": \"failed\"", "\"sites\": {", "\"sha256\": {", "\"target\": null", "\"losses\": null", "\"C\": 1", "\"alive\": 1", "\"error\": \"<script>\"",
            "\"metrics\": {\"mmcs\": ", "\"ms_per_step\": null", "<b>", "]]>"),
    ];

    // It is read, written, read again, written again and made a page of.
    public override long AllocationLimit(long length) => (4L << 20) + 512 * length;

    public override bool IsRefusal(Exception exception) => exception is InvalidDataException;

    protected override IEnumerable<Sample> MakeCorpus() => [TinyRun.File("summary.json") with { Name = "summary.json" }];

    protected override void Read(string path)
    {
        var summary = RunSummary.Read(path);
        string json = summary.ToJson();
        File.WriteAllText(path, json);
        RunSummary again;
        try
        {
            again = RunSummary.Read(path);
        }
        catch (InvalidDataException exception)
        {
            throw new BrokenPromiseException("a summary that was accepted is refused as it is written", exception.Message);
        }

        if (again.ToJson() != json) throw new BrokenPromiseException("a summary that was accepted is read as another one when it is written");
        string page = ReportPage.Of(summary, "", summary.Steps, [], "");
        if (page.Split("<script>").Length > 2) throw new BrokenPromiseException("a page has a mark of a file's");
    }
}

/// <summary>Checkpoints; most with a checksum that fits again, without which no mutant would be read.</summary>
internal sealed class CheckpointKind : FuzzKind
{
    private readonly IDecomposition decomposition;

    public CheckpointKind() : base("checkpoint")
    {
        string yaml = Place(new Sample("tiny.yaml", Encoding.UTF8.GetBytes(TinyRun.Yaml)));
        var config = RoundTrip.Catalog.Load(yaml).Config;
        decomposition = config.Decompose(new TrainedTarget(config.Target.Build(), config.Target, SeedsTried: 1, FromCache: false), new CpuBackend(threads: 1));
    }

    protected override IReadOnlyList<byte[]> Words { get; } =
    [
        .. SafetensorsKind.HeaderWords, .. Texts("\"sha256\":\"", "\"meaning\":\"{", "\"step\":\"", "\"log_lines\":\"-1\"", "\"steps\":\"99999999999\"", "\\\"config\\\":", "spd checkpoint 1", "spd checkpoint 2"),
    ];

    protected override IEnumerable<Sample> MakeCorpus() =>
        [.. TinyRun.Files.Where(file => file.Name.StartsWith("checkpoints/", StringComparison.Ordinal)).Select(file => file with { Name = Path.GetFileName(file.Name) })];

    /// <summary>Writes the checksum that fits.</summary>
    public static byte[] Stamp(byte[] bytes)
    {
        const int HashLength = 64;
        byte[] key = "\"sha256\":\""u8.ToArray();
        int at = bytes.AsSpan().IndexOf(key);
        if (at < 0 || at + key.Length + HashLength > bytes.Length) return bytes;
        var place = bytes.AsSpan(at + key.Length, HashLength);
        place.Fill((byte)'0');
        Encoding.ASCII.GetBytes(Convert.ToHexStringLower(SHA256.HashData(bytes))).CopyTo(place);
        return bytes;
    }

    protected override byte[] Mutate(Mutator mutator, Sample sample)
    {
        byte[] bytes = SafetensorsKind.Mutate(mutator, sample.Bytes, [.. Corpus.Select(other => other.Bytes)]);
        return mutator.OnceIn(5) ? bytes : Stamp(bytes);
    }

    protected override void Read(string path) => Checkpoint.Read(path).Restore(decomposition.Training.State.Values);

    protected override void Dispose(bool disposing)
    {
        if (disposing) decomposition.Dispose();
        base.Dispose(disposing);
    }
}

/// <summary>Whole folders of runs with a file that was changed: listed, opened, measured and reported, or gone on with.</summary>
internal sealed partial class RunFolderKind() : FuzzKind("run")
{
    // Numbers of a configuration that say how much there is to do.
    private const int MostWork = 64;

    private static readonly IReadOnlyList<byte[]> AllWords = [.. YamlKind.YamlWords, .. MetricsKind.LogWords];

    protected override IReadOnlyList<byte[]> Words => AllWords;

    // A run takes memory for its step whatever its files are.
    public override long AllocationLimit(long length) => (64L << 20) + 1000 * length;

    public override bool IsRefusal(Exception exception) => exception is RunFolderException or ConfigException or FileContentException or InvalidDataException
        or NonFiniteLossException or TargetException or TrainingException or SiteSelectionException;

    public override void Try(Sample sample)
    {
        string run = Path.Combine(Folder, "run");
        if (Directory.Exists(run)) Directory.Delete(run, recursive: true);
        foreach (string folder in new[] { "target", "checkpoints" }) Directory.CreateDirectory(Path.Combine(run, folder));
        foreach (var file in Corpus) File.WriteAllBytes(Path.Combine(run, file.Name), file.Name == sample.Name ? sample.Bytes : file.Bytes);
        Read(run);
    }

    protected override IEnumerable<Sample> MakeCorpus() => TinyRun.Files;

    protected override byte[] Mutate(Mutator mutator, Sample sample)
    {
        if (!sample.Name.EndsWith(".safetensors", StringComparison.Ordinal)) return mutator.Mutate(sample.Bytes, [sample.Bytes], Words);
        byte[] bytes = SafetensorsKind.Mutate(mutator, sample.Bytes, [sample.Bytes]);
        return sample.Name.StartsWith("checkpoints/", StringComparison.Ordinal) ? CheckpointKind.Stamp(bytes) : bytes;
    }

    protected override void Read(string path)
    {
        var entry = RunList.Of(Folder).Single();
        _ = entry.ToJson().ToJsonString();
        string config = Path.Combine(path, "config.yaml");
        TryEach(
            () =>
            {
                var saved = SavedRun.Open(path, RoundTrip.Catalog);
                if (!IsSmall(saved.Experiment)) return;
                saved.Components();
                saved.Report(new CpuBackend(threads: 1));
            },
            () =>
            {
                // A run whose results are lost goes on from its last checkpoint but one.
                var experiment = RoundTrip.Catalog.Load(config).Config;
                if (!IsSmall(experiment)) return;
                foreach (string file in new[] { "summary.json", "model.safetensors", "checkpoints/step-00000020.safetensors" }) File.Delete(Path.Combine(path, file));
                new ExperimentRun(experiment, new CpuBackend(threads: 1), new TargetCache(Path.Combine(Folder, "cache")), new TinyRun.Silence())
                    .Resume(RunFolder.Open(path), CancellationToken.None);
            });
    }

    private static bool IsSmall(IExperiment experiment) =>
        Counts().Matches(experiment.ToYaml()).All(match => int.TryParse(match.Groups[1].Value, out int count) && count <= MostWork);

    // A target that is there is not trained, however long that would take.
    [GeneratedRegex(@"^(?!seed:|  +(?:steps|batch_size|seed|label_fn_seed):) *\w+: (\d{2,})$", RegexOptions.Multiline)]
    private static partial Regex Counts();
}
