using System.Text.RegularExpressions;
using Spd.Decomposition;

namespace Spd.Runs.Configuration;

/// <summary>Makes a configuration of what was written: applies overrides, follows a named target, binds the keys.</summary>
internal static partial class ExperimentLoader
{
    private const string TargetKey = "target";
    private const string PathKey = "pretrained_model_path";

    // What the released code takes for keys that a file leaves out.
    private static DecompositionOptions ReleasedDefaults { get; } = new() { StochasticReconCoeff = null, StochasticReconLayerwiseCoeff = null };

    public static LoadedExperiment Load(ConfigMap root, string stem, IEnumerable<ConfigOverride> overrides, ExperimentCatalog catalog)
    {
        FollowTarget(root, catalog);
        foreach (var given in overrides)
        {
            given.Apply(root);
            FollowTarget(root, catalog);
        }

        var target = TargetOfTask(root);
        var notes = new List<string>();
        bool hasTarget = root.Find(TargetKey) is { IsNull: false };
        if (!hasTarget) root.Entries.RemoveAll(entry => entry.Key == TargetKey);
        string name = NotInNames().Replace(stem, "_").TrimEnd('.', ' ');
        var start = new ExperimentConfig { Name = name.Length == 0 ? "experiment" : name, Decomposition = ReleasedDefaults, Target = target };
        var config = ConfigKeys.Experiment.Bind(start, root, notes);
        return hasTarget ? new LoadedExperiment(config, notes) : throw MissingTarget(root, catalog);
    }

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
        string example = catalog.Entries.FirstOrDefault(entry => TaskOf(ConfigReader.ReadFile(entry.Path)) == task)?.Name ?? "<experiment>";
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
