using Spd.Runs.Configuration;
using Spd.Runs.Targets;
using YamlDotNet.RepresentationModel;

namespace Spd.Runs.Exchange;

/// <summary>A configuration in the keys of the released code alone.</summary>
internal static class ReleasedConfig
{
    /// <summary>The key that carries the experiment's name.</summary>
    public const string NameKey = "wandb_run_name";

    // Keys of ours that the released code refuses.
    private static readonly string[] OwnKeys = ["name", "description", "keep_every", "tensorboard", "target"];

    /// <summary>The text of a <c>final_config.yaml</c>.</summary>
    public static string Write(ExperimentConfig experiment)
    {
        var map = ExperimentKeys.Experiment.Write(experiment);
        foreach (string key in OwnKeys) map.Children.Remove(new YamlScalarNode(key));
        string model = experiment.Target is TmsTargetConfig ? "spd.experiments.tms.models.TMSModel" : "spd.experiments.resid_mlp.models.ResidualMLP";
        var entries = new (string Key, YamlNode Value)[]
        {
            ("wandb_project", ValueKind.Plain("null")), (NameKey, ValueKind.Text.Write(experiment.Name)), ("wandb_run_name_prefix", ValueKind.Text.Write("")),
            ("log_ce_losses", ValueKind.Plain("false")), ("pretrained_model_class", ValueKind.Plain(model)),
            ("pretrained_model_path", ValueKind.Plain("null")), ("pretrained_model_name_hf", ValueKind.Plain("null")),
            ("pretrained_model_output_attr", ValueKind.Plain("null")), ("tokenizer_name", ValueKind.Plain("null")),
        };
        foreach (var (key, value) in entries) map.Children[new YamlScalarNode(key)] = value;
        return ConfigWriter.Write(map);
    }

    /// <summary>What the released trainer calls the config of a target.</summary>
    public static string TrainConfigName(TaskName task) => task == TaskName.Tms ? "tms_train_config.yaml" : "resid_mlp_train_config.yaml";
}
