using Spd.Decomposition;
using Spd.Engine;
using Spd.Networks;
using Spd.Runs.Results;

namespace Spd.Runs.Targets;

/// <summary>How well a decomposed classifier still classifies, on the inputs that it is measured on.</summary>
/// <param name="Rows">Inputs.</param>
/// <param name="Target">The accuracy of the network itself.</param>
/// <param name="Unmasked">With all subcomponents.</param>
/// <param name="Stochastic">With unneeded subcomponents masked at random.</param>
/// <param name="ImportanceMasked">With masks equal to the causal importances.</param>
/// <param name="RoundedMasked">With the subcomponents of importance above ½ only.</param>
public sealed record ClassificationEvidence(int Rows, double Target, double Unmasked, double Stochastic, double ImportanceMasked, double RoundedMasked)
{
    /// <summary>The evidence by the keys of <see cref="Metric"/>.</summary>
    public IEnumerable<(string Metric, MetricValue Value)> Metrics =>
    [
        ("accuracy_rows", new(Rows)), ("accuracy_target", new(Target)), ("accuracy_unmasked", new(Unmasked)), ("accuracy_stochastic", new(Stochastic)),
        ("accuracy_ci_masked", new(ImportanceMasked)), ("accuracy_rounded_masked", new(RoundedMasked)),
    ];

    /// <summary>The evidence, or null where there are no labels.</summary>
    /// <param name="model">The components.</param>
    /// <param name="rows">The inputs that it is measured on; null where they do not come from a file.</param>
    /// <param name="seed">Seed of the random masks.</param>
    public static ClassificationEvidence? Of(ComponentModel model, LabelledRows? rows, ulong seed)
    {
        if (rows?.Labels is not { } labels) return null;
        var outputs = MaskedOutputs.Of(
            model, rows.Inputs, rows.Count, seed, Masks.Ones, Masks.Stochastic(StreamPurpose.Masks), Masks.Importance, Masks.RoundedImportance);
        double[] accuracies = [.. outputs.Select(output => Accuracy.Of(output, labels))];
        double own = Accuracy.Of(NetworkOutputs.Of(model.Network, rows.Inputs, rows.Count), labels);
        return new ClassificationEvidence(rows.Count, own, accuracies[0], accuracies[1], accuracies[2], accuracies[3]);
    }
}
