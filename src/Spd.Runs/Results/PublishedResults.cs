namespace Spd.Runs.Results;

/// <summary>What the paper (arXiv 2506.20790) reports for an experiment: its table 1, its text, and the residual MLPs of its section 3.4.</summary>
public static class PublishedResults
{
    private const string Significant = "significant_subcomponents";

    private static readonly Dictionary<string, Dictionary<string, string>> Values = new()
    {
        ["tms_5-2"] = Tms("0.993 ± 0.002", ("linear1", 5)),
        ["tms_5-2-id"] = Tms("0.992 ± 0.010", ("linear1", 5), ("hidden_layers.0", 2)),
        ["tms_40-10"] = Tms("1.010 ± 0.007", ("linear1", 40)),
        ["tms_40-10-id"] = Tms("1.031 ± 0.001", ("linear1", 40), ("hidden_layers.0", 10)),
        ["apd_tms_5-2"] = new() { [Metric.Mmcs] = "0.998 ± 0.000", [Metric.Ml2r] = "0.893 ± 0.004" },
        ["apd_tms_40-10"] = new() { [Metric.Mmcs] = "0.996 ± 0.003", [Metric.Ml2r] = "0.935 ± 0.001" },
        ["resid_mlp1"] = new() { [Metric.FeaturesInEveryLayer] = "100 of 100", ["mlp_in_alive"] = "100", ["mlp_out_alive"] = "50" },
        ["resid_mlp2"] = new() { [Metric.FeaturesInEveryLayer] = "100 of 100", ["mlp_out_alive"] = "50" },
        ["resid_mlp3"] = new() { [Metric.FeaturesInEveryLayer] = "102 of 102", ["mlp_out_alive"] = "51" },
    };

    /// <summary>What the paper reports, as printed; empty where it reports nothing.</summary>
    /// <param name="experiment">The experiment's name.</param>
    /// <param name="metric">The metric's key, with the site behind it where there is a number for each: <c>significant_subcomponents.linear1</c>.</param>
    public static string Of(string experiment, string metric) => Values.GetValueOrDefault(experiment)?.GetValueOrDefault(metric) ?? "";

    private static Dictionary<string, string> Tms(string ml2r, params (string Site, int Count)[] significant) => new(
        significant.Select(entry => KeyValuePair.Create($"{Significant}.{entry.Site}", $"{entry.Count}")))
    {
        [Metric.Mmcs] = "1.000 ± 0.000",
        [Metric.Ml2r] = ml2r,
    };
}
