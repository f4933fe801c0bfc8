using Spd.Runs.Configuration;
using Spd.Runs.Targets;
using YamlDotNet.RepresentationModel;

namespace Spd.Runs.Exchange;

/// <summary>A configuration in the keys of the released code alone.</summary>
internal static class ReleasedConfig
{
    /// <summary>What the file is called.</summary>
    public const string FileName = "final_config.yaml";

    /// <summary>The file beside it that says what the key <c>target</c> of ours does, of a kind that has no released trainer.</summary>
    public const string TargetFile = "target.yaml";

    /// <summary>The key that carries the experiment's name.</summary>
    private const string NameKey = "wandb_run_name";

    // The target of a run, seen from its folder.
    private const string OwnTarget = "target/weights.safetensors";

    // The key of the newer library that has no default.
    private const string SuccessorKey = "ci_config";

    // Keys of ours that the released code refuses.
    private static readonly string[] OwnKeys = ["name", "description", "keep_every", "tensorboard", PublishedNumbers.Key, "target"];

    /// <summary>The text of a <c>final_config.yaml</c>.</summary>
    public static string Write(ExperimentConfig experiment)
    {
        var target = experiment.Target;
        var model = target as LanguageModelConfig;
        var map = ExperimentKeys.Experiment.Write(experiment);
        foreach (string key in OwnKeys) map.Children.Remove(new YamlScalarNode(key));
        var entries = new (string Key, YamlNode Value)[]
        {
            ("wandb_project", ValueKind.Plain("null")), (NameKey, ValueKind.AnyText.Write(experiment.Name)), ("wandb_run_name_prefix", ValueKind.AnyText.Write("")),
            ("log_ce_losses", ValueKind.Plain("false")), ("pretrained_model_class", TextOrNull(target.Kind.ReleasedClass(target))),
            ("pretrained_model_path", ValueKind.Plain("null")), ("pretrained_model_name_hf", TextOrNull(model?.PyTorchName)),
            ("pretrained_model_output_attr", TextOrNull(model is null ? null : "logits")), ("tokenizer_name", TextOrNull(model?.PyTorchTokenizer)),
        };
        foreach (var (key, value) in entries) map.Children[new YamlScalarNode(key)] = value;
        return ConfigWriter.Write(map);
    }

    /// <summary>The node of a text, or of null.</summary>
    internal static YamlNode TextOrNull(string? text) => ValueKind.OrNone(ValueKind.AnyText).Write(text);

    /// <summary>A <c>final_config.yaml</c> of the released code, for a run folder that holds its target.</summary>
    /// <param name="path">The file; the config of the target's training, or our own <see cref="TargetFile"/>, lies beside it.</param>
    /// <param name="name">What the run is called where the config does not say.</param>
    /// <param name="catalog">Says where tokens are kept.</param>
    /// <exception cref="ConfigException">The file, or the one that says the target's shape, is missing or cannot be used.</exception>
    public static ExperimentConfig Read(string path, string name, ExperimentCatalog catalog)
    {
        var root = ConfigReader.ReadFile(path);
        if (root.Find(SuccessorKey) is { } other)
            throw other.Error($"{SuccessorKey} is a key of the library that followed the paper, whose runs are not read: those of the paper's released code are");
        if (root.Find(NameKey) is ConfigScalar { IsNull: false, Text: { Length: > 0 } given }) name = given;
        if (ExperimentLoader.KindOf(root) is { } kind)
        {
            string file = kind.TrainConfigFile ?? TargetFile, beside = Path.Combine(Path.GetDirectoryName(Path.GetFullPath(path))!, file);
            if (!File.Exists(beside)) throw new ConfigException($"there is no {file} beside '{path}', which says the shape of the target: copy it there");
            root.Set(ExperimentLoader.TargetKey, kind.TrainConfigFile is null ? ConfigReader.ReadFile(beside) : new ConfigMap(path,
            [
                new ConfigEntry(ExperimentLoader.LoadKey, path, new ConfigScalar(path, OwnTarget, Plain: true)),
                new ConfigEntry(ExperimentLoader.TrainKey, path, ConfigReader.ReadFile(beside)),
            ]));
        }

        return ExperimentLoader.BindSpd(root, name, catalog).Config;
    }
}
