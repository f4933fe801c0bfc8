using System.Text.RegularExpressions;
using Spd.Decomposition;
using Spd.Formats;
using Spd.Runs.Baselines;
using Spd.Runs.Configuration;
using Spd.Runs.Exchange;
using Spd.Runs.Targets;

namespace Spd.Runs;

/// <summary>Makes a configuration of what was written: applies overrides, follows a named target, binds the keys.</summary>
internal static partial class ExperimentLoader
{
    /// <summary>The key that names another method than SPD.</summary>
    internal const string MethodKey = "method";

    /// <summary>Its value for APD.</summary>
    internal const string ApdMethod = "apd";

    private const string TargetKey = "target", TrainKey = "train", LoadKey = "load";
    // The target of a run, seen from its folder.
    private const string OwnTarget = "target/weights.safetensors";
    private const string PathKey = "pretrained_model_path";

    // The keys of train configs that tell the kinds of targets apart.
    private static readonly string[] TrainedModels = ["tms_model_config", "resid_mlp_config"];

    // What the released code takes for keys that a file leaves out.
    private static DecompositionOptions ReleasedDefaults { get; } = new() { StochasticReconCoeff = null, StochasticReconLayerwiseCoeff = null };

    /// <summary>An experiment, whatever its method.</summary>
    /// <param name="root">What was written.</param>
    /// <param name="stem">The name of the file, without its ending.</param>
    /// <param name="overrides">Values that take the place of those written.</param>
    /// <param name="catalog">The shipped experiments.</param>
    /// <param name="folder">The folder of the file, where its relative paths are looked for first; otherwise they start at the working directory.</param>
    public static Loaded<IExperiment> Load(ConfigMap root, string stem, IEnumerable<ConfigOverride> overrides, ExperimentCatalog catalog, string? folder = null)
    {
        Resolve(root, overrides, catalog, folder);
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
    public static Loaded<ExperimentConfig> LoadSpd(ConfigMap root, string stem, IEnumerable<ConfigOverride> overrides, ExperimentCatalog catalog, string? folder = null)
    {
        Resolve(root, overrides, catalog, folder);
        return BindSpd(root, stem, catalog);
    }

    /// <summary>A <c>final_config.yaml</c> of the released code, for a run folder that holds its target.</summary>
    /// <param name="path">The file; the config of the target's training lies beside it.</param>
    /// <param name="name">What the run is called where the config does not say.</param>
    public static ExperimentConfig LoadReleased(string path, string name)
    {
        var root = ConfigReader.ReadFile(path);
        if (root.Find(ReleasedConfig.NameKey) is ConfigScalar { IsNull: false, Text: { Length: > 0 } given }) name = given;
        if (TaskOf(root) is { } task && task is "tms" or "residual_mlp")
        {
            string trainFile = Path.Combine(Path.GetDirectoryName(Path.GetFullPath(path))!, TrainConfigOf(task));
            if (!File.Exists(trainFile))
                throw new ConfigException($"there is no {TrainConfigOf(task)} beside '{path}', which says the shape of the target: copy it there");
            root.Set(TargetKey, new ConfigMap(path,
            [
                new ConfigEntry(LoadKey, path, new ConfigScalar(path, OwnTarget, Plain: true)), new ConfigEntry(TrainKey, path, ConfigReader.ReadFile(trainFile)),
            ]));
        }

        return ExperimentKeys.Experiment.Bind(
            new ExperimentConfig { Name = NameOf(name), Decomposition = ReleasedDefaults, Target = TargetOfTask(root) }, root, []);
    }

    private static void Resolve(ConfigMap root, IEnumerable<ConfigOverride> overrides, ExperimentCatalog catalog, string? folder)
    {
        FollowTarget(root, catalog);
        foreach (var given in overrides)
        {
            given.Apply(root);
            FollowTarget(root, catalog);
        }

        TakeReleasedPath(root, folder);
        if (root.Find(TargetKey) is not ConfigMap target) return;
        if (target.Find("data") is ConfigMap data)
            foreach (string key in new[] { "inputs", "labels", "targets", "expected_outputs" }) ResolvePath(data, key, folder);
        if (ResolvePath(target, LoadKey, folder) is { } path) TakeTrainConfig(root, target, path);
    }

    /// <summary>A released config without a target names its checkpoint; where that lies at hand, it is loaded.</summary>
    private static void TakeReleasedPath(ConfigMap root, string? folder)
    {
        if (root.Find(TargetKey) is { IsNull: false } || root.Find(PathKey) is not ConfigScalar { IsNull: false } released) return;
        var target = new ConfigMap(released.Origin, [new ConfigEntry(LoadKey, released.Origin, released)]);
        if (ResolvePath(target, LoadKey, folder) is not { } path || !File.Exists(path)) return;
        root.Set(TargetKey, target);
        root.Entries.RemoveAll(entry => entry.Key == PathKey);
    }

    /// <summary>Makes a path full: relative to the folder of the configuration if the file is there, or else to the working directory.</summary>
    private static string? ResolvePath(ConfigMap map, string key, string? folder)
    {
        if (map.Find(key) is not ConfigScalar { IsNull: false } given || given.Text.Contains("://", StringComparison.Ordinal)) return null;
        string beside = folder is null ? given.Text : Path.Combine(folder, given.Text);
        string path = Path.GetFullPath(File.Exists(ArrayFile.FileOf(beside)) ? beside : given.Text);
        map.Set(key, new ConfigScalar(given.Origin, path, given.Plain));
        return path;
    }

    /// <summary>The released trainer writes a config beside the weights, which says their shape.</summary>
    private static void TakeTrainConfig(ConfigMap root, ConfigMap target, string path)
    {
        if (target.Find(TrainKey) is { IsNull: false } || target.Find("mlp") is not null || TaskOf(root) is not ("tms" or "residual_mlp")) return;
        string name = TrainConfigOf(TaskOf(root)!);
        string file = Path.Combine(Path.GetDirectoryName(path)!, name);
        if (!File.Exists(path)) throw target.Find(LoadKey)!.Error($"target.load is '{path}', but there is no such file");
        target.Set(TrainKey, File.Exists(file)
            ? ConfigReader.ReadFile(file)
            : throw target.Find(LoadKey)!.Error(
                $"target.load is '{path}', but nothing says its shape: describe how it was trained under `target: train:`, or put its {name} beside it"));
    }

    private static Loaded<ExperimentConfig> BindSpd(ConfigMap root, string stem, ExperimentCatalog catalog)
    {
        var start = new ExperimentConfig { Name = NameOf(stem), Decomposition = ReleasedDefaults, Target = TargetOfTask(root) };
        return Bind(ExperimentKeys.Experiment, start, root, catalog);
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
                ?? throw named.Error($"{TargetKey} is {named.Shown}, but {catalog.Unknown(named.Text)}");
            if (!seen.Add(entry.Name)) throw named.Error($"{TargetKey} {named.Shown} refers to itself");
            var target = ConfigReader.ReadFile(entry.Path).Find(TargetKey);
            root.Set(TargetKey, target is null or { IsNull: true }
                ? throw named.Error($"{TargetKey} is {named.Shown}, but that experiment does not say how its target is trained")
                : target);
        }
    }

    /// <summary>The kind of target that the task has, with its default values. A task that cannot be run yet is said before anything else, since its keys differ.</summary>
    private static TargetConfig TargetOfTask(ConfigMap root)
    {
        if (root.Find("task_config") is not ConfigMap task || task.Find("task_name") is not ConfigScalar name) return new TmsTargetConfig();
        string? what = name.Text switch { "lm" => "language models", "ih" => "induction heads", _ => null };
        if (what is not null)
            throw name.Error($"task_name is '{name.Text}', but {what} are not available yet; the tasks that are available are tms, residual_mlp and mlp");
        var target = root.Find(TargetKey) as ConfigMap;
        string? model = TrainedModels.FirstOrDefault(key => (target?.Find(TrainKey) as ConfigMap)?.Find(key) is not null)
            ?? (target?.Find("mlp") is null ? null : "mlp");
        string wanted = name.Text switch { "residual_mlp" => "resid_mlp_config", "mlp" => "mlp", _ => "tms_model_config" };
        if (model is not null && model != wanted)
            throw name.Error($"task_name is {name.Shown}, but the target has a {model}: both must be of one kind, tms, residual_mlp or mlp");

        return name.Text switch { "residual_mlp" => new ResidualMlpTargetConfig(), "mlp" => new MlpTargetConfig(), _ => new TmsTargetConfig() };
    }

    private static string TrainConfigOf(string task) => ReleasedConfig.TrainConfigName(task == "tms" ? TaskName.Tms : TaskName.ResidualMlp);

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
            : "which is not at hand";
        return path.Error($"{PathKey} is {path.Shown}, {where}: name its file with `--set target.load=PATH`, or train the target here instead {remedy}");
    }

    [GeneratedRegex(@"^\.|[^\p{L}\p{N}_+. -]")]
    private static partial Regex NotInNames();
}
