using System.Text.RegularExpressions;
using Spd.Decomposition;
using Spd.Engine.Optimisation;
using Spd.Runs.Configuration;
using Spd.Runs.Targets;
using static Spd.Runs.Configuration.ValueKind;
using static Spd.Runs.Targets.TargetKeys;

namespace Spd.Runs;

/// <summary>The keys of an experiment with SPD; names and order are those of the released configs.</summary>
internal static partial class ExperimentKeys
{

    private const string Minimality = "importance_minimality_coeff", LossList = "loss_metric_configs";

    // Before the keys that are made of it: a type's fields are filled in the order of its text.
    private static readonly (string Key, Func<DecompositionOptions, double?> Get, Func<DecompositionOptions, double?, DecompositionOptions> Set)[] Coefficients =
    [
        ("faithfulness_coeff", c => c.FaithfulnessCoeff, (c, v) => c with { FaithfulnessCoeff = v }),
        ("recon_coeff", c => c.ReconCoeff, (c, v) => c with { ReconCoeff = v }),
        ("stochastic_recon_coeff", c => c.StochasticReconCoeff, (c, v) => c with { StochasticReconCoeff = v }),
        ("recon_layerwise_coeff", c => c.ReconLayerwiseCoeff, (c, v) => c with { ReconLayerwiseCoeff = v }),
        ("stochastic_recon_layerwise_coeff", c => c.StochasticReconLayerwiseCoeff, (c, v) => c with { StochasticReconLayerwiseCoeff = v }),
        (Minimality, c => c.ImportanceMinimalityCoeff, (c, v) => c with { ImportanceMinimalityCoeff = v }),
        ("schatten_coeff", c => c.SchattenCoeff, (c, v) => c with { SchattenCoeff = v }),
        ("out_recon_coeff", c => c.OutReconCoeff, (c, v) => c with { OutReconCoeff = v }),
        ("embedding_recon_coeff", c => c.EmbeddingReconCoeff, (c, v) => c with { EmbeddingReconCoeff = v }),
    ];

    /// <summary>The decomposition. For a key that a file leaves out, <see cref="ExperimentLoader"/> takes the default of the released code.</summary>
    public static IReadOnlyList<ConfigKey<DecompositionOptions>> Decomposition { get; } =
    [
        Keys<DecompositionOptions>.Value("seed", Seed, c => c.Seed, (c, v) => c with { Seed = v }),
        Keys<DecompositionOptions>.Value("C", SubcomponentCounts.Kind(WholeNumber(Keys<DecompositionOptions>.RangeOf("C")), new DecompositionOptions().C),
            c => new SubcomponentCounts(c.C, c.CBySite), (c, v) => c with { C = v.ForAll, CBySite = v.BySite }),
        Keys<DecompositionOptions>.Number("n_mask_samples",
            c => c.NMaskSamples, (c, v) => c with { NMaskSamples = v }),
        Keys<DecompositionOptions>.Number("n_ci_mlp_neurons", c => c.NCiMlpNeurons, (c, v) => c with { NCiMlpNeurons = v }).WrittenWhere(c => c.Importances is null),
        Keys<DecompositionOptions>.Value("target_module_patterns", List(AnyText, "a list of module names or patterns, such as [linear1, linear2],"),
            c => c.TargetModulePatterns, (c, v) => c with { TargetModulePatterns = v }, required: true),
        .. Coefficients.Select(term => (Keys<DecompositionOptions>.Number(term.Key, term.Get, term.Set, required: term.Key == Minimality) with { Instead = LossList })
            .WrittenWhere(c => c.LossTerms is null)),
        Keys<DecompositionOptions>.Optional(LossList, LossKeys.Kind, c => c.LossTerms, (c, v) => c with { LossTerms = v }),
        Keys<DecompositionOptions>.Value("use_delta_component", Flag, c => c.UseDeltaComponent, (c, v) => c with { UseDeltaComponent = v }).WrittenWhere(c => c.UseDeltaComponent),
        (Keys<DecompositionOptions>.Optional("ci_config", ImportanceKeys.Kind, c => c.Importances, (c, v) => c with { Importances = v }) with { Instead = "n_ci_mlp_neurons" }),
        Keys<DecompositionOptions>.Value("component_start", Choice<ComponentStart>(), c => c.ComponentStart, (c, v) => c with { ComponentStart = v })
            .WrittenWhere(c => c.ComponentStart != ComponentStart.Spd),
        Keys<DecompositionOptions>.Value("is_untied", Flag, c => c.IsUntied, (c, v) => c with { IsUntied = v }).WrittenWhere(c => c.IsUntied),
        Keys<DecompositionOptions>.Number("faithfulness_warmup_steps", c => c.FaithfulnessWarmupSteps, (c, v) => c with { FaithfulnessWarmupSteps = v })
            .WrittenWhere(c => c.FaithfulnessWarmupSteps > 0),
        Keys<DecompositionOptions>.Number("faithfulness_warmup_lr", c => c.FaithfulnessWarmupLr, (c, v) => c with { FaithfulnessWarmupLr = v })
            .WrittenWhere(c => c.FaithfulnessWarmupSteps > 0),
        Keys<DecompositionOptions>.Number("grad_clip_norm_components", c => c.GradClipNormComponents, (c, v) => c with { GradClipNormComponents = v })
            .WrittenWhere(c => c.GradClipNormComponents is not null),
        Keys<DecompositionOptions>.Number("grad_clip_norm_ci_fns", c => c.GradClipNormCiFns, (c, v) => c with { GradClipNormCiFns = v }).WrittenWhere(c => c.GradClipNormCiFns is not null),
        Keys<DecompositionOptions>.Number("ci_fn_lr", c => c.CiFnLr, (c, v) => c with { CiFnLr = v }).WrittenWhere(c => c.CiFnLr is not null),
        Keys<DecompositionOptions>.Number("lr_final_val_frac", c => c.LrFinalValFrac, (c, v) => c with { LrFinalValFrac = v }).WrittenWhere(c => c.LrFinalValFrac > 0),
        Keys<DecompositionOptions>.Value("is_embed_unembed_recon", Flag, c => c.IsEmbedUnembedRecon, (c, v) => c with { IsEmbedUnembedRecon = v }),
        Keys<DecompositionOptions>.Number("pnorm", c => c.Pnorm, (c, v) => c with { Pnorm = v }),
        Keys<DecompositionOptions>.Value("output_loss_type", Choice<OutputLoss>(), c => c.OutputLossType, (c, v) => c with { OutputLossType = v }),
        Keys<DecompositionOptions>.Number("lr", c => c.Lr, (c, v) => c with { Lr = v }),
        Keys<DecompositionOptions>.Number("steps", c => c.Steps, (c, v) => c with { Steps = v }),
        Keys<DecompositionOptions>.Number("batch_size", c => c.BatchSize, (c, v) => c with { BatchSize = v }),
        Keys<DecompositionOptions>.Value("lr_schedule", Choice<ScheduleShape>(), c => c.LrSchedule, (c, v) => c with { LrSchedule = v }),
        Keys<DecompositionOptions>.Number("lr_exponential_halflife",
            c => c.LrExponentialHalflife, (c, v) => c with { LrExponentialHalflife = v }),
        Keys<DecompositionOptions>.Number("lr_warmup_pct", c => c.LrWarmupPct, (c, v) => c with { LrWarmupPct = v }),
    ];

    /// <summary>The whole experiment.</summary>
    public static KeyTable<ExperimentConfig> Experiment { get; } = new(
    [
        Keys<ExperimentConfig>.Value("name", Name, c => c.Name, (c, v) => c with { Name = v }),
        Keys<ExperimentConfig>.Value("description", AnyText, c => c.Description, (c, v) => c with { Description = v }),
        Keys<ExperimentConfig>.Noted("wandb_project", NoAccount),
        Keys<ExperimentConfig>.Noted("wandb_run_name", NoAccount),
        Keys<ExperimentConfig>.Noted("wandb_run_name_prefix", NoAccount),
        .. Decomposition.Select(key => key.Within<ExperimentConfig>(c => c.Decomposition, (c, v) => c with { Decomposition = v })),
        Keys<ExperimentConfig>.Number("n_eval_steps", c => c.NEvalSteps, (c, v) => c with { NEvalSteps = v }),
        Keys<ExperimentConfig>.Number("image_freq", c => c.ImageFreq, (c, v) => c with { ImageFreq = v }),
        Keys<ExperimentConfig>.Value("image_on_first_step", Flag, c => c.ImageOnFirstStep, (c, v) => c with { ImageOnFirstStep = v }),
        Keys<ExperimentConfig>.Number("print_freq", c => c.PrintFreq, (c, v) => c with { PrintFreq = v }),
        Keys<ExperimentConfig>.Number("save_freq", c => c.SaveFreq, (c, v) => c with { SaveFreq = v }),
        Keys<ExperimentConfig>.Number("keep_every", c => c.KeepEvery, (c, v) => c with { KeepEvery = v }),
        Keys<ExperimentConfig>.Value("tensorboard", Flag, c => c.TensorBoard, (c, v) => c with { TensorBoard = v }),
        Keys<ExperimentConfig>.Unused("log_ce_losses"),
        Keys<ExperimentConfig>.Unused("pretrained_model_class"),
        Keys<ExperimentConfig>.Noted("pretrained_model_path", "the target is the one that `target` says"),
        Keys<ExperimentConfig>.Unused("pretrained_model_name_hf"),
        Keys<ExperimentConfig>.Unused("pretrained_model_output_attr"),
        Keys<ExperimentConfig>.Unused("tokenizer_name"),
        Keys<ExperimentConfig>.Optional(PublishedNumbers.Key, PublishedNumbers.Kind, c => c.Published, (c, v) => c with { Published = v }),
        Task,
        Target,
    ],
    experiment => experiment.Decomposition switch
    {
        { LrSchedule: ScheduleShape.Exponential, LrExponentialHalflife: null } =>
            new ConfigFault("lr_schedule", "lr_schedule is exponential, which needs lr_exponential_halflife, the steps in which the learning rate halves"),
        { LossTerms: { } terms } when terms.CountBy(term => term.Name).FirstOrDefault(name => name.Value > 1) is { Key: { } twice } => new ConfigFault(
            LossList, $"{LossList} has two entries that are called '{twice}': put them into one, or leave one out"),
        { LossTerms: null } and var options when Coefficients.All(term => term.Get(options) is null) => new ConfigFault(
            Minimality,
            "every coefficient is null, so there is nothing to minimise: "
            + "set faithfulness_coeff, stochastic_recon_coeff and importance_minimality_coeff at least"),
        { EmbeddingReconCoeff: not null } when experiment.Target is not LanguageModelConfig => new ConfigFault(
            "embedding_recon_coeff", "embedding_recon_coeff is set, but an embedding's reconstruction is not available for this kind of network: set it to null, or leave it out"),
        { IsEmbedUnembedRecon: true, EmbeddingReconCoeff: null } => new ConfigFault(
            "is_embed_unembed_recon", "is_embed_unembed_recon is true, but says how an embedding's reconstruction is measured: set embedding_recon_coeff too, or leave it out"),
        _ => experiment.Target.Kind.Fault(experiment.Target, experiment.Task),
    });

    private static ConfigKey<ExperimentConfig> Task => ByTarget(kind =>
        Keys<ExperimentConfig>.Nested("task_config", kind.TaskKeys, c => c.Task, (c, v) => c with { Task = v }, required: true));

    private static ConfigKey<ExperimentConfig> Target => ByTarget(kind => kind.TargetKey.Within<ExperimentConfig>(c => c.Target, (c, v) => c with { Target = v }));

    /// <summary>A key whose value has other keys for each kind of target; the record starts with the kind that the task has.</summary>
    private static ConfigKey<ExperimentConfig> ByTarget(Func<TargetKind, ConfigKey<ExperimentConfig>> keyOf)
    {
        var keys = TargetKind.All.ToDictionary(kind => kind, keyOf);
        var first = keys[TargetKind.All[0]];
        return new ConfigKey<ExperimentConfig>(
            first.Name,
            (config, node, notes) => keys[config.Target.Kind].Bind(config, node, notes),
            config => keys[config.Target.Kind].Write!(config))
        {
            Required = first.Required,
            PathsBelow = [.. keys.Values.SelectMany(key => key.PathsBelow).Distinct()],
        };
    }

    /// <summary>The name of an experiment, which also names a folder.</summary>
    internal static ValueKind<string> Name => new(
        (node, key) => AnyText.Read(node, key) is var text && FolderName().IsMatch(text)
            ? text
            : throw node.Mistyped(key, "a short name of letters, digits, spaces and . _ + - that does not begin with a dot"),
        AnyText.Write);

    [GeneratedRegex(@"^[\p{L}\p{N}_+-][\p{L}\p{N}_+. -]{0,99}(?<![. ])\z")]
    private static partial Regex FolderName();
}
