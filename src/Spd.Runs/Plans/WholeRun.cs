using Spd.Formats;
using Spd.Runs.Configuration;
using Spd.Runs.Log;
using Spd.Runs.Results;

namespace Spd.Runs.Plans;

/// <summary>The run of a planned experiment that lies in its folder, with all of its files.</summary>
internal static class WholeRun
{
    private static readonly string[] NeededFiles =
        ["metrics.jsonl", "model.safetensors", "report.html", Path.Combine("target", "config.yaml"), Path.Combine("target", "weights.safetensors")];

    /// <summary>Looks whether a folder holds a run of a configuration, finished or failed, with all of its files.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="experiment">The configuration.</param>
    /// <param name="catalog">The shipped experiments.</param>
    /// <param name="reason">Why what is there cannot be used, as a clause; null when it can, or when nothing is there.</param>
    /// <returns>The run; null when nothing is there, or nothing that can be used.</returns>
    public static StoredRun? TryRead(string folder, IExperiment experiment, ExperimentCatalog catalog, out string? reason)
    {
        reason = null;
        try
        {
            if (File.Exists(folder)) throw new InvalidDataException("a file has the name of its folder");
            if (!Directory.Exists(folder) || !Directory.EnumerateFileSystemEntries(folder).Any()) return null;
            return Read(folder, experiment, catalog);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or InvalidDataException or ConfigException)
        {
            reason = exception.Message.TrimEnd('.');
            return null;
        }
    }

    private static StoredRun Read(string folder, IExperiment experiment, ExperimentCatalog catalog)
    {
        string config = Needed("config.yaml");
        var differences = RunComparison.Differences(catalog.Load(config).Config.ToYaml(), experiment.ToYaml());
        if (differences.Count > 0) throw new InvalidDataException($"it {RunComparison.Told(differences)}");

        var run = new StoredRun(folder, File.ReadAllText(config), RunSummary.Read(Needed("summary.json")));
        var summary = run.Summary;
        if (summary.Status == RunStatus.Failed) return run;
        if (summary.Status != RunStatus.Finished) throw new InvalidDataException("its run is not finished, its summary.json says");
        if (summary.Steps != experiment.Steps) throw new InvalidDataException($"its summary.json does not tell of {experiment.Steps} steps");
        foreach (string file in NeededFiles) Check(Needed(file));
        var figures = Directory.Exists(Path.Combine(folder, "figures")) ? Directory.GetFiles(Path.Combine(folder, "figures"), "*.svg") : [];
        if (figures.Length == 0) throw new InvalidDataException("its figures are missing");
        foreach (string figure in figures) Check(figure);
        return run;

        string Needed(string file) => File.Exists(Path.Combine(folder, file))
            ? Path.Combine(folder, file)
            : throw new InvalidDataException($"its {file.Replace('\\', '/')} is missing");
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
}
