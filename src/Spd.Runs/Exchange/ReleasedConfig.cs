using Spd.Runs.Configuration;
using YamlDotNet.RepresentationModel;

namespace Spd.Runs.Exchange;

/// <summary>A configuration in the keys of the released code alone.</summary>
internal static class ReleasedConfig
{
    /// <summary>The key that carries the experiment's name.</summary>
    private const string NameKey = "wandb_run_name";

    // The target of a run, seen from its folder.
    private const string OwnTarget = "target/weights.safetensors";

    // Keys of ours that the released code refuses.
    private static readonly string[] OwnKeys = ["name", "description", "keep_every", "tensorboard", "target"];

    /// <summary>The text of a <c>final_config.yaml</c>.</summary>
    public static string Write(ExperimentConfig experiment)
    {
        var map = ExperimentKeys.Experiment.Write(experiment);
        foreach (string key in OwnKeys) map.Children.Remove(new YamlScalarNode(key));
        var entries = new (string Key, YamlNode Value)[]
        {
            ("wandb_project", ValueKind.Plain("null")), (NameKey, ValueKind.AnyText.Write(experiment.Name)), ("wandb_run_name_prefix", ValueKind.AnyText.Write("")),
            ("log_ce_losses", ValueKind.Plain("false")), ("pretrained_model_class", ValueKind.Plain(experiment.Target.Kind.ReleasedClass!)),
            ("pretrained_model_path", ValueKind.Plain("null")), ("pretrained_model_name_hf", ValueKind.Plain("null")),
            ("pretrained_model_output_attr", ValueKind.Plain("null")), ("tokenizer_name", ValueKind.Plain("null")),
        };
        foreach (var (key, value) in entries) map.Children[new YamlScalarNode(key)] = value;
        return ConfigWriter.Write(map);
    }

    /// <summary>A <c>final_config.yaml</c> of the released code, for a run folder that holds its target.</summary>
    /// <param name="path">The file; the config of the target's training lies beside it.</param>
    /// <param name="name">What the run is called where the config does not say.</param>
    /// <exception cref="ConfigException">The file, or the config of the target's training, is missing or cannot be used.</exception>
    public static ExperimentConfig Read(string path, string name)
    {
        var root = ConfigReader.ReadFile(path);
        if (root.Find(NameKey) is ConfigScalar { IsNull: false, Text: { Length: > 0 } given }) name = given;
        if (ExperimentLoader.KindOf(root)?.TrainConfigFile is { } trainConfig)
        {
            string trainFile = Path.Combine(Path.GetDirectoryName(Path.GetFullPath(path))!, trainConfig);
            if (!File.Exists(trainFile))
                throw new ConfigException($"there is no {trainConfig} beside '{path}', which says the shape of the target: copy it there");
            root.Set(ExperimentLoader.TargetKey, new ConfigMap(path,
            [
                new ConfigEntry(ExperimentLoader.LoadKey, path, new ConfigScalar(path, OwnTarget, Plain: true)),
                new ConfigEntry(ExperimentLoader.TrainKey, path, ConfigReader.ReadFile(trainFile)),
            ]));
        }

        return ExperimentKeys.Experiment.Bind(
            new ExperimentConfig
            {
                Name = ExperimentLoader.NameOf(name),
                Decomposition = ExperimentLoader.ReleasedDefaults,
                Target = ExperimentLoader.TargetOfTask(root),
            },
            root, []);
    }
}
