using Spd.Engine.Execution;
using Spd.Decomposition;
using Spd.Networks;
using Spd.Runs.Results;

namespace Spd.Runs.Targets;

/// <summary>How well a decomposed network still does what it is for: a classifier's accuracy, another network's error against its targets.</summary>
internal static class TaskEvidence
{
    /// <summary>The evidence by the keys of <see cref="Metric"/>; nothing where there are neither labels nor targets.</summary>
    /// <param name="model">The components.</param>
    /// <param name="rows">The inputs that it is measured on; null where they do not come from a file.</param>
    /// <param name="seed">Seed of the random masks.</param>
    /// <param name="backend">What computes.</param>
    public static IEnumerable<(string Metric, MetricValue Value)> Of(ComponentModel model, LabelledRows? rows, ulong seed, Backend backend)
    {
        string name;
        Func<float[], double> measure;
        if (rows?.Labels is { } labels) (name, measure) = ("accuracy", outputs => Accuracy.Of(outputs, labels));
        else if (rows?.Targets is { } targets) (name, measure) = ("task_mse", outputs => MeanSquaredError(outputs, targets));
        else return [];
        var masked = MaskedOutputs.Of(
            model, rows.Inputs, rows.Count, seed, backend, Masks.Ones, Masks.Stochastic(DecompositionStreams.Masks), Masks.Importance, Masks.RoundedImportance);
        double[] values = [.. masked.Select(measure)];
        double own = measure(NetworkOutputs.Of(model.Network, rows.Inputs, rows.Count, backend));
        return
        [
            ($"{name}_rows", new(rows.Count)), ($"{name}_target", new(own)), ($"{name}_unmasked", new(values[0])), ($"{name}_stochastic", new(values[1])),
            ($"{name}_ci_masked", new(values[2])), ($"{name}_rounded_masked", new(values[3])),
        ];
    }

    /// <summary>The mean over all entries of the squared difference.</summary>
    internal static double MeanSquaredError(float[] outputs, float[] targets) => outputs.Zip(targets, (a, b) => ((double)a - b) * ((double)a - b)).Average();
}
