using Spd.Engine.Execution;
using Spd.Decomposition;
using Spd.Engine.Optimisation;
using Spd.Networks;
using Spd.Runs.Configuration;
using Spd.Runs.Targets;

namespace Spd.Runs;

/// <summary>
/// An experiment: a target network and how it is decomposed.
/// In a file, the keys are those of the released configs, with <c>name</c>, <c>description</c> and <c>target</c> added.
/// </summary>
public sealed record ExperimentConfig : IExperiment
{
    /// <summary>Its name, which also names the folder of its runs; the file's own name where the file does not say.</summary>
    public string Name { get; init; } = "experiment";

    /// <summary>One line about it.</summary>
    public string Description { get; init; } = "";

    /// <summary>How the target is decomposed.</summary>
    public DecompositionOptions Decomposition { get; init; } = new();

    /// <summary>The kind of network and the inputs on which it is decomposed.</summary>
    public TaskConfig Task { get; init; } = new();

    /// <summary>The network that is decomposed.</summary>
    public TargetConfig Target { get; init; } = new TmsTargetConfig();

    /// <summary>Batches of an evaluation, at least 1.</summary>
    [AtLeast(1)]
    public int NEvalSteps { get; init; } = 100;

    /// <summary>Steps between two sets of figures, at least 1; null for figures at the end only.</summary>
    [AtLeast(1)]
    public int? ImageFreq { get; init; }

    /// <summary>Whether figures are drawn before the first step too, where <see cref="ImageFreq"/> is set.</summary>
    public bool ImageOnFirstStep { get; init; } = true;

    /// <summary>Steps between two lines of the log, at least 1.</summary>
    [AtLeast(1)]
    public int PrintFreq { get; init; } = 1000;

    /// <summary>Steps between two checkpoints, at least 1; null for a tenth of the run.</summary>
    [AtLeast(1)]
    public int? SaveFreq { get; init; }

    /// <summary>Every how many checkpoints one is kept for good; null keeps the last two only.</summary>
    [AtLeast(1)]
    public int? KeepEvery { get; init; }

    /// <summary>Whether the run is written for TensorBoard too.</summary>
    public bool TensorBoard { get; init; }

    public PublishedNumbers? Published { get; init; }

    ulong IExperiment.Seed => Decomposition.Seed;

    int IExperiment.Steps => Decomposition.Steps;

    int IExperiment.BatchSize => Decomposition.BatchSize;

    double IExperiment.Lr => Decomposition.Lr;

    LearningRateSchedule IExperiment.Schedule => Decomposition.Schedule;

    bool IExperiment.DependsOnSteps => Decomposition.Schedule.DependsOnSteps || Decomposition.LossTerms?.Any(term => term.DependsOnSteps) == true;

    double IExperiment.Work =>
        (Decomposition.CBySite?.Values.Sum(c => (double)c) ?? (double)Decomposition.C * Decomposition.TargetModulePatterns.Count) * Decomposition.BatchSize * Math.Max(1, Decomposition.NCiMlpNeurons / 16);

    /// <summary>Reads a configuration file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="overrides">Values that take the place of the file's, applied in order.</param>
    /// <param name="catalog">The shipped experiments, whose targets can be named.</param>
    /// <exception cref="ConfigException">The file or an override cannot be used; one sentence says where and why.</exception>
    public static Loaded<ExperimentConfig> Load(string path, IEnumerable<ConfigOverride> overrides, ExperimentCatalog catalog) =>
        ExperimentLoader.LoadSpd(ConfigReader.ReadFile(path), Path.GetFileNameWithoutExtension(path), overrides, catalog, Path.GetDirectoryName(path));

    /// <summary>Reads a configuration from text.</summary>
    /// <param name="text">The YAML text.</param>
    /// <param name="file">What messages call it; its stem is the name of an experiment without one.</param>
    /// <param name="overrides">Values that take the place of the text's, applied in order.</param>
    /// <param name="catalog">The shipped experiments, whose targets can be named.</param>
    /// <exception cref="ConfigException">The text or an override cannot be used; one sentence says where and why.</exception>
    public static Loaded<ExperimentConfig> Parse(string text, string file, IEnumerable<ConfigOverride> overrides, ExperimentCatalog catalog) =>
        ExperimentLoader.LoadSpd(ConfigReader.ReadMap(text, file), Path.GetFileNameWithoutExtension(file), overrides, catalog);

    public IExperiment WithTarget(TargetConfig target) => this with { Target = target };

    public IDecomposition Decompose(TrainedTarget target, Backend backend) => new SpdDecomposition(this, target, backend);

    /// <summary>The configuration with every key, which runs again as it is.</summary>
    public string ToYaml() => ConfigWriter.Write(ExperimentKeys.Experiment.Write(this));

    /// <summary>Whether both are the same when written out.</summary>
    public bool Equals(ExperimentConfig? other) => other is not null && ToYaml() == other.ToYaml();

    public override int GetHashCode() => ToYaml().GetHashCode(StringComparison.Ordinal);
}

/// <summary>A configuration that has been read.</summary>
/// <param name="Config">The configuration.</param>
/// <param name="Notes">Sentences for the user about keys that were left aside.</param>
/// <typeparam name="TConfig">Its kind.</typeparam>
public sealed record Loaded<TConfig>(TConfig Config, IReadOnlyList<string> Notes);
