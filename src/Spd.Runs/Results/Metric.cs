using System.Globalization;

namespace Spd.Runs.Results;

/// <summary>How numbers are written, in every table alike.</summary>
public enum NumberFormat
{
    /// <summary>A whole number.</summary>
    Count,

    /// <summary>A mean of counts.</summary>
    Mean,

    /// <summary>A number about 1.</summary>
    Ratio,

    /// <summary>An error or a loss, of any size.</summary>
    Error,

    /// <summary>A share, in percent.</summary>
    Share,

    /// <summary>Milliseconds.</summary>
    Milliseconds,

    /// <summary>Seconds.</summary>
    Seconds,

    /// <summary>Yes or no.</summary>
    YesNo,
}

/// <summary>Something that is measured: what tables call it, what it says, and how its values are written.</summary>
/// <param name="Key">Its key in <c>summary.json</c>.</param>
/// <param name="Label">Its name in tables.</param>
/// <param name="Meaning">What it says, in a few words, with the thresholds that it depends on.</param>
/// <param name="Format">How its values are written.</param>
public sealed record Metric(string Key, string Label, string Meaning, NumberFormat Format)
{
    /// <summary>Features with one subcomponent, a key metric of residual MLPs, and what older summaries have instead.</summary>
    public const string FeaturesInEveryLayer = "features_with_one_subcomponent_in_every_layer", Features = "features_with_one_subcomponent";

    /// <summary>What is measured of networks whose inputs are sequences of tokens.</summary>
    public const string OfText = "ce_target", OfInduction = "induction_target";

    /// <summary>What a list of runs shows.</summary>
    public const string Mmcs = "mmcs", Ml2r = "ml2r", OneToOne = "one_to_one", NeuronSlope = "neuron_contribution_slope";

    private const string NeededMasks = "masks equal to the causal importances; trained on by recon_coeff alone",
        RoundedMasks = "only subcomponents of importance above ½; not trained on",
        RandomMasks = "unneeded subcomponents masked at random", WorstMasks = "worst masks that 20 steps of ascent find",
        WithoutMatrix = "CI-masked, without its subcomponents that sequences need";

    private static readonly string[] KnownAnswers = [Mmcs, "features"];

    /// <summary>The metrics in the order of tables: known answers, evidence, errors.</summary>
    public static IReadOnlyList<Metric> All { get; } =
    [
        new(Mmcs, "MMCS, linear1", "direction of the best significant subcomponent per column; 1 is exact", NumberFormat.Ratio) { Short = "MMCS" },
        new(Ml2r, "ML2R, linear1", "its length over the column's; 1 is exact", NumberFormat.Ratio) { Short = "ML2R" },
        new(OneToOne, "one subcomponent per column", "no subcomponent serves two columns", NumberFormat.YesNo),
        new("mmcs_all_subcomponents", "MMCS, all subcomponents", "the same with dead subcomponents too", NumberFormat.Ratio) { IsDetail = true },
        new("ml2r_all_subcomponents", "ML2R, all subcomponents", "the same with dead subcomponents too", NumberFormat.Ratio) { IsDetail = true },
        new("features", "features", "inputs of the network", NumberFormat.Count) { IsDetail = true },
        new(FeaturesInEveryLayer, "features with one subcomponent, mlp_in",
            "in every layer exactly one of importance 0.9 or more, no other above 0.1, and no other feature's", NumberFormat.Count) { Whole = "features" },
        new(Features, "features with one in all layers together", "those that a single layer computes", NumberFormat.Count)
        {
            Short = "features",
            Whole = "features",
            SameAs = FeaturesInEveryLayer,
        },
        new("features_sharing_subcomponent", "features sharing a subcomponent, mlp_in", "one subcomponent serves several features", NumberFormat.Count)
        {
            IsHiddenAtZero = true,
        },
        new("mlp_in_alive", "subcomponents ever in use, mlp_in", "all layers together; importance above 0.1 on any input", NumberFormat.Count),
        new("mlp_out_alive", "subcomponents ever in use, mlp_out", "all layers together; importance above 0.1 on any input; as many as neurons is right", NumberFormat.Count),
        new("neuron_contribution_correlation", "neuron contributions, correlation",
            "subcomponents' against the target's, over layers, features and neurons; 1 is exact", NumberFormat.Ratio),
        new(NeuronSlope, "neuron contributions, slope", "least squares through the origin; 1 is exact", NumberFormat.Ratio) { Short = "slope" },
        new("fourier_alive", "subcomponents ever in use", "all sites together; importance above 0.1 on any pair", NumberFormat.Count) { IsDetail = true },
        new("fourier_subcomponents", "subcomponents that are a Fourier frequency",
            "at least 0.9 of the power of what it reads, and of what it writes where that can be said, is of one frequency, the same", NumberFormat.Count) { Whole = "fourier_alive" },
        new("fourier_frequencies", "frequencies among them", "different ones", NumberFormat.Count),
        new("fourier_network_frequencies", "frequencies of the network itself", "those of at least 1 % of its neurons", NumberFormat.Count),
        new("fourier_read", "reads one frequency", "subcomponents in use with a share of at least 0.9", NumberFormat.Count),
        new("fourier_write", "writes one frequency", "subcomponents in use with a share of at least 0.9", NumberFormat.Count),
        new("fourier_read_share", "largest share of a frequency, read", "mean over subcomponents in use", NumberFormat.Ratio),
        new("fourier_write_share", "largest share of a frequency, written", "mean over subcomponents in use", NumberFormat.Ratio),
        new("fourier_read_key_share", "share of the network's frequencies, read", "mean over subcomponents in use", NumberFormat.Ratio),
        new("fourier_write_key_share", "share of the network's frequencies, written", "mean over subcomponents in use; before the neurons 1 by itself", NumberFormat.Ratio),
        new("previous_token_target", "attention to the token before, the network itself", "in the first layer, from the answer to the S before it", NumberFormat.Ratio),
        new("previous_token_stochastic", "attention to the token before, stochastic masks", RandomMasks, NumberFormat.Ratio),
        new("previous_token_ci_masked", "attention to the token before, CI-masked", NeededMasks, NumberFormat.Ratio),
        new(OfInduction, "attention to the answer, the network itself", "in the last layer, from the last position to what followed the first S", NumberFormat.Ratio),
        new("induction_stochastic", "attention to the answer, stochastic masks", RandomMasks, NumberFormat.Ratio),
        new("induction_ci_masked", "attention to the answer, CI-masked", NeededMasks, NumberFormat.Ratio),
        new("induction_needed", "subcomponents that sequences need", "causal importances add up to more than 0.02 over a sequence, as a mean", NumberFormat.Count),
        new("previous_token_carriers", "carry attention to the token before", "subcomponents without which, alone, less than half of it is left", NumberFormat.Count),
        new("induction_carriers", "carry attention to the answer", "subcomponents without which, alone, less than half of it is left", NumberFormat.Count),
        new("previous_token_without", "attention to the token before, without a matrix", WithoutMatrix, NumberFormat.Ratio) { IsDetail = true },
        new("induction_without", "attention to the answer, without a matrix", WithoutMatrix, NumberFormat.Ratio) { IsDetail = true },
        new("accuracy_without", "accuracy, without a matrix", WithoutMatrix, NumberFormat.Share) { IsDetail = true },
        new("accuracy_rows", "inputs classified", "those that the decomposition is measured on", NumberFormat.Count),
        new("accuracy_target", "accuracy, the network itself", "the share of them that it classifies correctly", NumberFormat.Share),
        new("accuracy_unmasked", "accuracy, all subcomponents", "do they sum to the model?", NumberFormat.Share),
        new("accuracy_stochastic", "accuracy, stochastic masks", RandomMasks, NumberFormat.Share),
        new("accuracy_ci_masked", "accuracy, CI-masked", NeededMasks, NumberFormat.Share) { Short = "CI-masked accuracy" },
        new("accuracy_rounded_masked", "accuracy, rounded masks", RoundedMasks, NumberFormat.Share),
        new("task_mse_rows", "inputs measured", "those that the decomposition is measured on", NumberFormat.Count),
        new("task_mse_target", "MSE against the targets, the network itself", "its own error on them", NumberFormat.Error),
        new("task_mse_unmasked", "MSE against the targets, all subcomponents", "do they sum to the model?", NumberFormat.Error),
        new("task_mse_stochastic", "MSE against the targets, stochastic masks", RandomMasks, NumberFormat.Error),
        new("task_mse_ci_masked", "MSE against the targets, CI-masked", NeededMasks, NumberFormat.Error),
        new("task_mse_rounded_masked", "MSE against the targets, rounded masks", RoundedMasks, NumberFormat.Error),
        new(OfText, "cross-entropy, the network itself", "nats a token, on text that training did not see", NumberFormat.Ratio),
        new("ce_unmasked", "cross-entropy, all subcomponents", "do they sum to the model?", NumberFormat.Ratio),
        new("ce_stochastic", "cross-entropy, stochastic masks", RandomMasks, NumberFormat.Ratio),
        new("ce_ci_masked", "cross-entropy, CI-masked", NeededMasks, NumberFormat.Ratio),
        new("ce_rounded_masked", "cross-entropy, rounded masks", RoundedMasks, NumberFormat.Ratio),
        new("ce_adversarial", "cross-entropy, adversarial masks", WorstMasks, NumberFormat.Ratio),
        new("ce_all_masked", "cross-entropy, everything masked", "the sites give nothing, but for biases where there are any", NumberFormat.Ratio),
        new("ce_recovered", "cross-entropy recovered", "of what masking everything loses, what CI-masks keep", NumberFormat.Share),
        // Norms say which subcomponents there are where each is one known mechanism; elsewhere they may be split at will.
        new("significant_subcomponents", "significant subcomponents", "norm above 5 % of the site's largest", NumberFormat.Count) { Needs = KnownAnswers },
        .. Errors("mse"), .. Errors("kl"),
    ];

    /// <summary>What a list of runs calls it; null where it is not shown there.</summary>
    public string? Short { get; init; }

    /// <summary>The key of the number that it is a part of: 5 of 20.</summary>
    public string? Whole { get; init; }

    /// <summary>Another metric; where both have the same value, that one says all.</summary>
    public string? SameAs { get; init; }

    /// <summary>Metrics of which one must have been measured for this one to say anything.</summary>
    public IReadOnlyList<string> Needs { get; init; } = [];

    /// <summary>Whether it is shown only where runs are compared.</summary>
    public bool IsDetail { get; init; }

    /// <summary>Whether it is worth a row only above 0.</summary>
    public bool IsHiddenAtZero { get; init; }

    /// <summary>The metric of a key; one that is not known, as of another version, is called as its key.</summary>
    public static Metric Of(string key) => All.FirstOrDefault(metric => metric.Key == key)
        ?? new Metric(key, key.Replace('_', ' '), "", NumberFormat.Error) { IsDetail = true };

    /// <summary>A number as all tables write it; one that is not finite as a dash, one that is too large for its column with an exponent.</summary>
    /// <param name="value">The number.</param>
    /// <param name="format">The format.</param>
    public static string Write(double value, NumberFormat format)
    {
        const double Widest = 1e9;
        if (!double.IsFinite(value)) return "–";
        if (Math.Abs(value) >= Widest) return value.ToString("0.00e+0", CultureInfo.InvariantCulture);
        return format == NumberFormat.YesNo ? value == 0 ? "no" : "yes" : value.ToString(
            format switch
            {
                NumberFormat.Count => "F0",
                NumberFormat.Mean => "F3",
                NumberFormat.Ratio => "F4",
                NumberFormat.Share => "P2",
                NumberFormat.Milliseconds => "F2",
                NumberFormat.Seconds => "F1",
                _ => "0.00e+0",
            },
            CultureInfo.InvariantCulture);
    }

    private static Metric[] Errors(string loss)
    {
        string name = $"error ({loss.ToUpperInvariant()})";
        return
        [
            new($"unmasked_{loss}", $"unmasked {name}", "output with all subcomponents: do they sum to the model?", NumberFormat.Error),
            new($"stochastic_{loss}", $"stochastic {name}", RandomMasks, NumberFormat.Error),
            new($"ci_masked_{loss}", $"CI-masked {name}", NeededMasks, NumberFormat.Error),
            new($"rounded_masked_{loss}", $"rounded masked {name}", RoundedMasks, NumberFormat.Error),
            new($"adversarial_{loss}", $"adversarial {name}", WorstMasks, NumberFormat.Error) { Short = "adversarial" },
        ];
    }
}
