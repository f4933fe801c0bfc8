using System.Text.RegularExpressions;
using Spd.Decomposition;
using Spd.Formats;
using Spd.Runs.Baselines;
using Spd.Runs.Configuration;
using Spd.Runs.Targets;

namespace Spd.Runs;

/// <summary>Makes a configuration of what was written: applies overrides, follows a named target, binds the keys.</summary>
internal static partial class ExperimentLoader
{
    /// <summary>The key that names another method than SPD.</summary>
    internal const string MethodKey = "method";

    /// <summary>Its value for APD.</summary>
    internal const string ApdMethod = "apd";

    internal const string TargetKey = "target", TrainKey = "train", LoadKey = "load";
    private const string PathKey = "pretrained_model_path";

    // What the released code takes for keys that a file leaves out.
    internal static DecompositionOptions ReleasedDefaults { get; } = new() { StochasticReconCoeff = null, StochasticReconLayerwiseCoeff = null };

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
            foreach (string key in new[] { "inputs", "labels", "targets", "expected_outputs", "text" }) ResolvePath(data, key, folder);
        FetchModel(target, catalog);
        foreach (string key in new[] { "model", "tokenizer" }) ResolvePath(target, key, folder);
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
        string text = ValueKind.FilePath.Read(given, key);
        string beside = folder is null ? text : Path.Combine(folder, text);
        string path = Path.GetFullPath(File.Exists(ArrayFile.FileOf(beside)) || Directory.Exists(beside) ? beside : text);
        map.Set(key, new ConfigScalar(given.Origin, path, given.Plain));
        return path;
    }

    /// <summary>Puts the folder of a hub's model in place of its name, which stays as a remark.</summary>
    private static void FetchModel(ConfigMap target, ExperimentCatalog catalog)
    {
        if (target.Find("model") is not ConfigScalar { IsNull: false } named || !HubName.IsMeantBy(named.Text)) return;
        if (catalog.FetchModel is not { } fetch) throw named.Error($"model is {named.Shown}, but no hub can be asked here: download it, and name its folder");
        try
        {
            string path = fetch(HubName.Parse(named.Text));
            target.Set("hub", named);
            target.Set("model", new ConfigScalar(named.Origin, path, Plain: false));
        }
        catch (Exception exception) when (exception is IOException or FormatException)
        {
            throw named.Error(exception.Message);
        }
    }

    /// <summary>The released trainer writes a config beside the weights, which says their shape.</summary>
    private static void TakeTrainConfig(ConfigMap root, ConfigMap target, string path)
    {
        if (target.Find(TrainKey) is { IsNull: false } || DescribedKind(target) is not null || KindOf(root)?.TrainConfigFile is not { } name) return;
        string file = Path.Combine(Path.GetDirectoryName(path)!, name);
        if (WeightFile.WhyNone(path) is { } reason) throw target.Find(LoadKey)!.Error($"target.load is {Quoted.Path(path)}, but {reason}");
        target.Set(TrainKey, File.Exists(file)
            ? ConfigReader.ReadFile(file)
            : throw target.Find(LoadKey)!.Error(
                $"target.load is {Quoted.Path(path)}, but nothing says its shape: describe how it was trained under `target: train:`, or put its {name} beside it"));
    }

    private static Loaded<ExperimentConfig> BindSpd(ConfigMap root, string stem, ExperimentCatalog catalog)
    {
        var start = new ExperimentConfig { Name = NameOf(stem), Decomposition = ReleasedDefaults, Target = TargetOfTask(root) };
        var loaded = Bind(ExperimentKeys.Experiment, start, root, catalog);
        return loaded.Config.Target is LanguageModelConfig model
            ? loaded with { Config = loaded.Config with { Target = model with { TokenFolder = catalog.TokenFolder } } }
            : loaded;
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

    /// <summary>A file's name as that of an experiment.</summary>
    internal static string NameOf(string stem) => NotInNames().Replace(stem, "_").TrimEnd('.', ' ') is { Length: > 0 } name ? name : "experiment";

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

    /// <summary>The target of the task's kind with its default values, or of the first kind where the task names none.</summary>
    internal static TargetConfig TargetOfTask(ConfigMap root)
    {
        var kind = KindOf(root);
        if (kind is not null && root.Find(TargetKey) is ConfigMap target && DescribedKind(target) is { } described && described != kind)
        {
            throw TaskNameOf(root)!.Error(
                $"task_name is '{kind.TaskName}', but the target has a {described.ModelKey}: both must be of one kind, {TargetKind.Names("or")}");
        }

        return (kind ?? TargetKind.All[0]).Defaults;
    }

    /// <summary>The kind of the task, or null where it names none of them.</summary>
    internal static TargetKind? KindOf(ConfigMap root) => TargetKind.All.FirstOrDefault(kind => kind.TaskName == TaskOf(root));

    /// <summary>The kind whose network a target describes, or null.</summary>
    private static TargetKind? DescribedKind(ConfigMap target) =>
        TargetKind.All.FirstOrDefault(kind => (target.Find(TrainKey) as ConfigMap ?? target).Find(kind.ModelKey) is not null || target.Find(kind.ModelKey) is not null);

    private static ConfigScalar? TaskNameOf(ConfigMap root) => (root.Find("task_config") as ConfigMap)?.Find("task_name") as ConfigScalar;

    private static string? TaskOf(ConfigMap root) => TaskNameOf(root)?.Text;

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
