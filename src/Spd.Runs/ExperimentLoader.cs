using System.Text.RegularExpressions;
using Spd.Decomposition;
using Spd.Formats;
using Spd.Runs.Configuration;
using Spd.Runs.Targets;

namespace Spd.Runs;

/// <summary>Makes a configuration of what was written: applies overrides, follows a named target, binds the keys.</summary>
internal static partial class ExperimentLoader
{
    /// <summary>The key that names another method than SPD.</summary>
    internal const string MethodKey = "method";

    internal const string TargetKey = "target", TrainKey = "train", LoadKey = "load";
    private const string PathKey = "pretrained_model_path", TokenizerName = "tokenizer_name";

    // What a released config says of a model at a hub.
    private static readonly string[] ReleasedModel =
        ["pretrained_model_class", "pretrained_model_name_hf", "pretrained_model_name", "pretrained_model_output_attr", TokenizerName];

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
            case ConfigScalar named when catalog.Methods.FirstOrDefault(method => method.Name == named.Text) is { } method:
                return method.Read(root, NameOf(stem), catalog);
            case var other:
                string known = catalog.Methods switch
                {
                    [] => "no other method than SPD is known here",
                    [var only] => $"{only.Name} is the only one to be named",
                    var some => $"one of {string.Join(", ", some.Select(method => method.Name))} is needed",
                };
                throw other.Error($"{MethodKey} is {other.Shown}, but {known}: leave the key out for SPD");
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
        TakeReleasedModel(root);
        if (root.Find(TargetKey) is not ConfigMap target) return;
        if (target.Find("data") is ConfigMap data)
            foreach (string key in new[] { "inputs", "labels", "targets", "expected_outputs", "text" }) ResolvePath(data, key, folder);
        Fetch(target, "model", catalog);
        Fetch(target, "tokenizer", catalog);
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

    /// <summary>A released config of a language model names it as the hub does, and its tokenizer: they are the target where it says no other.</summary>
    private static void TakeReleasedModel(ConfigMap root)
    {
        if (TaskOf(root) != LanguageModelTarget.Instance.TaskName || root.Find(TargetKey) is not (null or { IsNull: true } or ConfigMap)) return;
        if (Released("pretrained_model_class") is not { } architecture || !architecture.Text.StartsWith("transformers.", StringComparison.Ordinal)) return;
        if ((Released("pretrained_model_name_hf") ?? Released("pretrained_model_name")) is not { } model) return;
        var target = root.Find(TargetKey) as ConfigMap ?? new ConfigMap(model.Origin, []);
        if (target.Find("model") is { IsNull: false }) return;
        if ((target.Find("data") as ConfigMap)?.Find("text") is not { IsNull: false })
            throw model.Error($"the model is {model.Shown} at a hub, but its text is not fetched from there: download a file of it, and name it with --set target.data.text=PATH");
        root.Set(TargetKey, target);
        target.Set("model", AtHub(model));
        if (Released(TokenizerName) is { } tokenizer && tokenizer.Text != model.Text && target.Find("tokenizer") is null or { IsNull: true }) target.Set("tokenizer", AtHub(tokenizer));
        root.Entries.RemoveAll(entry => ReleasedModel.Contains(entry.Key));

        ConfigScalar? Released(string key) => root.Find(key) is ConfigScalar { IsNull: false } scalar ? scalar : null;
        static ConfigScalar AtHub(ConfigScalar name) => new(name.Origin, HubName.Prefix + name.Text, Plain: false);
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

    /// <summary>Where the keys of a target, and of its data, were written.</summary>
    private static Dictionary<string, string> OriginsOf(ConfigMap root)
    {
        var target = root.Find(TargetKey) as ConfigMap;
        var keys = (target?.Entries ?? []).Select(entry => (Key: $"{TargetKey}.{entry.Key}", entry.Value.Origin));
        var data = ((target?.Find("data") as ConfigMap)?.Entries ?? []).Select(entry => (Key: $"{TargetKey}.data.{entry.Key}", entry.Value.Origin));
        return keys.Concat(data).ToDictionary(entry => entry.Key, entry => entry.Origin);
    }

    /// <summary>Puts the folder of a hub's model, or of a tokenizer, in place of its name; that of a model stays as a remark.</summary>
    private static void Fetch(ConfigMap target, string key, ExperimentCatalog catalog)
    {
        if (target.Find(key) is not ConfigScalar { IsNull: false } named || !HubName.IsMeantBy(named.Text)) return;
        if (catalog.Fetch is not { } fetch) throw named.Error($"{key} is {named.Shown}, but no hub can be asked here: download it, and name its folder");
        try
        {
            bool isModel = key == "model";
            string path = fetch(HubName.Parse(named.Text), isModel);
            if (isModel) target.Set("hub", named);
            target.Set(key, new ConfigScalar(named.Origin, path, Plain: false));
        }
        catch (Exception exception) when (exception is IOException or FormatException)
        {
            throw named.Error($"{exception.Message.TrimEnd('.')}; a folder with the files is named with --set {TargetKey}.{key}=PATH");
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

    /// <summary>Binds the keys of SPD; nothing in them is looked up any more.</summary>
    internal static Loaded<ExperimentConfig> BindSpd(ConfigMap root, string stem, ExperimentCatalog catalog)
    {
        var start = new ExperimentConfig { Name = NameOf(stem), Decomposition = ReleasedDefaults, Target = TargetOfTask(root) };
        var loaded = Bind(ExperimentKeys.Experiment, start, root, catalog);
        loaded = loaded with { Config = loaded.Config with { Target = loaded.Config.Target with { Origins = OriginsOf(root) } } };
        if (loaded.Config.Target is not LanguageModelConfig model) return loaded;
        bool isSplit = loaded.Config.Decomposition.TargetModulePatterns.Any(pattern => pattern.Contains("c_attn.", StringComparison.Ordinal));
        return loaded with
        {
            Config = loaded.Config with
            {
                Target = model with
                {
                    TokenFolder = catalog.TokenFolder,
                    Tokenizing = catalog.Tokenizing,
                    SplitAttention = isSplit,
                    TriedLength = Math.Max(2, loaded.Config.Task.MaxSeqLen),
                },
            },
        };
    }

    /// <summary>Binds the keys of a method.</summary>
    internal static Loaded<TConfig> Bind<TConfig>(KeyTable<TConfig> keys, TConfig start, ConfigMap root, ExperimentCatalog catalog)
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
            var target = entry.Read().Find(TargetKey);
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
            entry.Read() is var other && TaskOf(other) == task && other.Find(TargetKey) is ConfigMap)?.Name ?? "<experiment>";
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
