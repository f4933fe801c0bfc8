namespace Spd.Runs.Paper;

/// <summary>A number with its standard deviation, as printed.</summary>
/// <param name="Mmcs">Mean max cosine similarity.</param>
/// <param name="Ml2r">Mean L2 ratio.</param>
internal sealed record PublishedMatch(string Mmcs, string Ml2r);

/// <summary>What the paper (arXiv 2506.20790) reports: its table 1 and the settings of its appendix; METHOD sections 7, 8 and 10.</summary>
internal static class PublishedResults
{
    private static readonly PublishedMatch Fails = new("fails", "fails");

    /// <summary>The models of table 1, with the experiments of either method.</summary>
    public static IReadOnlyList<(string Model, string Spd, PublishedMatch SpdResult, string? Apd, PublishedMatch ApdResult)> Table1 { get; } =
    [
        ("TMS 5-2", "tms_5-2", new("1.000 ± 0.000", "0.993 ± 0.002"), "apd_tms_5-2", new("0.998 ± 0.000", "0.893 ± 0.004")),
        ("TMS 40-10", "tms_40-10", new("1.000 ± 0.000", "1.010 ± 0.007"), "apd_tms_40-10", new("0.996 ± 0.003", "0.935 ± 0.001")),
        ("TMS 5-2+ID", "tms_5-2-id", new("1.000 ± 0.000", "0.992 ± 0.010"), null, Fails),
        ("TMS 40-10+ID", "tms_40-10-id", new("1.000 ± 0.000", "1.031 ± 0.001"), null, Fails),
    ];

    /// <summary>The residual MLPs: features that should have one subcomponent each, and subcomponents of <c>mlp_out</c> (METHOD section 8).</summary>
    public static IReadOnlyList<(string Model, string Experiment, int Features, int Neurons)> ResidualMlps { get; } =
    [
        ("1 layer", "resid_mlp1", 100, 50),
        ("2 layers", "resid_mlp2", 100, 50),
        ("3 layers", "resid_mlp3", 102, 51),
    ];

    /// <summary>The paper's values of the keys that matter, by experiment.</summary>
    public static IReadOnlyDictionary<string, (string Key, string Value)[]> Settings { get; } = new Dictionary<string, (string, string)[]>
    {
        ["tms_5-2"] = Spd(20, 16, "0.003", 1, "0.001", "cosine", 40_000, 4096),
        ["tms_5-2-id"] = Spd(20, 16, "0.003", 1, "0.001", "cosine", 40_000, 4096),
        ["tms_40-10"] = Spd(200, 16, "0.0001", 2, "0.001", "cosine", 40_000, 4096),
        ["tms_40-10-id"] = Spd(200, 16, "0.0001", 2, "0.001", "cosine", 40_000, 4096),
        ["resid_mlp1"] = Spd(100, 16, "0.00001", 2, "0.002", "constant", 30_000, 2048),
        ["resid_mlp2"] = Spd(400, 16, "0.00001", 2, "0.001", "constant", 50_000, 2048),
        ["resid_mlp3"] = Spd(500, 128, "0.000005", 2, "0.001", "constant", 200_000, 2048),
        ["apd_tms_5-2"] = [("C", "5"), ("lr", "0.03"), ("batch_size", "2048"), ("steps", "20000")],
        ["apd_tms_40-10"] = [("C", "40"), ("lr", "0.001"), ("batch_size", "2048"), ("steps", "20000")],
    };

    private static (string Key, string Value)[] Spd(int c, int gate, string minimality, int pnorm, string lr, string schedule, int steps, int batch) =>
    [
        ("C", $"{c}"), ("n_ci_mlp_neurons", $"{gate}"), ("importance_minimality_coeff", minimality), ("pnorm", $"{pnorm}"), ("lr", lr),
        ("lr_schedule", schedule), ("steps", $"{steps}"), ("batch_size", $"{batch}"), ("faithfulness_coeff", "1"), ("stochastic_recon_coeff", "1"),
        ("stochastic_recon_layerwise_coeff", "1"), ("n_mask_samples", "1"),
    ];
}
