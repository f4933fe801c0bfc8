using Spd.Runs.Configuration;
using Spd.Runs.Results;

namespace Spd.Runs.Plans;

/// <summary>A folder with a page of ours and, for each of the runs that it tells of, a folder.</summary>
public sealed class PlanFolder : IDisposable
{
    private readonly FolderLock _lock;

    private PlanFolder(string root, string pageFile, FolderLock ownLock) => (Root, PageFile, _lock) = (root, pageFile, ownLock);

    /// <summary>The folder.</summary>
    public string Root { get; }

    /// <summary>The page.</summary>
    public string PageFile { get; }

    /// <summary>Takes a folder, for this program alone until it is disposed.</summary>
    /// <param name="path">The folder; it is made where it is not there.</param>
    /// <param name="page">The page's file: <c>sweep.html</c>.</param>
    /// <param name="generator">The command that writes it, by which a page is known to be ours: <c>spd sweep</c>.</param>
    /// <exception cref="RunFolderException">It cannot be made or written to, another program works in it, its page is somebody else's, or it is the folder of a run.</exception>
    public static PlanFolder Open(string path, string page, string generator)
    {
        if (string.IsNullOrWhiteSpace(path)) throw new RunFolderException($"the folder of `{generator}` has no name: give one to --out");
        if (File.Exists(path)) throw new RunFolderException($"'{path}' is a file, but a folder is needed: name another with --out");
        try
        {
            string root = Directory.CreateDirectory(path).FullName, file = Path.Combine(root, page);
            if (File.Exists(Path.Combine(root, "config.yaml")))
                throw new RunFolderException($"'{path}' is the folder of a run, which {page} and its runs do not belong in: name another with --out");
            if (Directory.Exists(file) || (File.Exists(file) && !File.ReadAllText(file).Contains($"content=\"{generator}\"", StringComparison.Ordinal)))
                throw new RunFolderException($"'{file}' was not written by `{generator}` and would be lost: move it, or name another folder with --out");
            var own = FolderLock.Take(root, other => $"another `{generator}` ({other}) works in '{path}': wait for its end, or name another folder with --out");
            return new PlanFolder(root, file, own);
        }
        catch (Exception exception) when (exception is not RunFolderException and (IOException or UnauthorizedAccessException or ArgumentException))
        {
            throw new RunFolderException($"the folder '{path}' cannot be made or written to ({exception.Message.TrimEnd('.')}): name another with --out", exception);
        }
    }

    /// <summary>The folder of a run.</summary>
    public string PathOf(RunPlan run) => Path.Combine(Root, run.Folder);

    /// <summary>Makes sure that no run that lies where one of these belongs is of another configuration, such as of a sweep with other steps.</summary>
    /// <exception cref="RunFolderException">One is; nothing is changed.</exception>
    internal void RequireSame(IEnumerable<RunPlan> runs, ExperimentCatalog catalog)
    {
        foreach (var run in runs)
        {
            string config = Path.Combine(PathOf(run), "config.yaml");
            if (!File.Exists(config)) continue;
            IReadOnlyList<string> differences = [];
            try
            {
                differences = RunComparison.Differences(catalog.Load(config).Config.ToYaml(), run.Experiment!.ToYaml());
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or ConfigException)
            {
                // A run that is damaged is passed over and told by name.
            }

            if (differences.Count == 0) continue;
            throw new RunFolderException(
                $"'{PathOf(run)}' {RunComparison.Told(differences)}: give the sweep the settings that it had, or another folder with --out");
        }
    }

    /// <summary>The folder of a run that was begun and not ended, to go on with; null where it is not there, or of something else.</summary>
    internal RunFolder? Begun(RunPlan run, ExperimentCatalog catalog)
    {
        try
        {
            var folder = RunFolder.Open(PathOf(run));
            bool isOpen = (!File.Exists(folder.SummaryFile) || folder.Summary?.Status == RunStatus.Interrupted) && File.Exists(folder.TargetWeightsFile)
                && RunComparison.Differences(catalog.Load(folder.ConfigFile).Config.ToYaml(), run.Experiment!.ToYaml()).Count == 0;
            return isOpen ? folder : null;
        }
        catch (Exception exception) when (exception is IOException or ConfigException)
        {
            return null;
        }
    }

    /// <summary>Whether nothing is in the folder of a run but what a program leaves that was killed before it had begun.</summary>
    internal bool IsFree(RunPlan run)
    {
        string path = PathOf(run);
        return !Path.Exists(path) || (Directory.Exists(path) && Directory.EnumerateFileSystemEntries(path).All(RunFolder.IsOfABeginning));
    }

    public void Dispose() => _lock.Dispose();
}
