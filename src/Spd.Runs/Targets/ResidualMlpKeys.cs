using Spd.Engine.Optimisation;
using Spd.Networks;
using Spd.Networks.Data;
using Spd.Networks.Targets;
using Spd.Networks.Training;
using Spd.Runs.Configuration;
using static Spd.Runs.Configuration.ValueKind;
using static Spd.Runs.Targets.TargetKeys;

namespace Spd.Runs.Targets;

/// <summary>The keys of residual MLP targets; names and order are those of the released configs.</summary>
internal static class ResidualMlpKeys
{
    /// <summary>The model of a residual MLP target.</summary>
    public static KeyTable<ResidualMlpConfig> Model { get; } = new(
    [
        Keys<ResidualMlpConfig>.Number("n_features", c => c.NFeatures, (c, v) => c with { NFeatures = v }, required: true),
        Keys<ResidualMlpConfig>.Number("d_embed", c => c.DEmbed, (c, v) => c with { DEmbed = v }, required: true),
        Keys<ResidualMlpConfig>.Number("d_mlp", c => c.DMlp, (c, v) => c with { DMlp = v }, required: true),
        Keys<ResidualMlpConfig>.Number("n_layers", c => c.NLayers, (c, v) => c with { NLayers = v }, required: true),
        Keys<ResidualMlpConfig>.Value("act_fn_name", Choice<ActivationName>(), c => c.ActFnName, (c, v) => c with { ActFnName = v }),
        Keys<ResidualMlpConfig>.Value("in_bias", Flag, c => c.InBias, (c, v) => c with { InBias = v }),
        Keys<ResidualMlpConfig>.Value("out_bias", Flag, c => c.OutBias, (c, v) => c with { OutBias = v }),
    ]);

    /// <summary>The training of a residual MLP target.</summary>
    public static KeyTable<ResidualMlpTargetConfig> Target { get; } = new(
    [
        Keys<ResidualMlpTargetConfig>.Noted("wandb_project", NoAccount),
        Keys<ResidualMlpTargetConfig>.Value("seed", Seed, c => c.Seed, (c, v) => c with { Seed = v }),
        Keys<ResidualMlpTargetConfig>.Nested("resid_mlp_config", Model, c => c.Model, (c, v) => c with { Model = v }, required: true),
        Task("label_fn_seed", Seed, t => t.LabelFnSeed, (t, v) => t with { LabelFnSeed = v }),
        Task("label_type", Choice<LabelType>(), t => t.LabelType, (t, v) => t with { LabelType = v }),
        Task("loss_type", Choice<ResidualLossType>(), t => t.LossType, (t, v) => t with { LossType = v }),
        Task("use_trivial_label_coeffs", Flag, t => t.UseTrivialLabelCoeffs, (t, v) => t with { UseTrivialLabelCoeffs = v }),
        Task("importance_val", Number(Keys<ResidualMlpTask>.RangeOf("importance_val")), t => t.ImportanceVal, (t, v) => t with { ImportanceVal = v }),
        Keys<ResidualMlpTargetConfig>.Value("fixed_random_embedding", Flag,
            c => c.Model.FixedRandomEmbedding, (c, v) => c with { Model = c.Model with { FixedRandomEmbedding = v } }),
        Keys<ResidualMlpTargetConfig>.Value("fixed_identity_embedding", Flag,
            c => c.Model.FixedIdentityEmbedding, (c, v) => c with { Model = c.Model with { FixedIdentityEmbedding = v } }),
        Keys<ResidualMlpTargetConfig>.Number("feature_probability", c => c.FeatureProbability, (c, v) => c with { FeatureProbability = v }),
        Keys<ResidualMlpTargetConfig>.Value("data_generation_type", Choice<DataGenerationType>(),
            c => c.DataGenerationType, (c, v) => c with { DataGenerationType = v }),
        Keys<ResidualMlpTargetConfig>.Value("synced_inputs", SyncedGroups, c => c.SyncedInputs, (c, v) => c with { SyncedInputs = v }),
        Keys<ResidualMlpTargetConfig>.Number("lr", c => c.Lr, (c, v) => c with { Lr = v }),
        Keys<ResidualMlpTargetConfig>.Value("lr_schedule", Choice<ScheduleShape>(), c => c.LrSchedule, (c, v) => c with { LrSchedule = v }),
        Keys<ResidualMlpTargetConfig>.Number("steps", c => c.Steps, (c, v) => c with { Steps = v }),
        Keys<ResidualMlpTargetConfig>.Number("batch_size", c => c.BatchSize, (c, v) => c with { BatchSize = v }),
        Keys<ResidualMlpTargetConfig>.Unused("n_batches_final_losses"),
        Keys<ResidualMlpTargetConfig>.Unused("print_freq"),
    ],
    target => target switch
    {
        _ when ScheduleFault(target) is { } fault => fault,
        { Task: { LossType: ResidualLossType.Resid, ImportanceVal: not 1 } } =>
            new ConfigFault("importance_val", "importance_val weighs the features of a readoff loss: set it to 1.0 with loss_type resid"),
        _ => ConfigFault.Of("resid_mlp_config", target.Build)
            ?? ConfigFault.Of(target.SyncedInputs is null ? "data_generation_type" : "synced_inputs", target.TrainingData),
    });

    private static ConfigKey<ResidualMlpTargetConfig> Task<TValue>(
        string name, ValueKind<TValue> kind, Func<ResidualMlpTask, TValue> get, Func<ResidualMlpTask, TValue, ResidualMlpTask> set) =>
        Keys<ResidualMlpTargetConfig>.Value(name, kind, c => get(c.Task), (c, v) => c with { Task = set(c.Task, v) });
}
