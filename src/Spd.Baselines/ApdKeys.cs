using Spd.Engine.Optimisation;
using Spd.Runs;
using Spd.Runs.Configuration;
using Spd.Runs.Targets;
using static Spd.Runs.Configuration.ValueKind;
using static Spd.Runs.ExperimentKeys;
using static Spd.Runs.Targets.TargetKeys;

namespace Spd.Baselines;

/// <summary>The keys of an experiment with APD; names and order are those of its released configs.</summary>
internal static class ApdKeys
{
    private const string OneLossLess = "this term is not part of the comparison with SPD and is not available: set it to null, or leave it out";

    /// <summary>How the target is decomposed.</summary>
    private static IReadOnlyList<ConfigKey<ApdOptions>> Options { get; } =
    [
        Keys<ApdOptions>.Value("seed", Seed, c => c.Seed, (c, v) => c with { Seed = v }),
        Keys<ApdOptions>.Number("topk", c => c.Topk, (c, v) => c with { Topk = v }, required: true),
        Only<ApdOptions>("batch_topk", "true", "the active components are chosen over the whole batch here"),
        Keys<ApdOptions>.Refused("exact_topk", "k is not taken from the data here: set it to false, or leave it out"),
        Keys<ApdOptions>.Number("param_match_coeff", c => c.ParamMatchCoeff, (c, v) => c with { ParamMatchCoeff = v }),
        Keys<ApdOptions>.Number("topk_recon_coeff", c => c.TopkReconCoeff, (c, v) => c with { TopkReconCoeff = v }, required: true),
        Keys<ApdOptions>.Number("schatten_coeff", c => c.SchattenCoeff, (c, v) => c with { SchattenCoeff = v }, required: true),
        Keys<ApdOptions>.Number("schatten_pnorm", c => c.SchattenPnorm, (c, v) => c with { SchattenPnorm = v }),
        Keys<ApdOptions>.Refused("out_recon_coeff", OneLossLess),
        Keys<ApdOptions>.Refused("act_recon_coeff", OneLossLess),
        Keys<ApdOptions>.Refused("lp_sparsity_coeff", OneLossLess),
        Keys<ApdOptions>.Unused("pnorm"),
        Keys<ApdOptions>.Refused("distil_from_target", "no component of its own is kept for the target here: set it to false, or leave it out"),
        Keys<ApdOptions>.Refused("unit_norm_matrices", "factors are not normalised here: set it to false, or leave it out"),
        Only<ApdOptions>("attribution_type", "gradient", "other attributions are not part of the comparison with SPD"),
        Keys<ApdOptions>.Value("attribution_model", Choice<AttributionModel>(), c => c.AttributionModel, (c, v) => c with { AttributionModel = v }),
        Keys<ApdOptions>.Number("C", c => c.C, (c, v) => c with { C = v }, required: true),
        Keys<ApdOptions>.Number("m", c => c.M, (c, v) => c with { M = v }),
        Keys<ApdOptions>.Number("lr", c => c.Lr, (c, v) => c with { Lr = v }),
        Keys<ApdOptions>.Value("lr_schedule", Choice<ScheduleShape>(), c => c.LrSchedule, (c, v) => c with { LrSchedule = v }),
        Keys<ApdOptions>.Number("lr_exponential_halflife", c => c.LrExponentialHalflife, (c, v) => c with { LrExponentialHalflife = v }),
        Keys<ApdOptions>.Number("lr_warmup_pct", c => c.LrWarmupPct, (c, v) => c with { LrWarmupPct = v }),
        Keys<ApdOptions>.Number("steps", c => c.Steps, (c, v) => c with { Steps = v }),
        Keys<ApdOptions>.Number("batch_size", c => c.BatchSize, (c, v) => c with { BatchSize = v }),
    ];

    /// <summary>The whole experiment.</summary>
    public static KeyTable<ApdConfig> Experiment { get; } = new(
    [
        Only<ApdConfig>(ExperimentLoader.MethodKey, ApdMethod.Key, "these are the keys of APD"),
        Keys<ApdConfig>.Value("name", Name, c => c.Name, (c, v) => c with { Name = v }),
        Keys<ApdConfig>.Value("description", AnyText, c => c.Description, (c, v) => c with { Description = v }),
        Keys<ApdConfig>.Noted("wandb_project", NoAccount),
        Keys<ApdConfig>.Noted("wandb_run_name", NoAccount),
        Keys<ApdConfig>.Noted("wandb_run_name_prefix", NoAccount),
        .. Options.Select(key => key.Within<ApdConfig>(c => c.Options, (c, v) => c with { Options = v })),
        Keys<ApdConfig>.Number("n_eval_steps", c => c.NEvalSteps, (c, v) => c with { NEvalSteps = v }),
        Keys<ApdConfig>.Number("image_freq", c => c.ImageFreq, (c, v) => c with { ImageFreq = v }),
        Keys<ApdConfig>.Value("image_on_first_step", Flag, c => c.ImageOnFirstStep, (c, v) => c with { ImageOnFirstStep = v }),
        Keys<ApdConfig>.Unused("slow_images"),
        Keys<ApdConfig>.Number("print_freq", c => c.PrintFreq, (c, v) => c with { PrintFreq = v }),
        Keys<ApdConfig>.Number("save_freq", c => c.SaveFreq, (c, v) => c with { SaveFreq = v }),
        Keys<ApdConfig>.Number("keep_every", c => c.KeepEvery, (c, v) => c with { KeepEvery = v }),
        Keys<ApdConfig>.Value("tensorboard", Flag, c => c.TensorBoard, (c, v) => c with { TensorBoard = v }),
        Keys<ApdConfig>.Optional(PublishedNumbers.Key, PublishedNumbers.Kind, c => c.Published, (c, v) => c with { Published = v }),
        Keys<ApdConfig>.Nested("task_config", SparseTask(TmsTarget.Instance), c => c.Task, (c, v) => c with { Task = v }, required: true),
        Keys<ApdConfig>.Nested("target", Trained(TmsKeys.Target), c => c.Target, (c, v) => c with { Target = v }),
    ],
    experiment => experiment switch
    {
        { Options: { LrSchedule: ScheduleShape.Exponential, LrExponentialHalflife: null } } =>
            new ConfigFault("lr_schedule", "lr_schedule is exponential, which needs lr_exponential_halflife, the steps in which the learning rate halves"),
        { Target.Model.NHiddenLayers: > 0 } =>
            new ConfigFault("target", "APD is available for a TMS without hidden layers, but this target has some: use another, such as tms_5-2"),
        { Options: { Topk: var k, C: var c } } when k > c =>
            new ConfigFault("topk", $"topk is {k}, but there are only {c} components: make it smaller, or C larger"),
        _ => experiment.Target.Kind.Fault(experiment.Target, experiment.Task),
    });

    /// <summary>A key of the released configs that has one value here.</summary>
    private static ConfigKey<TRecord> Only<TRecord>(string name, string value, string reason) => new(
        name,
        (record, node, _) => node is ConfigScalar scalar && scalar.Text == value
            ? record
            : throw node.Error($"{name} is {node.Shown}, but {reason}: set it to {value}"),
        _ => Plain(value));
}
