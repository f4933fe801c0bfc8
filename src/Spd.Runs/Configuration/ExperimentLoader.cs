using System.Text.RegularExpressions;
using Spd.Decomposition;
using Spd.Runs.Baselines;

namespace Spd.Runs.Configuration;

/// <summary>Makes a configuration of what was written: applies overrides, follows a named target, binds the keys.</summary>
internal static partial class ExperimentLoader
{
    /// <summary>The key that names another method than SPD.</summary>
    internal const string MethodKey = "method";

    /// <summary>Its value for APD.</summary>
    internal const string ApdMethod = "apd";

    private const string TargetKey = "target";
    private const string PathKey = "pretrained_model_path";

    // What the released code takes for keys that a file leaves out.
    private static DecompositionOptions ReleasedDefaults { get; } = new() { StochasticReconCoeff = null, StochasticReconLayerwiseCoeff = null };

    /// <summary>An experiment, whatever its method.</summary>
    public static Loaded<IExperiment> Load(ConfigMap root, string stem, IEnumerable<ConfigOverride> overrides, ExperimentCatalog catalog)
    {
        Resolve(root, overrides, catalog);
        switch (root.Find(MethodKey))
        {
            case null:
                var (config, notes) = BindSpd(root, stem, catalog);
                return new Loaded<IExperiment>(config, notes);
            case ConfigScalar { Text: ApdMethod }:
                return BindApd(root, stem, catalog);
            case var other:
                throw other.Error($"{MethodKey} is {other.Shown}, but {ApdMethod} is the only one to be named: leave the key out for SPD");
        }
    }

    /// <summary>An experiment with SPD.</summary>
    public static Loaded<ExperimentConfig> LoadSpd(ConfigMap root, string stem, IEnumerable<ConfigOverride> overrides, ExperimentCatalog catalog)
    {
        Resolve(root, overrides, catalog);
        return BindSpd(root, stem, catalog);
    }

    private static void Resolve(ConfigMap root, IEnumerable<ConfigOverride> overrides, ExperimentCatalog catalog)
    {
        FollowTarget(root, catalog);
        foreach (var given in overrides)
        {
            given.Apply(root);
            FollowTarget(root, catalog);
        }
    }

    private static Loaded<ExperimentConfig> BindSpd(ConfigMap root, string stem, ExperimentCatalog catalog)
    {
        var start = new ExperimentConfig { Name = NameOf(stem), Decomposition = ReleasedDefaults, Target = TargetOfTask(root) };
        return Bind(ConfigKeys.Experiment, start, root, catalog);
    }

    private static Loaded<IExperiment> BindApd(ConfigMap root, string stem, ExperimentCatalog catalog)
    {
        if (TargetOfTask(root) is not TmsTargetConfig target)
            throw root.Error("APD is available for a Toy Model of Superposition only: set task_name to tms and target to one of its targets, such as tms_5-2");
        var (config, notes) = Bind(ApdKeys.Experiment, new ApdConfig { Name = NameOf(stem), Target = target }, root, catalog);
        return new Loaded<IExperiment>(config, notes);
    }

    private static Loaded<TConfig> Bind<TConfig>(KeyTable<TConfig> keys, TConfig start, ConfigMap root, ExperimentCatalog catalog)
    {
        var notes = new List<string>();
        bool hasTarget = root.Find(TargetKey) is { IsNull: false };
        if (!hasTarget) root.Entries.RemoveAll(entry => entry.Key == TargetKey);
        var config = keys.Bind(start, root, notes);
        return hasTarget ? new Loaded<TConfig>(config, notes) : throw MissingTarget(root, catalog);
    }

    private static string NameOf(string stem) => NotInNames().Replace(stem, "_").TrimEnd('.', ' ') is { Length: > 0 } name ? name : "experiment";

    /// <summary>Puts the target of the shipped experiment that is named in place of its name.</summary>
    private static void FollowTarget(ConfigMap root, ExperimentCatalog catalog)
    {
        var seen = new HashSet<string>();
        while (root.Find(TargetKey) is ConfigScalar { IsNull: false } named)
        {
            var entry = catalog.Entries.FirstOrDefault(entry => entry.Name == named.Text)
                ?? throw named.Error($"{TargetKey} is '{named.Text}', but {catalog.Unknown(named.Text)}");
            if (!seen.Add(entry.Name)) throw named.Error($"{TargetKey} '{named.Text}' refers to itself");
            var target = ConfigReader.ReadFile(entry.Path).Find(TargetKey);
            root.Set(TargetKey, target is null or { IsNull: true }
                ? throw named.Error($"{TargetKey} is '{named.Text}', but that experiment does not say how its target is trained")
                : target);
        }
    }

    /// <summary>The kind of target that the task has, with its default values. A task that cannot be run yet is said before anything else, since its keys differ.</summary>
    private static TargetConfig TargetOfTask(ConfigMap root)
    {
        if (root.Find("task_config") is not ConfigMap task || task.Find("task_name") is not ConfigScalar name) return new TmsTargetConfig();
        string? what = name.Text switch { "lm" => "language models", "ih" => "induction heads", _ => null };
        if (what is not null)
            throw name.Error($"task_name is '{name.Text}', but {what} are not available yet; the tasks that are available are tms and residual_mlp");
        bool isResidual = name.Text == "residual_mlp";
        string other = isResidual ? "tms_model_config" : "resid_mlp_config";
        if (root.Find(TargetKey) is ConfigMap target && target.Find("train") is ConfigMap train && train.Find(other) is not null)
            throw name.Error($"task_name is '{name.Text}', but the target has a {other}: both must be of one kind, tms or residual_mlp");

        return isResidual ? new ResidualMlpTargetConfig() : new TmsTargetConfig();
    }

    private static string? TaskOf(ConfigMap root) => ((root.Find("task_config") as ConfigMap)?.Find("task_name") as ConfigScalar)?.Text;

    private static ConfigException MissingTarget(ConfigMap root, ExperimentCatalog catalog)
    {
        string? task = TaskOf(root);
        string example = catalog.Entries.FirstOrDefault(entry =>
            ConfigReader.ReadFile(entry.Path) is var other && TaskOf(other) == task && other.Find(TargetKey) is ConfigMap)?.Name ?? "<experiment>";
        string remedy = $"by adding `--set target={example}`, which takes the target of that experiment (`spd list` shows all), "
            + "or describe its training in the file under `target: train:`";
        if (root.Find(PathKey) is not ConfigScalar { IsNull: false } path) return root.Error($"no target network is given: say which {remedy}");
        string where = path.Text.StartsWith("wandb:", StringComparison.Ordinal)
            ? "which lives in somebody's cloud account"
            : "a checkpoint that is not read here";
        return path.Error($"{PathKey} is '{path.Text}', {where}: train the target here instead {remedy}");
    }

    [GeneratedRegex(@"^\.|[^\p{L}\p{N}_+. -]")]
    private static partial Regex NotInNames();
}
