using Spd.Runs.Checkpoints;
using Spd.Runs.Configuration;

namespace Spd.Runs.Paper;

/// <summary>The folder of a reproduction: the page, and a folder for each run that appears when the run is complete.</summary>
/// <remarks>
/// A run is written into <c>seed1.running</c>, which is moved to <c>seed1</c> at its end. A program that is killed so leaves nothing but a folder that carries
/// a marker; the next one goes on from its checkpoints, or removes it where there are none. A folder of that name without the marker belongs to somebody
/// else, and stays.
/// </remarks>
public sealed class PaperFolder : IDisposable
{
    private const string Page = "paper.html";
    private const string Marker = ".spd-paper-run";

    private readonly FolderLock _lock;

    private PaperFolder(string root, FolderLock ownLock) => (Root, _lock) = (root, ownLock);

    /// <summary>The folder.</summary>
    public string Root { get; }

    /// <summary>The page.</summary>
    public string PageFile => Path.Combine(Root, Page);

    /// <summary>What a page that is ours says it was made by.</summary>
    public const string Generator = "spd paper";

    /// <summary>Takes a folder, for this program alone until it is disposed.</summary>
    /// <exception cref="RunFolderException">It cannot be made or written to, another program works in it, its page is somebody else's, or it is the folder of a run.</exception>
    public static PaperFolder Open(string path)
    {
        var (root, own) = PageFolder.Take(path, Page, Generator, of: "", "the page and its runs do");
        return new PaperFolder(root, own);
    }

    /// <summary>The folder of a finished run.</summary>
    public string PathOf(PlannedRun run) => Path.Combine(Root, run.Folder);

    /// <summary>The folder of a run that was begun and not ended, to go on from its checkpoints; null where there is none that can be used.</summary>
    /// <param name="run">The run.</param>
    /// <param name="catalog">The shipped experiments.</param>
    public RunFolder? Begun(PlannedRun run, ExperimentCatalog catalog)
    {
        string running = RunningPath(run);
        if (!File.Exists(Path.Combine(running, Marker))) return null;
        try
        {
            var folder = RunFolder.Open(running);
            bool isSame = HasCheckpoints(running)
                && RunComparison.Differences(catalog.Load(folder.ConfigFile).Config.ToYaml(), run.Experiment!.ToYaml()).Count == 0;
            return isSame ? folder : null;
        }
        catch (Exception exception) when (exception is IOException or ConfigException)
        {
            return null;
        }
    }

    /// <summary>Makes the folder in which a run is computed; what a killed program left in it goes.</summary>
    /// <exception cref="RunFolderException">
    /// Something is in the way that was not left by this program, or has checkpoints of another configuration; or the folder cannot be made.
    /// </exception>
    public RunFolder Begin(PlannedRun run)
    {
        string running = RunningPath(run);
        if (HasCheckpoints(running))
            throw new RunFolderException($"'{running}' holds checkpoints of a run of another configuration: move it away, or name another folder with --out");
        Discard(run);
        if (Path.Exists(running))
        {
            throw new RunFolderException(
                $"'{running}' is in the way and carries no mark of `spd paper`: move it away, or name another folder with --out");
        }

        var folder = RunFolder.CreateAt(running);
        File.WriteAllText(
            Path.Combine(running, Marker), "A run in progress. When no program works on it, the next `spd paper` goes on with it, or removes this folder.\n");
        return folder;
    }

    /// <summary>Gives a complete run its name.</summary>
    /// <exception cref="IOException">Something has come into the way.</exception>
    public void Complete(PlannedRun run)
    {
        string running = RunningPath(run), final = PathOf(run);
        if (Directory.Exists(final)) Directory.Delete(final);
        Directory.Move(running, final);
        File.Delete(Path.Combine(final, Marker));
    }

    /// <summary>Removes what a run that did not end left, if it is marked as ours or empty, and has no checkpoints.</summary>
    public void Discard(PlannedRun run)
    {
        string running = RunningPath(run);
        if (!Directory.Exists(running)) return;
        bool isOurs = File.Exists(Path.Combine(running, Marker)) || !Directory.EnumerateFileSystemEntries(running).Any();
        if (isOurs && !HasCheckpoints(running) && FolderLock.Holder(running) is null) Directory.Delete(running, recursive: true);
    }

    public void Dispose() => _lock.Dispose();

    private static bool HasCheckpoints(string running) => Checkpoint.Newest(Path.Combine(running, "checkpoints")).Count > 0;

    private string RunningPath(PlannedRun run) => $"{PathOf(run)}.running";
}
