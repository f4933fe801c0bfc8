namespace Spd.Paper;

/// <summary>The settings of the experiments in the paper (arXiv 2506.20790): its appendix; METHOD sections 7, 8 and 10.</summary>
internal static class PublishedSettings
{
    /// <summary>The paper's values of the keys that matter, by experiment.</summary>
    public static IReadOnlyDictionary<string, (string Key, string Value)[]> ByExperiment { get; } = new Dictionary<string, (string, string)[]>
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
