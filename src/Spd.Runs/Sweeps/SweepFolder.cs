using Spd.Runs.Configuration;
using Spd.Runs.Paper;

namespace Spd.Runs.Sweeps;

/// <summary>The folder of a sweep: <c>sweep.json</c>, <c>sweep.html</c>, and for each point of the grid a folder with one of each of its runs.</summary>
public sealed class SweepFolder : IDisposable
{
    private const string Page = "sweep.html";

    private readonly FolderLock _lock;

    private SweepFolder(string root, FolderLock ownLock) => (Root, _lock) = (root, ownLock);

    /// <summary>The folder.</summary>
    public string Root { get; }

    /// <summary>The page.</summary>
    public string PageFile => Path.Combine(Root, Page);

    /// <summary>The results as JSON.</summary>
    public string JsonFile => Path.Combine(Root, "sweep.json");

    /// <summary>What a page that is ours says it was made by.</summary>
    internal const string Generator = "spd sweep";

    /// <summary>Takes a folder, for this program alone until it is disposed.</summary>
    /// <exception cref="RunFolderException">It cannot be made or written to, another program works in it, its page is somebody else's, or it is the folder of a run.</exception>
    public static SweepFolder Open(string path)
    {
        var (root, own) = PageFolder.Take(path, Page, Generator, " of the sweep", "a sweep does");
        return new SweepFolder(root, own);
    }

    /// <summary>The folder of a run.</summary>
    public string PathOf(PlannedRun run) => Path.Combine(Root, run.Folder);

    /// <summary>Makes sure that no run that lies where one of these belongs is of another configuration, such as of a sweep with other steps.</summary>
    /// <exception cref="RunFolderException">One is; nothing is changed.</exception>
    internal void RequireSame(IEnumerable<PlannedRun> runs, ExperimentCatalog catalog)
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
                $"'{Path.Combine(Root, run.Folder)}' is a run of another configuration ({string.Join(", ", differences.Take(3))}{(differences.Count > 3 ? ", …" : "")}): "
                + "give the sweep the settings that it had, or another folder with --out");
        }
    }

    /// <summary>The folder of a run that was begun and not ended, to go on with; null where it is not there, or of something else.</summary>
    internal RunFolder? Begun(PlannedRun run, ExperimentCatalog catalog)
    {
        try
        {
            var folder = RunFolder.Open(PathOf(run));
            bool isOpen = folder.Summary?.Status is null or Results.RunStatus.Interrupted && File.Exists(folder.TargetWeightsFile)
                && RunComparison.Differences(catalog.Load(folder.ConfigFile).Config.ToYaml(), run.Experiment!.ToYaml()).Count == 0;
            return isOpen ? folder : null;
        }
        catch (Exception exception) when (exception is IOException or ConfigException)
        {
            return null;
        }
    }

    /// <summary>Whether nothing is in the folder of a run but what a program leaves that was killed before it had begun.</summary>
    internal bool IsFree(PlannedRun run)
    {
        string path = PathOf(run);
        return !Path.Exists(path) || (Directory.Exists(path) && Directory.EnumerateFileSystemEntries(path).All(RunFolder.IsOfABeginning));
    }

    public void Dispose() => _lock.Dispose();
}
