using Spd.Engine.Execution;
using System.Text.Json;
using Spd.Formats;
using Spd.Networks;
using Spd.Networks.Targets;

namespace Spd.Runs.Targets;

/// <summary>Whether an MLP from a file does on its data what it is known to do.</summary>
internal static class MlpVerification
{
    /// <summary>How far the accuracy may lie below the published one.</summary>
    private const double AccuracyTolerance = 0.005;

    // Shares of the outputs' root mean square. Some thousand float32 products summed in another order differ by 1e-6 to 1e-5 of it; TF32 and float16, which
    // GPUs multiply in, by some 1e-3. Another activation, matrices the other way round or another scale of the inputs make a tenth and more; only the two
    // forms of the GELU are as near as 1e-4, so that what would fit better is looked for wherever it is more than rounding.
    private const double Rounding = 2e-5, LowPrecision = 1e-2;

    // Enough to tell functions apart, few enough to try them all.
    private const int RowsToTry = 256;

    /// <summary>A sentence about the network, where nothing speaks against it.</summary>
    /// <param name="target">Where it comes from.</param>
    /// <param name="network">The network.</param>
    /// <param name="rows">Its data.</param>
    /// <param name="backend">What computes.</param>
    /// <exception cref="TargetException">It does other things than it is known to do.</exception>
    public static string Of(MlpTargetConfig target, Module network, LabelledRows rows, Backend backend)
    {
        float[] outputs = NetworkOutputs.Of(network, rows.Inputs, rows.Count, backend);
        string? agreement = rows.ExpectedOutputs is { } expected ? Compare(target, (Mlp)network, rows, outputs, expected, backend) : null;
        string? task = rows.Labels is { } labels ? AccuracyOf(target, outputs, labels)
            : rows.Targets is { } targets ? ErrorOf(outputs, targets)
            : null;
        return string.Join("; ", new[] { task, agreement }.OfType<string>()) is { Length: > 0 } known
            ? known
            : "what it gets right is not known, since target.data has neither labels nor targets nor expected_outputs";
    }

    private static string AccuracyOf(MlpTargetConfig target, float[] outputs, int[] labels)
    {
        double accuracy = Accuracy.Of(outputs, labels);
        if (target.DataFiles.PublishedAccuracy is { } published && accuracy < published - AccuracyTolerance)
        {
            throw new TargetException(
                $"the network in '{target.Load}' has an accuracy of {accuracy:P2} on its data, but {published:P2} is expected: "
                + "look at input_scale, weight_layout and the order of the layers");
        }

        return $"it classifies {accuracy:P2} of {labels.Length} inputs correctly{(target.DataFiles.PublishedAccuracy is { } told ? $" (published: {told:P1})" : "")}";
    }

    private static string ErrorOf(float[] outputs, float[] targets)
    {
        double mean = targets.Average(value => (double)value), variance = targets.Average(value => (value - mean) * (value - mean));
        return $"its mean squared error against target.data.targets is {TaskEvidence.MeanSquaredError(outputs, targets):0.00e+0} (their variance: {variance:0.00e+0})";
    }

    private static string Compare(MlpTargetConfig target, Mlp network, LabelledRows rows, float[] outputs, float[] expected, Backend backend)
    {
        double scale = Math.Sqrt(expected.Average(value => (double)value * value));
        var (difference, at) = Largest(outputs, expected);
        int width = outputs.Length / rows.Count;
        string where = $"row {at / width}, output {at % width}", file = target.DataFiles.ExpectedOutputs!;
        if (difference <= Rounding * scale) return $"its outputs are those of '{file}' (largest difference: {difference:0.0e+0} in {where})";

        string differs = $"the network in '{target.Load}' gives {outputs[at]} in {where}, where '{file}' has {expected[at]}";
        if (WhatWouldFit(target.Model, network, rows, expected, Math.Min(0.1 * difference, LowPrecision * scale), backend) is { } advice)
            throw new TargetException($"{differs}: {advice}");
        return difference <= LowPrecision * scale
            ? $"its outputs are near those of '{file}', but not as near as float32 would be (largest difference: {difference:0.0e+0} in {where}): "
                + "were they computed in a lower precision?"
            : throw new TargetException(
                $"{differs}: look at target.mlp.activation and weight_layout, at input_scale and input_shift, and at the order of layers and rows");
    }

    /// <summary>What else the configuration might have meant: a sentence where other functions or the transposes give the expected outputs, or null.</summary>
    private static string? WhatWouldFit(MlpConfig model, Mlp network, LabelledRows rows, float[] expected, double tolerance, Backend backend)
    {
        int count = Math.Min(RowsToTry, rows.Count), width = expected.Length / rows.Count;
        float[] inputs = rows.Inputs[..(count * (rows.Inputs.Length / rows.Count))], wanted = expected[..(count * width)];
        if (Largest(Softmax(NetworkOutputs.Of(network, inputs, count, backend), width), wanted).Difference <= tolerance)
            return "these are the softmax of its outputs: save what it gives before the softmax";

        bool hasSquare = network.Layers.Any(layer => layer.Inputs == layer.Outputs);
        var own = model.Activations;
        var hidden = Enum.GetValues<ActivationName>().Select(name => (IReadOnlyList<ActivationName>)[.. Enumerable.Repeat(name, network.Layers.Count - 1)])
            .Where(activations => activations.Count > 0).Prepend(own);
        var (best, change) = (
            from transposed in Enumerable.Range(0, hasSquare ? 2 : 1).Select(number => number == 1)
            from activations in hidden
            let variant = Variant(network, model.LayerSizes, activations, transposed)
            let activation = activations.SequenceEqual(own)
                ? null : $"target.mlp.activation={JsonNamingPolicy.SnakeCaseLower.ConvertName($"{activations[0]}")}"
            select (
                Largest(NetworkOutputs.Of(variant, inputs, count, backend), wanted).Difference,
                string.Join(" and ", new[] { activation, transposed ? "the other weight_layout for its square matrices" : null }.OfType<string>())))
            .MinBy(variant => variant.Difference);
        return best <= tolerance && change.Length > 0 ? $"with {change} it would give the same" : null;
    }

    private static Mlp Variant(Mlp network, IReadOnlyList<int> sizes, IReadOnlyList<ActivationName> activations, bool transposed)
    {
        var variant = new Mlp(sizes, activations, [.. network.Layers.Select(layer => layer.Bias is not null)]);
        foreach (var (from, to) in network.Layers.Zip(variant.Layers))
        {
            var weight = from.Weight.Values;
            (transposed && from.Inputs == from.Outputs ? TensorData.Transposed(weight, from.Outputs) : weight).CopyTo(to.Weight.Values);
            from.Bias?.Values.CopyTo(to.Bias!.Values);
        }

        return variant;
    }

    private static (double Difference, int At) Largest(float[] outputs, float[] expected)
    {
        (double difference, int at) = (-1, 0);
        for (int i = 0; i < outputs.Length; i++)
        {
            double here = Math.Abs((double)outputs[i] - expected[i]);
            // What is not a number differs most.
            if (!(here <= difference)) (difference, at) = (here, i);
            if (double.IsNaN(here)) return (double.PositiveInfinity, i);
        }

        return (difference, at);
    }

    private static float[] Softmax(float[] outputs, int width) =>
    [
        .. outputs.Chunk(width).SelectMany(row =>
        {
            double largest = row.Max(), sum = row.Sum(value => Math.Exp(value - largest));
            return row.Select(value => (float)(Math.Exp(value - largest) / sum));
        }),
    ];
}
