using Spd.Engine.Execution;
using Spd.Decomposition;
using Spd.Engine.Operations;
using Spd.Formats;
using Spd.Networks;
using Spd.Networks.Data;
using Spd.Runs.Configuration;
using Spd.Runs.Reporting;
using Spd.Runs.Results;

namespace Spd.Runs.Targets;

/// <summary>
/// A kind of network that an experiment can decompose: all that the program does differently for it. A configuration says what was written, its kind does it.
/// To add a kind, derive from this class and name it in <see cref="All"/>.
/// </summary>
public abstract class TargetKind
{
    /// <summary>All kinds; the first is that of a configuration that names none.</summary>
    public static IReadOnlyList<TargetKind> All { get; } =
        [TmsTarget.Instance, ResidualMlpTarget.Instance, MlpTarget.Instance, ModularAdditionTarget.Instance, InductionTarget.Instance, LanguageModelTarget.Instance];

    /// <summary>The names of all kinds in a sentence.</summary>
    internal static string Names(string lastWord) => $"{string.Join(", ", All.SkipLast(1).Select(kind => kind.TaskName))} {lastWord} {All[^1].TaskName}";

    /// <summary>What <c>task_name</c> calls it.</summary>
    public abstract string TaskName { get; }

    /// <summary>The key below <c>target</c>, or below its <c>train</c>, that describes the network: that of another kind is a contradiction.</summary>
    public abstract string ModelKey { get; }

    /// <summary>The dotted key of the weights, <see cref="TargetConfig.Load"/>.</summary>
    public virtual string LoadKey => "target.load";

    /// <summary>What the released trainer calls the configuration that it writes beside the weights; null for a kind that it does not have.</summary>
    public virtual string? TrainConfigFile => null;

    /// <summary>What the released code calls the network's class; null for a network that it does not have.</summary>
    internal virtual string? ReleasedClass(TargetConfig config) => null;

    /// <summary>What the authors' newer library calls the class.</summary>
    internal virtual string? SuccessorClass(TargetConfig config) => ReleasedClass(config);

    /// <summary>What that library's <c>task_name</c> calls the kind; null for one that it does not have.</summary>
    internal virtual string? SuccessorTask => null;

    /// <summary>What a module of the network is called in PyTorch, by its path here: as in the file that its weights came from.</summary>
    internal virtual string ModuleNameOf(TargetConfig config, string path) => path;

    /// <summary>A configuration of this kind with the values of keys that are left out.</summary>
    public abstract TargetConfig Defaults { get; }

    /// <summary>The key <c>target</c>, with those below it.</summary>
    internal abstract ConfigKey<TargetConfig> TargetKey { get; }

    /// <summary>The keys of <c>task_config</c>.</summary>
    internal abstract KeyTable<TaskConfig> TaskKeys { get; }

    /// <summary>Every key of a configuration with its value, as YAML: the canonical text of what is kept beside the weights.</summary>
    public abstract string ToYaml(TargetConfig config);

    /// <summary>What is wrong with a target and a task together, without a look into files; null where nothing is.</summary>
    internal virtual ConfigFault? Fault(TargetConfig config, TaskConfig task) => null;

    /// <summary>
    /// Reads the weights that <see cref="TargetConfig.Load"/> names into a network; on failure it is left as it was. The file may hold more, but not where the
    /// network's own tensors are, since it would be another network with them.
    /// </summary>
    /// <returns>What the user should know of the file, a sentence each.</returns>
    /// <exception cref="FileContentException">The file is damaged, or its tensors are not this network's.</exception>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    public virtual IReadOnlyList<string> Load(TargetConfig config, Module network)
    {
        using var file = TargetTensors.Open(
            config.Load!, [.. network.NamedParameters().Select(entry => entry.Path)], "is it of another network?", optional: ModuleWeights.TiedNames(network));
        var own = file.Others.Where(other => other is { IsInside: true, MightBeParameter: true }).ToList();
        var tensors = file.Found.Concat(own.Select(other => new KeyValuePair<string, TensorInfo>(other.Name, other.Tensor))).ToDictionary();
        ModuleWeights.Load(config.Load!, tensors, file.Read, network);
        return [.. file.Notes, .. file.UnusedNote(file.Others.Except(own))];
    }

    /// <summary>Why there is nothing to load where <see cref="TargetConfig.Load"/> says; null where there is.</summary>
    internal virtual string? WhyNone(string path) => WeightFile.WhyNone(path);

    /// <summary>Looks whether a network does what it should.</summary>
    /// <returns>A clause about what it has learnt, for the user.</returns>
    /// <exception cref="TargetException">It falls short of what the configuration says of it.</exception>
    /// <exception cref="ConfigException">A file of data does not fit the network.</exception>
    public abstract string Verify(TargetConfig config, Module network, Backend backend);

    /// <summary>The inputs on which it is decomposed and measured; files are read once.</summary>
    /// <exception cref="ArgumentException">The inputs cannot be drawn as the task says.</exception>
    /// <exception cref="ConfigException">A file of inputs does not fit the network.</exception>
    public abstract TargetData Data(TargetConfig config, TaskConfig task);

    /// <summary>How well a decomposition found what is known of this kind of network, by the keys of <see cref="Metric"/>.</summary>
    /// <param name="model">The components.</param>
    /// <param name="data">The inputs.</param>
    /// <param name="evaluation">What was measured on them; null where nothing could be evaluated, and only what the weights say is measured.</param>
    /// <param name="seed">Seed of the random masks.</param>
    /// <param name="backend">What computes.</param>
    internal abstract IEnumerable<(string Metric, MetricValue Value)> Evidence(ComponentModel model, TargetData data, Evaluation? evaluation, ulong seed, Backend backend);

    /// <summary>The figures that only this kind has, the most telling first.</summary>
    /// <param name="model">The components.</param>
    /// <param name="data">The inputs.</param>
    /// <param name="backend">What computes.</param>
    public abstract IEnumerable<RunFigure> Draw(ComponentModel model, TargetData data, Backend backend);

    /// <summary>What an input feature of such a network is called.</summary>
    internal virtual string FeatureName => "input";

    /// <summary>What the subcomponents of a site read and write, in the words of such a network.</summary>
    internal virtual SiteDirections DirectionsOf(ComponentModel model, TargetData data, Site site) => SiteDirections.Of(site);
}

/// <summary>The inputs of a decomposition.</summary>
/// <param name="Training">Those that it is trained on.</param>
/// <param name="Evaluation">Those that it is measured on: fresh ones, or rows that were kept from training.</param>
/// <param name="Rows">All rows, for both, where they come from a file.</param>
public sealed record TargetData(DataSource Training, DataSource Evaluation, LabelledRows? Rows = null)
{
    /// <summary>The rows that it is measured on, where they come from a file.</summary>
    public LabelledRows? Measured { get; } = Rows?.HeldOut;

    /// <summary>The class that each of the inputs it is measured on has, at every position, where inputs are drawn and have one.</summary>
    public IExamples? Answers { get; init; }

    /// <summary>What tokens are called, where inputs are sequences of them that are no text; null for their numbers.</summary>
    public Func<int, string>? Symbols { get; init; }

    /// <summary>The text that it is measured on, of a language model.</summary>
    public HeldOutText? Text { get; init; }
}
