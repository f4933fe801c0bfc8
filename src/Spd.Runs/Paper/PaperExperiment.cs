using Spd.Runs.Configuration;

namespace Spd.Runs.Paper;

/// <summary>Runs an experiment into a folder.</summary>
/// <param name="threads">Threads.</param>
/// <param name="cache">Where trained targets are kept.</param>
/// <param name="observer">Is told what happens; what it throws ends the run.</param>
/// <param name="folder">The folder: empty, or that of a run that was begun.</param>
/// <param name="isBegun">Whether the run was begun, and goes on.</param>
/// <returns>The summary.</returns>
public delegate RunSummary RunStart(int threads, TargetCache cache, IRunObserver observer, RunFolder folder, bool isBegun);

/// <summary>A resolved configuration, whatever its kind, and how a run of it is started.</summary>
/// <param name="Name">The experiment's name.</param>
/// <param name="Seed">The seed.</param>
/// <param name="Steps">Steps, at least 1.</param>
/// <param name="Work">Subcomponents of all patterns times rows of a batch, and times the width of wide gates: what the time of a step grows with.</param>
/// <param name="Yaml">The configuration with every key.</param>
/// <param name="Reread">Reads the <c>config.yaml</c> of a run folder and writes it with every key, as <paramref name="Yaml"/> is.</param>
/// <param name="Start">Starts a run.</param>
public sealed record PaperExperiment(string Name, ulong Seed, int Steps, double Work, string Yaml, Func<string, string> Reread, RunStart Start)
{
    /// <summary>Loads an experiment of the catalog: the one place that knows the kinds of configurations.</summary>
    /// <param name="catalog">The shipped experiments.</param>
    /// <param name="name">The experiment's name.</param>
    /// <param name="overrides">Values that take the place of the file's.</param>
    /// <exception cref="ConfigException">The experiment is not there, or it cannot be used with these values.</exception>
    public static PaperExperiment Load(ExperimentCatalog catalog, string name, IReadOnlyList<ConfigOverride> overrides)
    {
        if (catalog.Entries.All(entry => entry.Name != name)) throw new ConfigException($"experiment '{name}' is not there");
        var config = catalog.Load(name, overrides).Config;
        return new PaperExperiment(
            config.Name, config.Seed, config.Steps, config.Work, config.ToYaml(), path => catalog.Load(path).Config.ToYaml(),
            (threads, cache, observer, folder, isBegun) =>
            {
                // The target's seed that was used stands in the configuration of the run.
                if (isBegun) return new ExperimentRun(catalog.Load(folder.ConfigFile).Config, threads, cache, observer).Resume(folder, CancellationToken.None);
                return new ExperimentRun(config, threads, cache, observer).Execute(() => folder, CancellationToken.None).Summary;
            });
    }
}
