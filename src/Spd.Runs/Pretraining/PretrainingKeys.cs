using Spd.Runs.Configuration;
using static Spd.Runs.Configuration.ValueKind;

namespace Spd.Runs.Pretraining;

/// <summary>The keys of a pretraining.</summary>
internal static class PretrainingKeys
{
    // The most positions that a batch can have.
    private const long MostTokens = Spd.Engine.Planning.Batch.MostPositions;

    /// <summary>All of them.</summary>
    public static KeyTable<PretrainingConfig> Table { get; } = new(
    [
        Keys<PretrainingConfig>.Value("architecture", Choice<PretrainedArchitecture>(), c => c.Architecture, (c, v) => c with { Architecture = v }),
        Keys<PretrainingConfig>.Value("text", FilePath, c => c.Text, (c, v) => c with { Text = Path.GetFullPath(v) }, required: true),
        Keys<PretrainingConfig>.Optional("column", AnyText, c => c.Column, (c, v) => c with { Column = v }),
        Keys<PretrainingConfig>.Value("tokenizer", FilePath, c => c.Tokenizer, (c, v) => c with { Tokenizer = Path.GetFullPath(v) }, required: true),
        Keys<PretrainingConfig>.Number("layers", c => c.Layers, (c, v) => c with { Layers = v }),
        Keys<PretrainingConfig>.Number("width", c => c.Width, (c, v) => c with { Width = v }),
        Keys<PretrainingConfig>.Number("heads", c => c.Heads, (c, v) => c with { Heads = v }),
        Keys<PretrainingConfig>.Number("kv_heads", c => c.KvHeads, (c, v) => c with { KvHeads = v }),
        Keys<PretrainingConfig>.Number("ff", c => c.Ff, (c, v) => c with { Ff = v }),
        Keys<PretrainingConfig>.Number("context", c => c.Context, (c, v) => c with { Context = v }),
        Keys<PretrainingConfig>.Number("steps", c => c.Steps, (c, v) => c with { Steps = v }),
        Keys<PretrainingConfig>.Number("batch", c => c.Batch, (c, v) => c with { Batch = v }),
        Keys<PretrainingConfig>.Number("lr", c => c.Lr, (c, v) => c with { Lr = v }),
        Keys<PretrainingConfig>.Number("min_lr_ratio", c => c.MinLrRatio, (c, v) => c with { MinLrRatio = v }),
        Keys<PretrainingConfig>.Number("warmup", c => c.Warmup, (c, v) => c with { Warmup = v }),
        Keys<PretrainingConfig>.Number("weight_decay", c => c.WeightDecay, (c, v) => c with { WeightDecay = v }),
        Keys<PretrainingConfig>.Number("clip", c => c.Clip, (c, v) => c with { Clip = v }),
        Keys<PretrainingConfig>.Value("seed", Seed, c => c.Seed, (c, v) => c with { Seed = v }),
    ],
    config => config switch
    {
        _ when config.Width % config.Heads != 0 =>
            new ConfigFault("heads", $"a width of {config.Width} cannot be divided among {config.Heads} heads: change --width or --heads"),
        { Architecture: PretrainedArchitecture.Gpt2, KvHeads: { } keys } when keys != config.Heads =>
            new ConfigFault("kv_heads", $"a GPT-2 has as many heads of keys and values as heads, {config.Heads}, not {keys}: leave out --kv-heads"),
        { KvHeads: { } keys } when config.Heads % keys != 0 =>
            new ConfigFault("kv_heads", $"{config.Heads} heads cannot share {keys} heads of keys and values: change --heads or --kv-heads"),
        { Architecture: not PretrainedArchitecture.Gpt2 } when config.Width / config.Heads % 2 != 0 =>
            new ConfigFault(
                "heads", $"heads of {config.Width / config.Heads} features have an odd number, but rotary positions turn pairs of them: change --width or --heads"),
        { Warmup: { } steps } when steps >= config.Steps =>
            new ConfigFault("warmup", $"a warm-up of {steps} steps does not end before the {config.Steps} steps of the training: change --warmup or --steps"),
        { Ff: null, Width: > (1 << 20) / 4 } => new ConfigFault("width", $"four times a width of {config.Width} are too many neurons: give their number with --ff"),
        _ when (long)config.Batch * config.Context > MostTokens =>
            new ConfigFault("batch", $"{config.Batch} sequences of {config.Context} tokens are more than {MostTokens} tokens at once: change --batch or --context"),
        _ => null,
    });
}
