using Spd.Networks.Targets;

namespace Spd.Networks.Tests;

/// <summary>The shipped targets in plain double arithmetic, as METHOD §6 writes them.</summary>
internal static class Reference
{
    public static double[] Of(Tms network, float[] inputs, int rows) => Rows(inputs, rows, x =>
    {
        var value = Apply(network.Linear1, x);
        foreach (var layer in network.HiddenLayers) value = Apply(layer, value);
        return [.. Apply(network.Linear2, value).Select(entry => Math.Max(entry, 0))];
    });

    public static double[] Of(ResidualMlp network, float[] inputs, int rows) => Rows(inputs, rows, x =>
    {
        double[] stream =
        [
            .. Enumerable.Range(0, network.Config.DEmbed).Select(e => x.Select((value, feature) => value * network.Embedding[feature, e]).Sum()),
        ];
        var maps = network.LinearMaps().ToDictionary(entry => entry.Path, entry => entry.Linear);
        for (int layer = 0; layer < network.Config.NLayers; layer++)
        {
            double[] hidden = [.. Apply(maps[$"layers.{layer}.mlp_in"], stream).Select(entry => Math.Max(entry, 0))];
            stream = [.. stream.Zip(Apply(maps[$"layers.{layer}.mlp_out"], hidden), (old, added) => old + added)];
        }

        return [.. Enumerable.Range(0, network.Config.NFeatures).Select(feature => stream.Select((value, e) => value * network.Unembedding[e, feature]).Sum())];
    });

    /// <summary>An MLP; a function after each layer, null for none.</summary>
    public static double[] Of(Mlp network, IReadOnlyList<Func<double, double>?> activations, float[] inputs, int rows) => Rows(inputs, rows, x =>
    {
        foreach (var (layer, function) in network.Layers.Zip(activations))
        {
            x = Apply(layer, x);
            if (function is not null) x = [.. x.Select(function)];
        }

        return x;
    });

    private static double[] Rows(float[] inputs, int rows, Func<double[], double[]> network) =>
        [.. inputs.Chunk(inputs.Length / rows).SelectMany(row => network([.. row.Select(value => (double)value)]))];

    private static double[] Apply(Linear linear, double[] x)
    {
        float[] weight = linear.EffectiveWeight();
        return
        [
            .. Enumerable.Range(0, linear.Outputs).Select(o =>
                x.Select((value, i) => value * weight[o * x.Length + i]).Sum() + (linear.Bias?.Values[o] ?? 0)),
        ];
    }
}
