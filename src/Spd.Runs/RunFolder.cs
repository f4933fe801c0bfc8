using System.Globalization;
using Spd.Formats;
using Spd.Networks;
using Spd.Runs.Activations;
using Spd.Runs.Configuration;
using Spd.Runs.Log;
using Spd.Runs.Reporting;
using Spd.Runs.Results;

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
    /// <summary>Files as messages and summaries call them.</summary>
    internal const string WeightsOfTarget = "target/weights.safetensors", Model = "model.safetensors";

    private const int MostAttempts = 1000, ProbeBytes = 1 << 16;
    private const string Before = "before-";

    // Links are not followed: they may lead to other runs, or back here.
    internal static EnumerationOptions Below { get; } = new()
    {
        RecurseSubdirectories = true,
        AttributesToSkip = FileAttributes.ReparsePoint,
    };

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
    public string ModelFile => Path.Combine(Root, Model);

    /// <summary>The checkpoints' folder; see <see cref="Checkpoints.Checkpoint"/>.</summary>
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
    public static RunFolder CreateAt(string path) => CreateAt(path, path);

    /// <summary>Takes a folder that messages call otherwise: what it is made for.</summary>
    /// <inheritdoc cref="CreateAt(string)"/>
    internal static RunFolder CreateAt(string path, string called)
    {
        if (string.IsNullOrWhiteSpace(path)) throw new RunFolderException("the folder for the run has no name: give one to --out");
        if (File.Exists(path)) throw new RunFolderException($"'{path}' is a file, but the run needs a folder: name another with --out");
        try
        {
            if (Directory.Exists(path) && Directory.EnumerateFileSystemEntries(path).Any(entry => !IsOfABeginning(entry)))
            {
                throw new RunFolderException($"the folder '{path}' is not empty: "
                    + (File.Exists(Path.Combine(path, "config.yaml"))
                        ? $"the run in it goes on with `spd resume {Quoted.Word(path)}`; a new one needs another folder, named with --out"
                        : "name a new one with --out, or empty it first"));
            }
        }
        catch (UnauthorizedAccessException exception)
        {
            throw new RunFolderException($"the folder '{path}' may not be read: name another with --out", exception);
        }

        return Make(path, called);
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
    /// <exception cref="IOException">It cannot be written to.</exception>
    public IDisposable Take() => Take(Root, BusyWith);

    /// <summary>Makes any folder this program's own, and removes unfinished files that a killed program left.</summary>
    /// <inheritdoc cref="FolderLock.Take"/>
    internal static IDisposable Take(string folder, Func<string, string> refusal)
    {
        var taken = FolderLock.Take(folder, refusal);
        foreach (string unfinished in Directory.GetFiles(folder, $"*{AtomicFile.Unfinished}", Below)) File.Delete(unfinished);
        return taken;
    }

    /// <summary>Makes sure that no program is computing the run just now.</summary>
    /// <exception cref="RunFolderException">One is.</exception>
    public void RequireIdle()
    {
        if (FolderLock.Holder(Root) is { } other) throw new RunFolderException(BusyWith(other));
    }

    /// <summary>
    /// Moves all that a run has written into a folder of its own within this one, <c>before-20250304-050607</c>, with a copy of the configuration, so that the
    /// run can begin anew and nothing of the old one is lost.
    /// </summary>
    /// <param name="clock">Tells the local time.</param>
    /// <returns>That folder.</returns>
    /// <exception cref="IOException">Something cannot be moved; it stays where it is, and so does what comes after it.</exception>
    public string SetAside(TimeProvider clock)
    {
        string wanted = Path.Combine(Root, $"{Before}{clock.GetLocalNow().ToString("yyyyMMdd-HHmmss", CultureInfo.InvariantCulture)}");
        string aside = wanted;
        for (int attempt = 2; Path.Exists(aside); attempt++) aside = $"{wanted}-{attempt}";
        Directory.CreateDirectory(aside);
        // By its configuration a folder is known to be a run's, so that one stays in both at any moment.
        File.Copy(ConfigFile, Path.Combine(aside, Path.GetFileName(ConfigFile)));
        foreach (string entry in Directory.GetFileSystemEntries(Root))
        {
            string name = Path.GetFileName(entry);
            if (name.StartsWith(Before, StringComparison.Ordinal) || name is FolderLock.FileName or FolderLock.IdFileName || entry == ConfigFile) continue;
            string to = Path.Combine(aside, name);
            if (Directory.Exists(entry)) Directory.Move(entry, to);
            else File.Move(entry, to);
        }

        return aside;
    }

    /// <summary>The SHA-256 of the content of each file that a run rests on, by the key that names it, or its place in this folder.</summary>
    /// <param name="experiment">The run's configuration.</param>
    /// <param name="withModel">Whether the model counts, where there is one.</param>
    /// <exception cref="ConfigException">A file of data is missing; one sentence says which, and how to name it.</exception>
    /// <exception cref="RunFolderException">The target's weights are missing.</exception>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public IReadOnlyDictionary<string, string> HashContents(IExperiment experiment, bool withModel = false)
    {
        if (!File.Exists(TargetWeightsFile)) throw new RunFolderException($"'{Root}' has no {WeightsOfTarget}, so its run can neither go on nor be measured");
        var hashes = new Dictionary<string, string> { [WeightsOfTarget] = FileHash.Compute(TargetWeightsFile) };
        foreach (var (key, path) in experiment.Target.Files)
        {
            string file = ArrayFile.FileOf(path);
            if (!File.Exists(file)) throw experiment.Target.Missing(key, path);
            // Behind the file may stand which of its arrays is meant.
            hashes[key] = FileHash.Compute(file) + path[file.Length..];
        }

        if (withModel && File.Exists(ModelFile)) hashes[Model] = FileHash.Compute(ModelFile);
        return hashes;
    }

    /// <summary>The SHA-256 of the target's weights and of the model, as in <see cref="HashContents"/>.</summary>
    /// <exception cref="IOException">A file cannot be read.</exception>
    internal IReadOnlyDictionary<string, string> HashModel() => new Dictionary<string, string>
    {
        [WeightsOfTarget] = FileHash.Compute(TargetWeightsFile),
        [Model] = FileHash.Compute(ModelFile),
    };

    /// <summary>Whether the summary tells of a finished run of so many steps.</summary>
    public bool IsFinished(int steps) => Summary is { Status: RunStatus.Finished } summary && summary.Steps == steps;

    /// <summary>Whether the summary tells of a run that another program trained.</summary>
    public bool IsImported => Summary?.Status == RunStatus.Imported;

    /// <summary>What the summary says; null where there is none that can be read.</summary>
    public RunSummary? Summary
    {
        get
        {
            try
            {
                return File.Exists(SummaryFile) ? RunSummary.Read(SummaryFile) : null;
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

    /// <summary>Writes what a run came to: figures, the page, and the summary. Pages that somebody asked for with <c>spd activations</c> stay as they are.</summary>
    /// <param name="experiment">The configuration.</param>
    /// <param name="summary">What it came to.</param>
    /// <param name="draw">Draws the figures; where it fails, the report is without.</param>
    /// <param name="writePages">Writes the pages besides the report; where it fails, the report is without.</param>
    /// <param name="onWarning">Is told what could not be done, and why.</param>
    /// <exception cref="IOException">A file cannot be written.</exception>
    public void WriteResults(
        IExperiment experiment, RunSummary summary, Func<IReadOnlyList<RunFigure>> draw, Func<IReadOnlyList<RunPage>> writePages, Action<string>? onWarning)
    {
        var figures = Try("figures could not be drawn", draw);
        var pages = Try("pages besides it could not be written", writePages);
        WriteFigures(figures);
        WritePages(pages.Where(page => !SitePage.IsAskedFor(FileOf(page))));
        WriteReport(experiment, summary, figures, pages);
        // A run is finished when its summary says so.
        WriteText(SummaryFile, summary.ToJson());

        IReadOnlyList<T> Try<T>(string what, Func<IReadOnlyList<T>> make)
        {
            try
            {
                return make();
            }
            catch (Exception exception) when (exception is not OutOfMemoryException)
            {
                onWarning?.Invoke($"the {what}, and the report is without them: {exception.Message.TrimEnd('.')}");
                return [];
            }
        }
    }

    /// <summary>Writes figures.</summary>
    /// <param name="figures">The figures.</param>
    /// <param name="part">The part of the figures' folder that they lie in, such as <c>step-00001000/</c>; empty for the folder itself.</param>
    /// <exception cref="IOException">A file cannot be written.</exception>
    public void WriteFigures(IReadOnlyList<RunFigure> figures, string part = "")
    {
        foreach (var figure in figures) WriteText(FigureFile(part + figure.Name), figure.Svg);
    }

    /// <summary>Writes pages besides the report.</summary>
    /// <exception cref="IOException">A file cannot be written.</exception>
    public void WritePages(IEnumerable<RunPage> pages)
    {
        foreach (var page in pages) WriteText(FileOf(page), page.Html);
    }

    /// <summary>The file of a page.</summary>
    public string FileOf(RunPage page) => Path.Combine([Root, .. page.File.Split('/')]);

    /// <summary>Writes the report, with links to pages.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    public void WriteReport(IExperiment experiment, RunSummary summary, IReadOnlyList<RunFigure> figures, IReadOnlyList<RunPage> pages) =>
        WriteText(ReportFile, ReportPage.Of(summary, experiment.Description, experiment.Steps, figures, experiment.ToYaml(), pages, FilesToLink()));

    private IReadOnlyList<(string File, string What)> FilesToLink() =>
    [
        .. new (string Path, string What)[]
        {
            (ConfigFile, "the configuration, which runs again as it is"), (ModelFile, "the subcomponents and their gates"), (TargetWeightsFile, "the network that was decomposed"),
            (MetricsFile, "the log, a line each time"), (TensorBoardFolder, "the log for TensorBoard"),
        }.Where(file => Path.Exists(file.Path)).Select(file => (Path.GetRelativePath(Root, file.Path).Replace('\\', '/'), file.What)),
        ("summary.json", "the results"),
    ];

    /// <summary>Makes the folder that a file of the run belongs in, where it is missing.</summary>
    /// <param name="path">The file.</param>
    /// <returns>The file.</returns>
    /// <exception cref="ArgumentException">The file does not belong to this folder.</exception>
    /// <exception cref="IOException">This folder is gone, or that one cannot be made.</exception>
    public string PrepareParent(string path)
    {
        string parent = Path.GetDirectoryName(Path.GetFullPath(path))!;
        if (Path.GetRelativePath(Root, parent).Split(Path.DirectorySeparatorChar)[0] == "..")
            throw new ArgumentException($"'{path}' does not lie in the run folder '{Root}'");
        // Another of the same name would hold a part of the run only.
        if (!Directory.Exists(Root)) throw new DirectoryNotFoundException($"the run's folder '{Root}' was removed or renamed while it was computed");
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
            return Path.Exists(path) ? null : Make(path, path);
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

    /// <summary>
    /// Makes sure that something can be written at a path, before it is computed: the nearest folder above it that exists takes a file. Nothing is left there.
    /// </summary>
    /// <param name="path">The file or folder that is to be written.</param>
    /// <param name="remedy">What to do where it cannot.</param>
    /// <exception cref="RunFolderException">It cannot.</exception>
    public static void RequireWritable(string path, string remedy = "name another with --out")
    {
        if (string.IsNullOrWhiteSpace(path)) throw new RunFolderException($"what is to be written has no name: {remedy}");
        string whole = Path.GetFullPath(path), folder = Directory.Exists(whole) ? whole : Path.GetDirectoryName(whole) ?? whole;
        while (!Path.Exists(folder) && Path.GetDirectoryName(folder) is { } above) folder = above;
        try
        {
            if (File.Exists(folder)) throw new IOException($"'{folder}' is a file");
            Probe(folder);
        }
        catch (Exception exception) when (IsRefusal(exception))
        {
            throw new RunFolderException($"'{path}' cannot be made or written to ({exception.Message.TrimEnd('.')}): {remedy}", exception);
        }
    }

    /// <summary>Writes a file to the disk, which may be full, and removes it.</summary>
    private static void Probe(string folder)
    {
        using var probe = File.Create(Path.Combine(folder, $".{Guid.NewGuid():N}{AtomicFile.Unfinished}"), 1, FileOptions.DeleteOnClose);
        probe.Write(new byte[ProbeBytes]);
        probe.Flush(flushToDisk: true);
    }

    private static RunFolder Make(string path, string called)
    {
        try
        {
            var folder = new RunFolder(Directory.CreateDirectory(path).FullName);
            Probe(folder.Root);
            return folder;
        }
        catch (Exception exception) when (IsRefusal(exception))
        {
            throw Refused(called, exception);
        }
    }

    /// <summary>Whether a program that was killed before it had written its configuration left a file or folder. The next may begin there.</summary>
    internal static bool IsOfABeginning(string entry) => Path.GetFileName(entry) is FolderLock.FileName or FolderLock.IdFileName
        || (Path.GetFileName(entry) == "target" && File.Exists(Path.Combine(Path.GetDirectoryName(entry)!, FolderLock.FileName)))
        || entry.EndsWith(AtomicFile.Unfinished, StringComparison.Ordinal);

    private string BusyWith(string other)
    {
        // The step of the last line of the log, which may lie a little behind.
        string step = MetricLog.LastStep(MetricsFile) is { } last ? $", after step {last}" : "";
        return $"the run in '{Root}' is being computed by another program ({other}{step}): wait for its end, or stop it first";
    }

    private static bool IsRefusal(Exception exception) => exception is not RunFolderException
        and (IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException);

    private static RunFolderException Refused(string path, Exception exception) =>
        new($"the folder '{path}' cannot be made or written to ({exception.Message.TrimEnd('.')}): name another with --out", exception);
}
