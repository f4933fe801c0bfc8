using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Spd.Formats;
using Spd.Runs.Configuration;
using Spd.Runs.Plans;

namespace Spd.Runs.Sweeps;

/// <summary>A run of a sweep.</summary>
/// <param name="Values">The values of the grid's keys, in its order.</param>
/// <param name="Run">The run, its standing and its folder below that of the sweep.</param>
public sealed record SweepRun(IReadOnlyList<string> Values, PlannedRun Run);

/// <summary>The runs of a sweep: every combination of the values of some keys, each with several seeds.</summary>
/// <param name="Experiment">The experiment's name.</param>
/// <param name="Grid">The keys and their values.</param>
/// <param name="Seeds">The seeds.</param>
/// <param name="Runs">The runs, grid point by grid point.</param>
public sealed record SweepPlan(string Experiment, IReadOnlyList<GridAxis> Grid, IReadOnlyList<ulong> Seeds, IReadOnlyList<SweepRun> Runs)
{
    /// <summary>Runs of a sweep at most.</summary>
    public const int MostRuns = 10_000;

    // Names of folders are at most twice as long everywhere.
    private const int LongestName = 120;

    /// <summary>The keys in a sentence.</summary>
    public string Keys => string.Join(", ", Grid.Select(axis => axis.Key));

    /// <summary>Makes the plan: every configuration is read, so that a key or a value that cannot be used is told before anything runs.</summary>
    /// <param name="catalog">The shipped experiments.</param>
    /// <param name="experiment">The name of an experiment, or the path of a file.</param>
    /// <param name="overrides">Values that all runs have in place of the file's.</param>
    /// <param name="grid">The keys and their values, at least one.</param>
    /// <param name="seeds">How many seeds each point has: the experiment's own and those that follow it.</param>
    /// <exception cref="ConfigException">A key or a value cannot be used, a key comes twice, or two values mean the same; one sentence says which.</exception>
    public static SweepPlan Create(ExperimentCatalog catalog, string experiment, IReadOnlyList<ConfigOverride> overrides, IReadOnlyList<GridAxis> grid, int seeds)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(seeds, 1);
        if (grid.Count == 0) throw new ConfigException("a sweep needs a key and its values: add --grid key=a,b,c");
        foreach (var (index, axis) in grid.Index())
        {
            if (grid.Take(index).Any(other => other.Key == axis.Key)) throw new ConfigException($"--grid names {Quoted.Of(axis.Key)} twice: give all of its values at once");
            if (overrides.FirstOrDefault(given => given.Key == axis.Key) is { } given) throw new ConfigException($"{given.Origin} and --grid both set {Quoted.Of(axis.Key)}: leave one out");
        }

        double count = grid.Aggregate((double)seeds, (product, axis) => product * axis.Values.Count);
        if (count > MostRuns) throw new ConfigException($"the sweep has {count.ToString("F0", CultureInfo.InvariantCulture)} runs, but {MostRuns} are the most: take fewer values or seeds");

        var own = catalog.Load(experiment, overrides).Config;
        var points = grid.Aggregate((IReadOnlyList<IReadOnlyList<string>>)[[]], (some, axis) => [.. from point in some from value in axis.Values select (IReadOnlyList<string>)[.. point, value]]);
        var (runs, folders, meanings) = (new List<SweepRun>(), new HashSet<string>(StringComparer.OrdinalIgnoreCase), new Dictionary<string, IReadOnlyList<string>>());
        foreach (var point in points)
        {
            var given = grid.Zip(point, (axis, value) => new ConfigOverride(axis.Key, value, $"--grid {axis.Key}={Quoted.Bare(value)}")).ToList();
            string folder = FolderOf(grid, point);
            if (!folders.Add(folder)) folder = $"{folder}-{HashOf(grid, point)}";
            for (int i = 0; i < seeds; i++)
            {
                ulong seed = own.Seed + (ulong)i;
                var config = catalog.Load(experiment, [.. overrides, .. given, ConfigOverride.Option("--seeds", "seed", $"{seed}")]).Config;
                if (i == 0 && !meanings.TryAdd(config.ToYaml(), point))
                    throw new ConfigException($"--grid has {string.Join(", ", meanings[config.ToYaml()].Select(Quoted.Bare))} and {string.Join(", ", point.Select(Quoted.Bare))}, which are one and the same configuration");
                runs.Add(new SweepRun(point, new PlannedRun(new RunPlan(folder, config), isSelected: true)));
            }
        }

        return new SweepPlan(own.Name, grid, [.. Enumerable.Range(0, seeds).Select(i => own.Seed + (ulong)i)], runs);
    }

    /// <summary>Takes a sweep's folder, for this program alone until it is disposed.</summary>
    /// <exception cref="RunFolderException">It cannot be made or written to, another program works in it, its page is somebody else's, or it is the folder of a run.</exception>
    public static PlanFolder Open(string path) => PlanFolder.Open(path, "sweep.html", SweepPage.Generator);

    /// <summary>Where the results are as JSON.</summary>
    public static string JsonFile(PlanFolder folder) => Path.Combine(folder.Root, "sweep.json");

    /// <summary>Prepares the runs; nothing is run yet.</summary>
    /// <param name="folder">Where they lie.</param>
    /// <param name="catalog">The shipped experiments.</param>
    /// <param name="cache">Where trained targets are kept.</param>
    /// <param name="observer">Is told how they go on.</param>
    /// <exception cref="RunFolderException">A run in the folder is of another configuration.</exception>
    public PlanExecution Prepare(PlanFolder folder, ExperimentCatalog catalog, TargetCache cache, IPlanObserver observer)
    {
        folder.RequireSame(Runs.Select(run => run.Run.Plan), catalog);
        return new PlanExecution(Runs.Select(run => run.Run), folder, catalog, cache, observer, () =>
        {
            var results = new SweepResults(this);
            AtomicFile.WriteText(JsonFile(folder), results.ToJson());
            AtomicFile.WriteText(folder.PageFile, SweepPage.Of(results));
        });
    }

    /// <summary>A point of the grid as the name of a folder: <c>importance_minimality_coeff=1e-3,C=20</c>, with other letters for those that not all systems allow.</summary>
    private static string FolderOf(IReadOnlyList<GridAxis> grid, IReadOnlyList<string> point)
    {
        string name = string.Join(',', grid.Zip(point, (axis, value) => $"{ExperimentLoader.NameOf(axis.Key)}={ExperimentLoader.NameOf(value)}"));
        return name.Length <= LongestName ? name : $"{name[..LongestName]}-{HashOf(grid, point)}";
    }

    private static string HashOf(IReadOnlyList<GridAxis> grid, IReadOnlyList<string> point) => Convert.ToHexStringLower(
        SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', grid.Zip(point, (axis, value) => $"{axis.Key}={value}")))))[..8];
}
