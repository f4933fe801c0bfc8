using Spd.Decomposition;
using Spd.Runs.Results;

namespace Spd.Runs;

/// <summary>What a decomposition has come to, as a summary tells it.</summary>
internal static class RunResults
{
    /// <summary>A summary with what has been measured.</summary>
    /// <param name="told">How the run went.</param>
    /// <param name="decomposition">The decomposition.</param>
    /// <param name="evaluation">What was measured; null when nothing could be.</param>
    public static RunSummary With(this RunSummary told, IDecomposition decomposition, Evaluation? evaluation)
    {
        var metrics = decomposition.Evidence(evaluation).ToDictionary(entry => entry.Metric, entry => entry.Value);
        metrics["significant_subcomponents"] = new MetricValue(
            decomposition.Matrices.ToDictionary(matrix => matrix.Name, matrix => (double)Significance.Of(matrix).Count));
        foreach (var (name, value) in Errors(evaluation, decomposition.OutputLoss)) metrics[name] = new MetricValue(value);
        var summary = told with
        {
            Losses = evaluation?.Losses ?? told.Losses,
            Sites = evaluation?.Sites.ToDictionary(site => site.Name, site => new SiteUse(site.C, site.L0, site.Alive) { AliveSubcomponents = site.AliveSubcomponents }) ?? [],
            Metrics = metrics,
        };
        return summary with { Remarks = Remarks.Of(summary, decomposition.Matrices, evaluation, decomposition.Rows) };
    }

    /// <summary>Itself, where all losses are finite; else it fails as a training step does.</summary>
    /// <exception cref="NonFiniteLossException">A loss is infinite or not a number.</exception>
    public static Evaluation RequireFinite(this Evaluation evaluation, int step)
    {
        foreach (var (term, value) in evaluation.Losses)
            if (!double.IsFinite(value)) throw new NonFiniteLossException(step, term, value);
        return evaluation;
    }

    /// <summary>The errors of the outputs that were measured: <c>unmasked_mse</c> and so on, <c>_kl</c> where outputs are compared by divergence.</summary>
    private static IEnumerable<(string Name, double Value)> Errors(Evaluation? evaluation, OutputLoss loss)
    {
        if (evaluation is null) return [];
        string suffix = loss == OutputLoss.Mse ? "mse" : "kl";
        return new[]
        {
            ($"unmasked_{suffix}", evaluation.UnmaskedRecon), ($"stochastic_{suffix}", evaluation.StochasticRecon),
            ($"ci_masked_{suffix}", evaluation.ImportanceMaskedRecon), ($"rounded_masked_{suffix}", evaluation.RoundedMaskedRecon),
            ($"adversarial_{suffix}", evaluation.AdversarialRecon),
        }.Where(error => !double.IsNaN(error.Item2));
    }
}
