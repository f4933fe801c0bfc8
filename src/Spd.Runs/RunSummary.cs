using System.Text.Json;
using System.Text.Json.Nodes;
using Spd.Decomposition;
using Spd.Networks.Targets;
using Spd.Runs.Targets;

namespace Spd.Runs;

/// <summary>How a run ended.</summary>
public enum RunStatus
{
    /// <summary>All steps were taken.</summary>
    Finished,

    /// <summary>The user stopped it.</summary>
    Interrupted,

    /// <summary>Training failed.</summary>
    Failed,

    /// <summary>It was trained by another program.</summary>
    Imported,
}

/// <summary>The results of a run in short: what <c>summary.json</c> holds.</summary>
public sealed record RunSummary
{
    /// <summary>The experiment's name.</summary>
    public required string Experiment { get; init; }

    /// <summary>The seed.</summary>
    public required ulong Seed { get; init; }

    /// <summary>Steps taken.</summary>
    public required int Steps { get; init; }

    /// <summary>Rows of a batch.</summary>
    public required int BatchSize { get; init; }

    /// <summary>Threads.</summary>
    public required int Threads { get; init; }

    /// <summary>How it ended.</summary>
    public required RunStatus Status { get; init; }

    /// <summary>Why it failed, where it did.</summary>
    public string? Error { get; init; }

    /// <summary>The kernel set.</summary>
    public required string Kernels { get; init; }

    /// <summary>The commit of the program.</summary>
    public string Commit { get; init; } = ProgramVersion.Commit;

    /// <summary>Seconds of the run: target, training, measuring; without figures.</summary>
    public required double WallSeconds { get; init; }

    /// <summary>Seconds of these spent on writing checkpoints, since the run was begun or last went on.</summary>
    public required double CheckpointSeconds { get; init; }

    /// <summary>Milliseconds of a step.</summary>
    public required (double Median, double P10, double P90) MsPerStep { get; init; }

    /// <summary>The target that was decomposed.</summary>
    public required TrainedTarget Target { get; init; }

    /// <summary>
    /// The SHA-256 of the content of each file that the results rest on: the model and the target by their place in the run's folder, data by the key that names
    /// their file.
    /// </summary>
    public IReadOnlyDictionary<string, string> Hashes { get; init; } = new Dictionary<string, string>();

    /// <summary>The number of the first batch that was measured on at the end; from there the same numbers can be measured again.</summary>
    public long EvaluatedFrom { get; init; }

    /// <summary>What was measured at the end; null when nothing could be.</summary>
    public Evaluation? Evaluation { get; init; }

    /// <summary>Each loss term before its coefficient, and <c>total</c>: the final evaluation's, or else the last log line's.</summary>
    public IReadOnlyDictionary<string, double> Losses { get; init; } = new Dictionary<string, double>();

    /// <summary>The match of <c>linear1</c>'s columns with its significant subcomponents, where it is decomposed.</summary>
    public ColumnMatch? Match { get; init; }

    /// <summary>The match of <c>linear1</c>'s columns with all of its subcomponents, dead ones too, where it is decomposed.</summary>
    public ColumnMatch? MatchOfAll { get; init; }

    /// <summary>Significant subcomponents by site.</summary>
    public IReadOnlyDictionary<string, int> Significant { get; init; } = new Dictionary<string, int>();

    /// <summary>The known answers of a residual MLP, where one was decomposed and measured.</summary>
    public ResidualEvidence? Residual { get; init; }

    /// <summary>How well a classifier still classifies, where one was decomposed and measured.</summary>
    public ClassificationEvidence? Classification { get; init; }

    /// <summary>D, which names the reconstruction metrics.</summary>
    public OutputLoss OutputLoss { get; init; }

    /// <summary>
    /// The reconstruction metrics by name: <c>unmasked_mse</c> and so on (<c>_kl</c> where outputs are compared by divergence), those that were measured.
    /// </summary>
    public IReadOnlyList<(string Name, double Value)> Reconstructions
    {
        get
        {
            string suffix = OutputLoss == OutputLoss.Mse ? "mse" : "kl";
            return Evaluation is not { } evaluation
                ? []
                : new (string Name, double Value)[]
                {
                    ($"unmasked_{suffix}", evaluation.UnmaskedRecon), ($"stochastic_{suffix}", evaluation.StochasticRecon),
                    ($"ci_masked_{suffix}", evaluation.ImportanceMaskedRecon), ($"rounded_masked_{suffix}", evaluation.RoundedMaskedRecon),
                    ($"adversarial_{suffix}", evaluation.AdversarialRecon),
                }.Where(metric => !double.IsNaN(metric.Value)).ToList();
        }
    }

    /// <summary>The summary with what a decomposition has become.</summary>
    /// <param name="decomposition">The decomposition.</param>
    /// <param name="evaluation">What was measured; null when nothing could be.</param>
    public RunSummary With(IDecomposition decomposition, Evaluation? evaluation)
    {
        var sites = decomposition.Matrices;
        var linear1 = Target.Network is Tms tms ? sites.FirstOrDefault(site => site.Linear == tms.Linear1) : null;
        return this with
        {
            Evaluation = evaluation,
            Losses = evaluation?.Losses ?? Losses,
            Match = linear1 is null ? null : ColumnMatch.Of(linear1),
            MatchOfAll = linear1 is null ? null : ColumnMatch.Of(linear1, [.. Enumerable.Range(0, linear1.C)]),
            Significant = sites.ToDictionary(site => site.Name, site => Significance.Of(site).Count),
            Residual = evaluation is null ? null : decomposition.Residual(evaluation),
            Classification = evaluation is null ? null : decomposition.Classification(),
            OutputLoss = decomposition.OutputLoss,
        };
    }

    /// <summary>The text of <c>summary.json</c>. A number that is not finite is null.</summary>
    public string ToJson()
    {
        var metrics = new JsonObject();
        if (Match is not null)
        {
            metrics["mmcs"] = Number(Match.Mmcs);
            metrics["ml2r"] = Number(Match.Ml2r);
            metrics["one_to_one"] = Match.IsOneToOne;
        }

        if (MatchOfAll is not null)
        {
            metrics["mmcs_all_subcomponents"] = Number(MatchOfAll.Mmcs);
            metrics["ml2r_all_subcomponents"] = Number(MatchOfAll.Ml2r);
        }

        if (Residual is { } residual)
        {
            metrics["features"] = residual.Features.Features;
            metrics["features_with_one_subcomponent"] = residual.Features.WithOwnSubcomponent;
            metrics["features_with_one_subcomponent_in_every_layer"] = residual.FeaturesInEveryLayer;
            metrics["features_sharing_subcomponent"] = residual.Features.WithSharedSubcomponent;
            metrics["mlp_in_alive"] = residual.MlpInAlive;
            metrics["mlp_out_alive"] = residual.MlpOutAlive;
            if (residual.Neurons is { } neurons)
            {
                metrics["neuron_contribution_correlation"] = Number(neurons.Correlation);
                metrics["neuron_contribution_slope"] = Number(neurons.Slope);
            }
        }

        if (Classification is { } classification)
        {
            metrics["accuracy_rows"] = classification.Rows;
            metrics["accuracy_target"] = Number(classification.Target);
            metrics["accuracy_unmasked"] = Number(classification.Unmasked);
            metrics["accuracy_stochastic"] = Number(classification.Stochastic);
            metrics["accuracy_ci_masked"] = Number(classification.ImportanceMasked);
            metrics["accuracy_rounded_masked"] = Number(classification.RoundedMasked);
        }

        metrics["significant_subcomponents"] = Object(Significant.Select(entry => (entry.Key, (JsonNode?)entry.Value)));
        foreach (var (name, value) in Reconstructions) metrics[name] = Number(value);
        var summary = new JsonObject
        {
            ["experiment"] = Experiment,
            ["seed"] = Seed,
            ["steps"] = Steps,
            ["batch_size"] = BatchSize,
            ["threads"] = Threads,
            ["kernels"] = Kernels,
            ["commit"] = Commit,
            ["status"] = JsonNamingPolicy.SnakeCaseLower.ConvertName(Status.ToString()),
            ["wall_seconds"] = Number(Math.Round(WallSeconds, 3)),
            ["checkpoint_seconds"] = Number(Math.Round(CheckpointSeconds, 4)),
            ["ms_per_step"] = new JsonObject { ["median"] = Number(MsPerStep.Median), ["p10"] = Number(MsPerStep.P10), ["p90"] = Number(MsPerStep.P90) },
            ["target"] = Target.Config is TrainedTargetConfig { Load: null } trained
                ? new JsonObject { ["seed"] = trained.Seed, ["seeds_tried"] = Target.SeedsTried, ["from_cache"] = Target.FromCache }
                : new JsonObject { ["loaded_from"] = Target.Config.Load },
            ["sha256"] = Object(Hashes.Select(entry => (entry.Key, (JsonNode?)entry.Value))),
            ["evaluated_from"] = EvaluatedFrom,
            ["losses"] = Object(Losses.Select(entry => (entry.Key, (JsonNode?)Number(entry.Value)))),
            ["sites"] = Object((Evaluation?.Sites ?? []).Select(site => (
                site.Name, (JsonNode?)new JsonObject { ["C"] = site.C, ["l0"] = Number(site.L0), ["alive"] = site.Alive }))),
            ["metrics"] = metrics,
        };
        if (Error is not null) summary["error"] = Error;
        return summary.ToJsonString(new JsonSerializerOptions { WriteIndented = true }) + "\n";
    }

    private static JsonValue? Number(double value) => double.IsFinite(value) ? JsonValue.Create(value) : null;

    private static JsonObject Object(IEnumerable<(string Key, JsonNode? Value)> entries) =>
        new(entries.Select(entry => new KeyValuePair<string, JsonNode?>(entry.Key, entry.Value)));
}
