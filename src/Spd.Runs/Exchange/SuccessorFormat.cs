using System.Globalization;
using Spd.Decomposition;
using Spd.Engine.Optimisation;
using Spd.Formats;
using Spd.Runs.Configuration;
using Spd.Runs.Targets;
using YamlDotNet.RepresentationModel;

namespace Spd.Runs.Exchange;

/// <summary>
/// Runs as the library that followed the paper knows them (goodfire-ai/spd, branch dev, commit 2ab728c of February 2026): <c>target_model.…</c> is the target,
/// <c>_components.&lt;site&gt;.V [d_in, C]</c>, <c>.U [C, d_out]</c> and <c>.bias [d_out]</c> (the target's own) the subcomponents, and
/// <c>ci_fn._ci_fns.&lt;site&gt;.layers.N.W [C, inputs, outputs]</c> and <c>.b [C, outputs]</c> the causal importance functions, of type <c>mlp</c>: a network of its own
/// for each subcomponent, of its inner activation alone. Dots of a site's name are written as <c>-</c>.
/// </summary>
internal sealed class SuccessorFormat : ExportFormat
{
    /// <summary>The one of its kind.</summary>
    public static readonly SuccessorFormat Instance = new();

    // That library counts a GELU between two maps as a layer.
    private const string First = "layers.0", Last = "layers.2";

    private const string Components = "_components.", Functions = "ci_fn._ci_fns.", Minimality = "importance_minimality_coeff";

    private static readonly (string Key, string Loss)[] Losses =
    [
        ("faithfulness_coeff", "FaithfulnessLoss"), ("recon_coeff", "CIMaskedReconLoss"), ("stochastic_recon_coeff", "StochasticReconLoss"),
        ("recon_layerwise_coeff", "CIMaskedReconLayerwiseLoss"), ("stochastic_recon_layerwise_coeff", "StochasticReconLayerwiseLoss"),
        (Minimality, "ImportanceMinimalityLoss"),
    ];

    private static readonly string[] LossesOfOurs = ["schatten_coeff", "out_recon_coeff", "embedding_recon_coeff"];

    public override string Name => "spd";

    public override string Description => "for the library that followed the paper, goodfire-ai/spd of February 2026";

    private protected override string? WhyNot(ExperimentConfig experiment) => null;

    private protected override IEnumerable<TensorData> Tensors(StateDict names, IReadOnlyList<Site> sites, IReadOnlyList<TensorData> components)
    {
        foreach (var tensor in names.Tensors("target_model.")) yield return tensor;
        foreach (var site in sites)
        {
            string key = names.KeyOf(site.Name);
            var parts = PartsOf(site, components);
            yield return parts["V"] with { Name = $"{Components}{key}.V" };
            yield return parts["U"] with { Name = $"{Components}{key}.U" };
            if (site.Linear.Bias is { } bias) yield return new TensorData($"{Components}{key}.bias", [bias.Rows], bias.Values.ToArray());
            foreach (var (part, shape, values) in FunctionOf(site, parts)) yield return new TensorData($"{Functions}{key}.{part}", shape, values);
        }
    }

    /// <summary>
    /// The gates of a site as functions of two maps with a GELU between them, <c>g = b₂ + Σ_k W₂[k] gelu(W₁[k] h + b₁[k])</c>. A gate with K &gt; 0 is one as it
    /// stands. That library has no linear ones; since <c>gelu(z) − gelu(−z) = z</c>, <c>g = w h + b</c> is the one with <c>W₁ = (w, −w)</c>, <c>b₁ = (b, −b)</c>,
    /// <c>W₂ = (1, −1)</c> and <c>b₂ = 0</c>.
    /// </summary>
    private static IEnumerable<(string Part, int[] Shape, float[] Values)> FunctionOf(Site site, IReadOnlyDictionary<string, TensorData> parts)
    {
        int c = site.C, k = WidthOf(site.Gate.Width);
        bool isLinear = site.Gate.Width == 0;
        yield return ($"{First}.W", [c, 1, k], isLinear ? BothSigns(parts["gate.weight"].Values) : parts["gate.mlp_in"].Values);
        yield return ($"{First}.b", [c, k], isLinear ? BothSigns(parts["gate.bias"].Values) : parts["gate.in_bias"].Values);
        yield return ($"{Last}.W", [c, k, 1], isLinear ? BothSigns([.. Enumerable.Repeat(1f, c)]) : parts["gate.mlp_out"].Values);
        yield return ($"{Last}.b", [c, 1], isLinear ? new float[c] : parts["gate.out_bias"].Values);

        static float[] BothSigns(float[] values) => [.. values.SelectMany(value => new[] { value, -value })];
    }

    private static int WidthOf(int k) => k == 0 ? 2 : k;

    private protected override IEnumerable<(string Name, string Text)> Texts(ExperimentConfig experiment, StateDict names, IReadOnlyList<Site> sites)
    {
        yield return (ReleasedConfig.FileName, Config(experiment, names, sites));
        if (experiment.Target.Kind is { SuccessorTask: not null, TrainConfigFile: { } trainConfig }) yield return (trainConfig, experiment.Target.ToYaml());
    }

    /// <summary>A <c>final_config.yaml</c> in that library's keys; what they cannot say stands in comments before them.</summary>
    private static string Config(ExperimentConfig experiment, StateDict names, IReadOnlyList<Site> sites)
    {
        var own = ExperimentKeys.Experiment.Write(experiment).Children;
        var (target, model) = (experiment.Target, experiment.Target as LanguageModelConfig);
        var className = target.Kind.SuccessorClass(target);
        var notes = new List<string> { "What these keys do not say:", "where a gate's output g is below 0, the importance was 0.01 g in training, and is 0 in that library" };
        var map = new YamlMappingNode
        {
            { "wandb_project", Plain("null") }, { "wandb_run_name", ValueKind.AnyText.Write(experiment.Name) }, { "seed", Own("seed") }, { "autocast_bf16", Plain("false") },
            { "n_mask_samples", Own("n_mask_samples") },
            { "ci_config", new YamlMappingNode { { "mode", "layerwise" }, { "fn_type", "mlp" }, { "hidden_dims", Sequence([Number(WidthOf(experiment.Decomposition.NCiMlpNeurons))]) } } },
            { "sampling", "continuous" }, { "sigmoid_type", "leaky_hard" },
            { "module_info", Sequence(sites.Select(site => new YamlMappingNode { { "module_pattern", ValueKind.AnyText.Write(names.ModuleOf(site.Name)) }, { "C", Number(site.C) } })) },
            { "use_delta_component", Plain("false") }, { "loss_metric_configs", Sequence(Losses.Where(loss => IsSet(loss.Key)).Select(Loss)) },
            { "output_loss_type", Own("output_loss_type") }, { "lr_schedule", Schedule(experiment, Own("lr"), Own("lr_warmup_pct"), notes) }, { "steps", Own("steps") },
            { "batch_size", Own("batch_size") }, { "train_log_freq", Own("print_freq") }, { "eval_freq", Own("print_freq") }, { "slow_eval_freq", Own("print_freq") },
            { "eval_batch_size", Own("batch_size") }, { "n_eval_steps", Own("n_eval_steps") }, { "save_freq", Own("save_freq") }, { "ci_alive_threshold", Plain("0.1") },
        };
        foreach (string key in LossesOfOurs.Where(IsSet)) notes.Add($"{key}: {Own(key)}");
        if (className is null) notes.Add("pretrained_model_class: that library has none for this target; its state dict has the names below target_model");
        else map.Add("pretrained_model_class", className);
        map.Add("pretrained_model_path", Plain("null"));
        map.Add("pretrained_model_name", ReleasedConfig.TextOrNull(model?.PyTorchName));
        map.Add("pretrained_model_output_attr", ReleasedConfig.TextOrNull(
            model is null ? null : className?.StartsWith(LanguageModelConfig.HuggingFace, StringComparison.Ordinal) == true ? "logits" : "idx_0"));
        map.Add("tokenizer_name", ReleasedConfig.TextOrNull(model?.PyTorchTokenizer));
        if (model is not null) notes.Add($"the text is {Quoted.Path(model.Data.Text)}");
        if (target.Kind.SuccessorTask is { } task)
        {
            var taskConfig = (YamlMappingNode)Own("task_config");
            taskConfig.Children[new YamlScalarNode("task_name")] = Plain(task);
            map.Add("task_config", taskConfig);
        }
        else
        {
            notes.Add("task_config: that library has no such inputs");
        }

        return string.Concat(notes.Select((note, i) => $"# {(i == 0 ? "" : "- ")}{note}\n")) + ConfigWriter.Write(map);

        YamlNode Own(string key) => own[new YamlScalarNode(key)];
        bool IsSet(string key) => Own(key) is YamlScalarNode { Value: not "null" };
        YamlMappingNode Loss((string Key, string Loss) loss)
        {
            var node = new YamlMappingNode { { "classname", loss.Loss }, { "coeff", Own(loss.Key) } };
            if (loss.Key == Minimality)
            {
                node.Add("pnorm", Own("pnorm"));
                node.Add("beta", Plain("0.0"));
            }

            return node;
        }
    }

    private static YamlMappingNode Schedule(ExperimentConfig experiment, YamlNode rate, YamlNode warmup, List<string> notes)
    {
        string shape = experiment.Decomposition.LrSchedule switch
        {
            ScheduleShape.Constant => "constant",
            ScheduleShape.Linear => "linear",
            ScheduleShape.HalfCosine => "cosine",
            var other => Noted(other),
        };
        return new YamlMappingNode { { "start_val", rate }, { "warmup_pct", warmup }, { "final_val_frac", Plain(shape == "constant" ? "1.0" : "0.0") }, { "fn_type", shape } };

        string Noted(ScheduleShape other)
        {
            notes.Add(other == ScheduleShape.Cosine
                ? "the learning rate fell as a quarter of a cosine, and that library's cosine is half of one"
                : string.Create(CultureInfo.InvariantCulture, $"the learning rate halved every {experiment.Decomposition.LrExponentialHalflife} steps"));
            return other == ScheduleShape.Cosine ? "cosine" : "constant";
        }
    }

    private static YamlScalarNode Plain(string text) => ValueKind.Plain(text);

    private static YamlScalarNode Number(int value) => Plain(value.ToString(CultureInfo.InvariantCulture));

    private static YamlSequenceNode Sequence(IEnumerable<YamlNode> nodes) => new(nodes);
}
