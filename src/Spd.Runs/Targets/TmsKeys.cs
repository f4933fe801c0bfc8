using Spd.Engine.Optimisation;
using Spd.Networks.Data;
using Spd.Networks.Targets;
using Spd.Runs.Configuration;
using static Spd.Runs.Configuration.ValueKind;
using static Spd.Runs.Targets.TargetKeys;

namespace Spd.Runs.Targets;

/// <summary>The keys of TMS targets; names and order are those of the released configs.</summary>
internal static class TmsKeys
{
    /// <summary>The model of a TMS target.</summary>
    public static KeyTable<TmsModelConfig> Model { get; } = new(
    [
        Keys<TmsModelConfig>.Number("n_features", c => c.NFeatures, (c, v) => c with { NFeatures = v }, required: true),
        Keys<TmsModelConfig>.Number("n_hidden", c => c.NHidden, (c, v) => c with { NHidden = v }, required: true),
        Keys<TmsModelConfig>.Number("n_hidden_layers", c => c.NHiddenLayers, (c, v) => c with { NHiddenLayers = v }),
        Keys<TmsModelConfig>.Value("tied_weights", Flag, c => c.TiedWeights, (c, v) => c with { TiedWeights = v }),
        Keys<TmsModelConfig>.Value("init_bias_to_zero", Flag, c => c.InitBiasToZero, (c, v) => c with { InitBiasToZero = v }),
        Keys<TmsModelConfig>.Unused("device"),
    ]);

    /// <summary>The training of a TMS target.</summary>
    public static KeyTable<TmsTargetConfig> Target { get; } = new(
    [
        Keys<TmsTargetConfig>.Noted("wandb_project", NoAccount),
        Keys<TmsTargetConfig>.Value("seed", Seed, c => c.Seed, (c, v) => c with { Seed = v }),
        Keys<TmsTargetConfig>.Nested("tms_model_config", Model, c => c.Model, (c, v) => c with { Model = v }, required: true),
        Keys<TmsTargetConfig>.Value("fixed_identity_hidden_layers", Flag,
            c => c.Model.FixedIdentityHiddenLayers, (c, v) => c with { Model = c.Model with { FixedIdentityHiddenLayers = v } }),
        Keys<TmsTargetConfig>.Value("fixed_random_hidden_layers", Flag,
            c => c.Model.FixedRandomHiddenLayers, (c, v) => c with { Model = c.Model with { FixedRandomHiddenLayers = v } }),
        Keys<TmsTargetConfig>.Number("feature_probability", c => c.FeatureProbability, (c, v) => c with { FeatureProbability = v }),
        Keys<TmsTargetConfig>.Value("data_generation_type", Choice<DataGenerationType>(),
            c => c.DataGenerationType, (c, v) => c with { DataGenerationType = v }),
        Keys<TmsTargetConfig>.Value("synced_inputs", SyncedGroups, c => c.SyncedInputs, (c, v) => c with { SyncedInputs = v }),
        Keys<TmsTargetConfig>.Number("lr", c => c.Lr, (c, v) => c with { Lr = v }),
        Keys<TmsTargetConfig>.Value("lr_schedule", Choice<ScheduleShape>(), c => c.LrSchedule, (c, v) => c with { LrSchedule = v }),
        Keys<TmsTargetConfig>.Number("steps", c => c.Steps, (c, v) => c with { Steps = v }),
        Keys<TmsTargetConfig>.Number("batch_size", c => c.BatchSize, (c, v) => c with { BatchSize = v }),
    ],
    target => target switch
    {
        _ when ScheduleFault(target) is { } fault => fault,
        { Model: { FixedIdentityHiddenLayers: true, FixedRandomHiddenLayers: true } } =>
            new ConfigFault(
                "fixed_random_hidden_layers",
                "hidden layers cannot be fixed to the identity and to random matrices at once: "
                + "set one of fixed_identity_hidden_layers and fixed_random_hidden_layers"),
        _ => ConfigFault.Of(target.SyncedInputs is null ? "data_generation_type" : "synced_inputs", target.TrainingData),
    });
}
