using Spd.Engine.Optimisation;
using Spd.Networks.Transformers;
using Spd.Runs.Configuration;
using static Spd.Runs.Configuration.ValueKind;
using static Spd.Runs.Targets.TargetKeys;

namespace Spd.Runs.Targets;

/// <summary>The keys of transformers with induction heads; names and order are those of the released configs.</summary>
internal static class InductionKeys
{
    private static readonly KeyTable<InductionConfig> Model = new(
    [
        Keys<InductionConfig>.Number("vocab_size", c => c.VocabSize, (c, v) => c with { VocabSize = v }, required: true),
        Keys<InductionConfig>.Number("seq_len", c => c.SeqLen, (c, v) => c with { SeqLen = v }, required: true),
        Keys<InductionConfig>.Number("d_model", c => c.DModel, (c, v) => c with { DModel = v }, required: true),
        Keys<InductionConfig>.Number("n_heads", c => c.NHeads, (c, v) => c with { NHeads = v }, required: true),
        Keys<InductionConfig>.Number("n_layers", c => c.NLayers, (c, v) => c with { NLayers = v }, required: true),
        Keys<InductionConfig>.Number("ff_fanout", c => c.FfFanout, (c, v) => c with { FfFanout = v }, required: true),
        Keys<InductionConfig>.Value("use_ff", Flag, c => c.UseFf, (c, v) => c with { UseFf = v }, required: true),
        Keys<InductionConfig>.Value("use_pos_encoding", Flag, c => c.UsePosEncoding, (c, v) => c with { UsePosEncoding = v }, required: true),
        Keys<InductionConfig>.Value("use_layer_norm", Flag, c => c.UseLayerNorm, (c, v) => c with { UseLayerNorm = v }, required: true),
        Keys<InductionConfig>.Unused("device"),
    ]);

    /// <summary>The training.</summary>
    public static KeyTable<InductionTargetConfig> Target { get; } = new(
    [
        Keys<InductionTargetConfig>.Noted("wandb_project", NoAccount),
        Keys<InductionTargetConfig>.Value("seed", Seed, c => c.Seed, (c, v) => c with { Seed = v }),
        Keys<InductionTargetConfig>.Nested("ih_model_config", Model, c => c.Model, (c, v) => c with { Model = v }, required: true),
        Keys<InductionTargetConfig>.Number("prefix_window", c => c.PrefixWindow, (c, v) => c with { PrefixWindow = v }),
        Keys<InductionTargetConfig>.Number("lr", c => c.Lr, (c, v) => c with { Lr = v }),
        Keys<InductionTargetConfig>.Value("lr_schedule", Choice<ScheduleShape>(), c => c.LrSchedule, (c, v) => c with { LrSchedule = v }),
        Keys<InductionTargetConfig>.Number("lr_warmup", c => c.LrWarmup, (c, v) => c with { LrWarmup = v }),
        Keys<InductionTargetConfig>.Number("weight_decay", c => c.WeightDecay, (c, v) => c with { WeightDecay = v }),
        Keys<InductionTargetConfig>.Number("steps", c => c.Steps, (c, v) => c with { Steps = v }),
        Keys<InductionTargetConfig>.Number("batch_size", c => c.BatchSize, (c, v) => c with { BatchSize = v }),
        Keys<InductionTargetConfig>.Unused("attention_maps_n_steps"),
    ],
    target => ScheduleFault(target)
        ?? ConfigFault.Of("ih_model_config", target.Build) ?? ConfigFault.Of("prefix_window", () => target.Sequences(target.PrefixWindow)));

    /// <summary>The task.</summary>
    public static KeyTable<TaskConfig> Task(TargetKind kind) =>
        new([TaskName(kind), Keys<TaskConfig>.Number("prefix_window", c => c.PrefixWindow, (c, v) => c with { PrefixWindow = v })]);
}
