using Spd.Engine.Optimisation;
using Spd.Networks;
using Spd.Networks.Targets;
using Spd.Networks.Training;
using Spd.Runs.Configuration;
using Spd.Runs.Targets;

namespace Spd.Runs.Tests.Configuration;

public sealed class ResidualMlpConfigTests
{
    // The text of the authors' resid_mlp_train_config.yaml.
    private const string ReleasedTraining = """
            batch_size: 2048
            data_generation_type: at_least_zero_active
            feature_probability: 0.01
            fixed_identity_embedding: false
            fixed_random_embedding: true
            importance_val: 1.0
            label_fn_seed: 0
            label_type: act_plus_resid
            loss_type: readoff
            lr: 0.003
            lr_schedule: cosine
            n_batches_final_losses: 10
            print_freq: 100
            resid_mlp_config:
              act_fn_name: relu
              d_embed: 1000
              d_mlp: 50
              in_bias: false
              n_features: 100
              n_layers: 1
              out_bias: false
            seed: 0
            steps: 1000
            synced_inputs: null
            use_trivial_label_coeffs: true
            wandb_project: null
        """;

    private const string Head = """
        C: 100
        target_module_patterns: [layers.*]
        importance_minimality_coeff: 1.0e-05
        task_config: {task_name: residual_mlp, feature_probability: 0.01}
        target:
          train:

        """;

    private static readonly ExperimentCatalog None = new("nowhere");

    [Fact]
    public void TheReleasedTrainingConfigIsReadAsItIs()
    {
        var target = Assert.IsType<ResidualMlpTargetConfig>(Load().Target);
        Assert.Equal(new ResidualMlpTargetConfig { Model = new ResidualMlpConfig { FixedRandomEmbedding = true } }, target);
        Assert.Equal((100, 1000, 50, 1), (target.Model.NFeatures, target.Model.DEmbed, target.Model.DMlp, target.Model.NLayers));
        Assert.Equal((1000, 2048, 3e-3, ScheduleShape.Cosine), (target.Steps, target.BatchSize, target.Lr, target.LrSchedule));
        Assert.Equal(target, Assert.IsType<ResidualMlpTargetConfig>(ExperimentConfig.Parse(Load().ToYaml(), "again.yaml", [], None).Config.Target));
    }

    [Fact]
    public void EveryOptionOfTheTrainerIsRead()
    {
        var target = (ResidualMlpTargetConfig)Load(
            "label_type=abs", "loss_type=resid", "use_trivial_label_coeffs=false", "label_fn_seed=7", "fixed_random_embedding=false",
            "resid_mlp_config.act_fn_name=gelu", "resid_mlp_config.in_bias=true", "resid_mlp_config.out_bias=true").Target;
        Assert.Equal(
            new ResidualMlpTask { LabelType = LabelType.Abs, LossType = ResidualLossType.Resid, UseTrivialLabelCoeffs = false, LabelFnSeed = 7 }, target.Task);
        Assert.Equal((ActivationName.Gelu, true, true), (target.Model.ActFnName, target.Model.InBias, target.Model.OutBias));
        Assert.Equal(0.5, ((ResidualMlpTargetConfig)Load("importance_val=0.5").Target).Task.ImportanceVal);
    }

    [Theory]
    [InlineData("fixed_identity_embedding=true", "cannot be fixed to random rows and to the identity at once")]
    [InlineData("fixed_identity_embedding=true fixed_random_embedding=false", "fixed_identity_embedding needs d_embed equal to n_features, but they are 1000 and 100")]
    [InlineData("loss_type=resid importance_val=0.9", "set it to 1.0 with loss_type resid")]
    [InlineData("label_type=relu", "label_type is 'relu', but one of act_plus_resid, abs is needed")]
    [InlineData("resid_mlp_config.n_layers=0", "resid_mlp_config.n_layers=0: n_layers is ")]
    [InlineData("synced_inputs=[[0,100]]", "features are 0 to 99")]
    public void WhatCannotBeIsSaidInASentence(string overrides, string expected)
    {
        string message = Assert.Throws<ConfigException>(() => Load(overrides.Split(' '))).Message;
        Assert.Contains(expected, message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
    }

    private static ExperimentConfig Load(params string[] overrides) =>
        ExperimentConfig.Parse(Head + ReleasedTraining, "x.yaml", overrides.Select(text => ConfigOverride.Parse($"target.train.{text}")), None).Config;
}
