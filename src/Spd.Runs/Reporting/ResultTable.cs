using Spd.Runs.Targets;

namespace Spd.Runs.Reporting;

/// <summary>A row of the result table.</summary>
/// <param name="Quantity">What was measured.</param>
/// <param name="Value">The result.</param>
/// <param name="Paper">The paper's, or empty.</param>
/// <param name="Meaning">What it says, in a few words.</param>
public sealed record ResultRow(string Quantity, string Value, string Paper, string Meaning);

/// <summary>The results of a run next to the paper's: the known answer first, then the evidence, then what it cost.</summary>
public static class ResultTable
{
    /// <summary>The rows.</summary>
    public static IReadOnlyList<ResultRow> Rows(RunSummary summary)
    {
        var paper = PaperResults.Of(summary.Experiment);
        var rows = new List<ResultRow>();
        if (summary.Match is { } match)
        {
            rows.Add(new ResultRow(
                "MMCS, linear1", $"{match.Mmcs:F4}", paper?.Mmcs ?? "",
                "direction of the best significant subcomponent per column; 1 is exact"));
            rows.Add(new ResultRow("ML2R, linear1", $"{match.Ml2r:F4}", paper?.Ml2r ?? "", "its length over the column's; 1 is exact"));
            rows.Add(new ResultRow("one subcomponent per column", match.IsOneToOne ? "yes" : "no", "", "no subcomponent serves two columns"));
        }

        if (summary.Residual is { } residual) AddResidual(rows, residual, paper);
        if (summary.Classification is { } classes) AddClassification(rows, classes);
        foreach (var (site, count) in summary.Significant)
        {
            string expected = paper is not null && paper.Significant.TryGetValue(site, out int value) ? $"{value}" : "";
            rows.Add(new ResultRow($"significant subcomponents, {site}", $"{count}", expected, "norm above 5 % of the site's largest"));
        }

        if (summary.Evaluation is { } evaluation)
        {
            foreach (var site in evaluation.Sites)
            {
                rows.Add(new ResultRow(
                    $"L0 / alive, {site.Name}", $"{site.L0:F3} / {site.Alive} of {site.C}", "",
                    "mean number in use per input / ever in use"));
            }

            foreach (var (name, loss) in summary.Losses) rows.Add(new ResultRow(name.Replace('_', ' ') + " loss", Scientific(loss), "", ""));
        }

        foreach (var (name, value) in summary.Reconstructions) rows.Add(new ResultRow(Spoken(name), Scientific(value), "", MeaningOf(name)));
        // A run that was imported took its steps elsewhere.
        if (double.IsNaN(summary.MsPerStep.Median)) return rows;
        rows.Add(new ResultRow(
            "ms per step", $"{summary.MsPerStep.Median:F2}", "",
            $"median; from {summary.MsPerStep.P10:F2} (10 %) to {summary.MsPerStep.P90:F2} (90 %), "
            + $"{summary.Threads} threads, {summary.Kernels} kernels"));
        return rows;
    }

    private static void AddResidual(List<ResultRow> rows, ResidualEvidence residual, PaperResults? paper)
    {
        var features = residual.Features;
        rows.Add(new ResultRow(
            "features with one subcomponent, mlp_in", $"{residual.FeaturesInEveryLayer} of {features.Features}",
            paper?.Features is { } all ? $"{all} of {all}" : "",
            "in every layer exactly one of importance 0.9 or more, no other above 0.1, and no other feature's"));
        if (features.WithOwnSubcomponent != residual.FeaturesInEveryLayer)
        {
            rows.Add(new ResultRow(
                "features with one in all layers together", $"{features.WithOwnSubcomponent} of {features.Features}", "",
                "those that a single layer computes"));
        }

        if (features.WithSharedSubcomponent > 0)
        {
            rows.Add(new ResultRow(
                "features sharing a subcomponent, mlp_in", $"{features.WithSharedSubcomponent}", "", "one subcomponent serves several features"));
        }

        rows.Add(new ResultRow(
            "subcomponents ever in use, mlp_in", $"{residual.MlpInAlive}", $"{paper?.MlpInAlive}", "all layers together; importance above 0.1 on any input"));
        rows.Add(new ResultRow(
            "subcomponents ever in use, mlp_out", $"{residual.MlpOutAlive}", $"{paper?.MlpOutAlive}", "all layers together; as many as neurons is right"));
        if (residual.Neurons is not { } neurons) return;
        rows.Add(new ResultRow(
            "neuron contributions, correlation", $"{neurons.Correlation:F4}", "",
            "subcomponents' against the target's, over layers, features and neurons; 1 is exact"));
        rows.Add(new ResultRow("neuron contributions, slope", $"{neurons.Slope:F4}", "", "least squares through the origin; 1 is exact"));
    }

    private static void AddClassification(List<ResultRow> rows, ClassificationEvidence classes)
    {
        Add("the network itself", classes.Target, $"on {classes.Rows} inputs that the decomposition is measured on");
        Add("all subcomponents", classes.Unmasked, "do they sum to the model?");
        Add("stochastic masks", classes.Stochastic, "unneeded subcomponents masked at random");
        Add("CI-masked", classes.ImportanceMasked, "masks equal to the causal importances; not trained on");
        Add("rounded masks", classes.RoundedMasked, "only subcomponents of importance above ½; not trained on");

        void Add(string what, double accuracy, string meaning) => rows.Add(new ResultRow($"accuracy, {what}", $"{accuracy:P2}", "", meaning));
    }

    private static string Scientific(double value) => value.ToString("0.00e+0");

    private static string Spoken(string name) => name
        .Replace("ci_masked", "CI-masked", StringComparison.Ordinal)
        .Replace("_mse", " error (MSE)", StringComparison.Ordinal)
        .Replace("_kl", " error (KL)", StringComparison.Ordinal)
        .Replace('_', ' ');

    private static string MeaningOf(string name) => name[..name.LastIndexOf('_')] switch
    {
        "unmasked" => "output with all subcomponents: do they sum to the model?",
        "stochastic" => "unneeded subcomponents masked at random",
        "ci_masked" => "masks equal to the causal importances; not trained on",
        "rounded_masked" => "only subcomponents of importance above ½; not trained on",
        _ => "worst masks that 20 steps of ascent find",
    };
}
