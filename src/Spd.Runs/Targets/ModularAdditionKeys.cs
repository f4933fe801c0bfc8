using Spd.Engine.Optimisation;
using Spd.Networks.Transformers;
using Spd.Runs.Configuration;
using static Spd.Runs.Configuration.ValueKind;
using static Spd.Runs.Targets.TargetKeys;

namespace Spd.Runs.Targets;

/// <summary>
/// The keys of networks that add modulo a number: those of the configuration that a trainer of such networks writes beside the weights, and of the training here
/// as other targets have them.
/// </summary>
internal static class ModularAdditionKeys
{
    // A gigabyte of weights: far more than addition takes, and what a wrong number must not ask for.
    private const double MostWeights = 1 << 28;

    private static readonly ValueKind<LensNormalization> Normalisation = new(
        (node, key) => node.IsNull ? LensNormalization.None
            : node is ConfigScalar { Text: nameof(LensNormalization.LN) or nameof(LensNormalization.LNPre) } named ? Enum.Parse<LensNormalization>(named.Text)
            : throw node.Mistyped(key, "null, LN or LNPre"),
        value => Plain(value == LensNormalization.None ? "null" : $"{value}"));

    private static readonly KeyTable<ModularAdditionConfig> Dataset = new(
    [
        Only("dataset_type", "modular_arithmetic"),
        Only("fn_name", "add"),
        Keys<ModularAdditionConfig>.Number("modulus", c => c.Modulus, (c, v) => c with { Modulus = v }, required: true),
        Here(Keys<ModularAdditionConfig>.Number("frac_train", c => c.FracTrain, (c, v) => c with { FracTrain = v })),
        Here(Keys<ModularAdditionConfig>.Value("seed", Seed, c => c.DatasetSeed, (c, v) => c with { DatasetSeed = v })),
    ]);

    private static readonly KeyTable<TransformerLensConfig> Model = new(
    [
        Keys<TransformerLensConfig>.Number("d_vocab", c => c.DVocab, (c, v) => c with { DVocab = v }, required: true),
        Keys<TransformerLensConfig>.Number("n_ctx", c => c.NCtx, (c, v) => c with { NCtx = v }, required: true),
        Keys<TransformerLensConfig>.Number("d_model", c => c.DModel, (c, v) => c with { DModel = v }, required: true),
        Keys<TransformerLensConfig>.Number("d_head", c => c.DHead, (c, v) => c with { DHead = v }, required: true),
        Keys<TransformerLensConfig>.Number("d_mlp", c => c.DMlp, (c, v) => c with { DMlp = v }, required: true),
        Keys<TransformerLensConfig>.Number("n_layers", c => c.NLayers, (c, v) => c with { NLayers = v }, required: true),
        Keys<TransformerLensConfig>.Number("n_heads", c => c.NHeads, (c, v) => c with { NHeads = v }, required: true),
        Keys<TransformerLensConfig>.Value("act_fn", Choice<Networks.ActivationName>(), c => c.ActFn, (c, v) => c with { ActFn = v }, required: true),
        Keys<TransformerLensConfig>.Value("normalization_type", Normalisation, c => c.NormalizationType, (c, v) => c with { NormalizationType = v }),
    ],
    model => Weights(model) > MostWeights
        ? new ConfigFault("d_model", $"these sizes make a network of {Weights(model):0.##e+0} weights, but one that adds has no more than {MostWeights:F0}: correct d_model and the others")
        : null);

    /// <summary>The training.</summary>
    public static KeyTable<ModularAdditionConfig> Target { get; } = new(
    [
        Here(Keys<ModularAdditionConfig>.Value("seed", Seed, c => c.Seed, (c, v) => c with { Seed = v })),
        Keys<ModularAdditionConfig>.Nested("dataset", Dataset, c => c, (_, v) => v, required: true),
        Keys<ModularAdditionConfig>.Nested("model", Model, c => c.Model, (c, v) => c with { Model = v }, required: true),
        Here(Keys<ModularAdditionConfig>.Number("lr", c => c.Lr, (c, v) => c with { Lr = v })),
        Here(Keys<ModularAdditionConfig>.Value("lr_schedule", Choice<ScheduleShape>(), c => c.LrSchedule, (c, v) => c with { LrSchedule = v })),
        Here(Keys<ModularAdditionConfig>.Number("weight_decay", c => c.WeightDecay, (c, v) => c with { WeightDecay = v })),
        Here(Keys<ModularAdditionConfig>.Number("steps", c => c.Steps, (c, v) => c with { Steps = v })),
        Here(Keys<ModularAdditionConfig>.Number("batch_size", c => c.BatchSize, (c, v) => c with { BatchSize = v })),
        Keys<ModularAdditionConfig>.Unused("train"),
    ],
    config => ScheduleFault(config) ?? (config.Model.DVocab <= config.Modulus
        ? new ConfigFault("model", $"d_vocab is {config.Model.DVocab}, but the {config.Modulus} residues and the token = are {config.Modulus + 1}: correct it, or the modulus")
        : config.Model.NCtx < ModularPairs.Tokens
            ? new ConfigFault("model", $"n_ctx is {config.Model.NCtx}, but a sum has {ModularPairs.Tokens} tokens, a b =")
            : null));

    private static double Weights(TransformerLensConfig model) => (2.0 * model.DVocab + model.NCtx) * model.DModel
        + (double)model.NLayers * model.DModel * (4.0 * model.NHeads * model.DHead + 2.0 * model.DMlp);

    /// <summary>A key of the training here, of which nothing is written where a network is loaded: how that was trained is not known, and no run depends on it.</summary>
    private static ConfigKey<ModularAdditionConfig> Here(ConfigKey<ModularAdditionConfig> key) =>
        key with { Write = config => config.Load is null ? key.Write!(config) : null };

    /// <summary>A key with the one value that there is.</summary>
    private static ConfigKey<ModularAdditionConfig> Only(string name, string value) => new(
        name,
        (config, node, _) => node is ConfigScalar { IsNull: false } given && given.Text == value ? config : throw node.Mistyped(name, value),
        _ => Plain(value));
}
