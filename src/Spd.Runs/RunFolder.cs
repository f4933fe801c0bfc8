using System.Globalization;
using Spd.Formats;
using Spd.Networks;
using Spd.Runs.Checkpoints;
using Spd.Runs.Reporting;

namespace Spd.Runs;

/// <summary>A folder for a run cannot be had; the message is one sentence that says which and what to do.</summary>
public sealed class RunFolderException : IOException
{
    /// <summary>An exception with its sentence.</summary>
    public RunFolderException(string message, Exception? inner = null) : base(message, inner) { }
}

/// <summary>The folder of a run and the files in it.</summary>
public sealed class RunFolder
{
    private const int MostAttempts = 1000;

    private RunFolder(string path) => Root = path;

    /// <summary>The folder.</summary>
    public string Root { get; }

    /// <summary>The resolved configuration, which runs again as it is.</summary>
    public string ConfigFile => Path.Combine(Root, "config.yaml");

    /// <summary>The target's weights.</summary>
    public string TargetWeightsFile => Path.Combine(Root, "target", "weights.safetensors");

    /// <summary>How the target was trained.</summary>
    public string TargetConfigFile => Path.Combine(Root, "target", "config.yaml");

    /// <summary>One line for each log interval; see <see cref="MetricLog"/>.</summary>
    public string MetricsFile => Path.Combine(Root, "metrics.jsonl");

    /// <summary>The components and gates.</summary>
    public string ModelFile => Path.Combine(Root, "model.safetensors");

    /// <summary>The checkpoints' folder; see <see cref="Checkpoint"/>.</summary>
    public string CheckpointsFolder => Path.Combine(Root, "checkpoints");

    /// <summary>The event files' folder; see <see cref="TensorBoard.EventLog"/>.</summary>
    public string TensorBoardFolder => Path.Combine(Root, "tensorboard");

    /// <summary>The figures' folder.</summary>
    public string FiguresFolder => Path.Combine(Root, "figures");

    /// <summary>The report.</summary>
    public string ReportFile => Path.Combine(Root, "report.html");

    /// <summary>The results in short.</summary>
    public string SummaryFile => Path.Combine(Root, "summary.json");

    /// <summary>The file of a figure: <c>figures/&lt;name&gt;.svg</c>.</summary>
    public string FigureFile(string name) => Path.Combine(FiguresFolder, $"{name}.svg");

    /// <summary>
    /// Makes a new folder <c>&lt;parent&gt;/&lt;experiment&gt;/&lt;yyyyMMdd-HHmmss&gt;-seed&lt;N&gt;</c>,
    /// with <c>-2</c> and so on behind it where that exists.
    /// </summary>
    /// <param name="parent">The folder of all runs, such as <c>runs</c>; made where it is missing.</param>
    /// <param name="experiment">Name of the experiment.</param>
    /// <param name="seed">Seed of the run.</param>
    /// <param name="clock">Tells the local time.</param>
    /// <exception cref="RunFolderException">The folder cannot be made or written to.</exception>
    public static RunFolder Create(string parent, string experiment, ulong seed, TimeProvider clock)
    {
        string time = clock.GetLocalNow().ToString("yyyyMMdd-HHmmss", CultureInfo.InvariantCulture);
        string wanted = Path.Combine(parent, experiment, $"{time}-seed{seed}");
        for (int attempt = 1; attempt <= MostAttempts; attempt++)
        {
            if (TryMakeNew(attempt == 1 ? wanted : $"{wanted}-{attempt}") is { } folder) return folder;
        }

        throw new RunFolderException($"'{wanted}' and {MostAttempts - 1} more like it exist already: name another folder with --out");
    }

    /// <summary>Takes the folder that the user named: a new one, or one that is empty.</summary>
    /// <exception cref="RunFolderException">It is a file, holds something, or cannot be made, read or written to.</exception>
    public static RunFolder CreateAt(string path)
    {
        if (string.IsNullOrWhiteSpace(path)) throw new RunFolderException("the folder for the run has no name: give one to --out");
        if (File.Exists(path)) throw new RunFolderException($"'{path}' is a file, but the run needs a folder: name another with --out");
        try
        {
            if (Directory.Exists(path) && Directory.EnumerateFileSystemEntries(path).Any(entry => !IsOfABeginning(entry)))
                throw new RunFolderException($"the folder '{path}' is not empty: name a new one with --out, or empty it first");
        }
        catch (UnauthorizedAccessException exception)
        {
            throw new RunFolderException($"the folder '{path}' may not be read: name another with --out", exception);
        }

        return Make(path);
    }

    /// <summary>The folder of a run that was made before.</summary>
    /// <exception cref="RunFolderException">There is no such folder, or it holds no run.</exception>
    public static RunFolder Open(string path)
    {
        if (!Directory.Exists(path)) throw new RunFolderException($"there is no run folder '{path}'");
        var folder = new RunFolder(path);
        return File.Exists(folder.ConfigFile) ? folder : throw new RunFolderException($"'{path}' holds no config.yaml, so it is not the folder of a run");
    }

    /// <summary>Makes it this program's own until that is disposed, and removes unfinished files that a killed program left.</summary>
    /// <exception cref="RunFolderException">Another program works in it.</exception>
    public IDisposable Take()
    {
        var taken = FolderLock.Take(
            Root, other => $"the run in '{Root}' is being computed by another program {other}: wait for its end, or stop it first");
        foreach (string unfinished in Directory.GetFiles(Root, $"*{AtomicFile.Unfinished}", SearchOption.AllDirectories)) File.Delete(unfinished);
        return taken;
    }

    /// <summary>Whether the summary tells of a finished run of so many steps.</summary>
    public bool IsFinished(int steps) => Summary is { } stored && stored.Text("status") == "finished" && stored.Number("steps") == steps;

    /// <summary>Whether the summary tells of a run that another program trained.</summary>
    public bool IsImported => Summary?.Text("status") == "imported";

    /// <summary>What the summary says; null where there is none that can be read.</summary>
    private StoredRun? Summary
    {
        get
        {
            try
            {
                return File.Exists(SummaryFile) ? new StoredRun(Root, "", StoredRun.ReadSummary(SummaryFile)) : null;
            }
            catch (InvalidDataException)
            {
                return null;
            }
        }
    }

    /// <summary>The target of the run, from its weights in the folder.</summary>
    /// <param name="experiment">The run's configuration.</param>
    /// <exception cref="RunFolderException">The weights are missing or damaged.</exception>
    public TrainedTarget ReadTarget(IExperiment experiment)
    {
        var network = experiment.Target.Build();
        try
        {
            ModuleWeights.Load(TargetWeightsFile, network);
        }
        catch (IOException exception)
        {
            throw new RunFolderException($"the target of the run in '{Root}' cannot be read: {exception.Message.TrimEnd('.')}", exception);
        }

        return new TrainedTarget(network, experiment.Target, SeedsTried: 1, FromCache: false);
    }

    /// <summary>Writes a text file of the folder whole or not at all.</summary>
    /// <param name="path">One of the files above.</param>
    /// <param name="text">Its text.</param>
    /// <exception cref="IOException">It cannot be written; an older file is untouched.</exception>
    public void WriteText(string path, string text) => AtomicFile.WriteText(PrepareParent(path), text);

    /// <summary>Writes what a run came to: figures, the page, and the summary.</summary>
    /// <exception cref="IOException">A file cannot be written.</exception>
    public void WriteResults(IExperiment experiment, RunSummary summary, IReadOnlyList<RunFigure> figures)
    {
        foreach (var figure in figures) WriteText(FigureFile(figure.Name), figure.Svg);
        WriteText(ReportFile, HtmlReport.Write(experiment, summary, figures, File.ReadAllText(ConfigFile)));
        // A run is finished when its summary says so, and then nothing is missing.
        WriteText(SummaryFile, summary.ToJson());
    }

    /// <summary>Makes the folder that a file of the run belongs in, where it is missing.</summary>
    /// <param name="path">The file.</param>
    /// <returns>The file.</returns>
    /// <exception cref="ArgumentException">The file does not belong to this folder.</exception>
    public string PrepareParent(string path)
    {
        string parent = Path.GetDirectoryName(Path.GetFullPath(path))!;
        if (Path.GetRelativePath(Root, parent).Split(Path.DirectorySeparatorChar)[0] == "..")
            throw new ArgumentException($"'{path}' does not lie in the run folder '{Root}'");
        Directory.CreateDirectory(parent);
        return path;
    }

    /// <summary>Makes a folder that only one of several runs gets; null where it exists or another run is just making it.</summary>
    private static RunFolder? TryMakeNew(string path)
    {
        if (Path.Exists(path)) return null;
        // Neither making a folder nor moving one to a name fails everywhere when an empty folder has the name. Making a new file does:
        // whoever has made the claim may look whether the folder exists, and make it.
        string claim = $"{path}.claim";
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            using var claimed = new FileStream(claim, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1, FileOptions.DeleteOnClose);
            return Path.Exists(path) ? null : Make(path);
        }
        catch (IOException exception) when (exception is not RunFolderException && (Path.Exists(claim) || Path.Exists(path)))
        {
            return null;
        }
        catch (Exception exception) when (IsRefusal(exception))
        {
            throw Refused(path, exception);
        }
    }

    private static RunFolder Make(string path)
    {
        try
        {
            var folder = new RunFolder(Directory.CreateDirectory(path).FullName);
            string probe = Path.Combine(folder.Root, $".{Guid.NewGuid():N}{AtomicFile.Unfinished}");
            using (File.Create(probe, 1, FileOptions.DeleteOnClose)) return folder;
        }
        catch (Exception exception) when (IsRefusal(exception))
        {
            throw Refused(path, exception);
        }
    }

    /// <summary>Whether a program that was killed before it had written its configuration left a file or folder. The next may begin there.</summary>
    private static bool IsOfABeginning(string entry) => Path.GetFileName(entry) is FolderLock.FileName or FolderLock.IdFileName
        || (Path.GetFileName(entry) == "target" && File.Exists(Path.Combine(Path.GetDirectoryName(entry)!, FolderLock.FileName)))
        || entry.EndsWith(AtomicFile.Unfinished, StringComparison.Ordinal);

    private static bool IsRefusal(Exception exception) => exception is not RunFolderException
        and (IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException);

    private static RunFolderException Refused(string path, Exception exception) =>
        new($"the folder '{path}' cannot be made or written to ({exception.Message.TrimEnd('.')}): name another with --out", exception);
}
