using Spd.Engine.Execution;
using Spd.Decomposition;
using Spd.Figures;
using Spd.Networks.Targets;
using Spd.Runs.Reporting;

namespace Spd.Runs.Targets;

/// <summary>The figures of a residual MLP: what its neurons contribute to each feature, and the factors of the subcomponents seen from the features.</summary>
internal static class ResidualFigures
{
    private const int FeaturesShown = 10;

    private const string HowToRead =
        "In a clean decomposition every row has one dark cell of its own in mlp_in, all layers taken together; "
        + "in mlp_out as many subcomponents as the layer has neurons are dark in every row, because all of them are always needed.";

    /// <summary>Draws all that the decomposed matrices allow.</summary>
    public static IEnumerable<RunFigure> Draw(ComponentModel model, ResidualMlp network, Backend backend)
    {
        var maps = ImportanceMap.OfSingleFeatures(model, network.Config.NFeatures, backend);
        yield return RunFigures.Importances(maps, HowToRead);
        if (NeuronContributions.Of(model) is { } neurons)
        {
            yield return Neurons(neurons);
            yield return Pairs(neurons);
        }

        yield return Components(maps, network);
    }

    /// <summary>The neurons' contributions to the first features, in the target and below it in the decomposition.</summary>
    public static RunFigure Neurons(NeuronContributions neurons)
    {
        int shown = Math.Min(FeaturesShown, neurons.Layers[0].Target.GetLength(0));
        var figure = new StripFigure(
            "How much each neuron contributes to its feature", "contribution of a neuron",
            [
                new StripPanel("Target", SideBySide(layer => layer.Target), $"input feature (the first {shown})"),
                new StripPanel(
                    "Decomposition: one subcomponent of mlp_in per layer and feature", SideBySide(layer => layer.Decomposed),
                    neurons.Layers.Count == 1 ? "subcomponent of mlp_in" : "layer:subcomponent of mlp_in, of the layer that contributes most",
                    [.. Enumerable.Range(0, shown).Select(SubcomponentOf)]),
            ],
            [.. neurons.Layers.Select((layer, index) => new StripGroup($"layer {index}", layer.Target.GetLength(1)))],
            neurons.Layers.Count == 1 ? "large points carry the neuron's number" : "large points carry the neuron's number, counted on from layer to layer");
        return new RunFigure(
            "neuron_contributions", "Neuron contributions", figure,
            "Each point is a neuron: what it reads of the feature times what it writes to the same feature's output. "
            + "When each feature has a subcomponent of its own, the lower columns repeat the upper ones neuron by neuron.");

        Grid SideBySide(Func<LayerContributions, double[,]> values)
        {
            double[,] all = new double[shown, neurons.Layers.Sum(layer => values(layer).GetLength(1))];
            int start = 0;
            foreach (double[,] table in neurons.Layers.Select(values))
            {
                for (int feature = 0; feature < shown; feature++)
                    for (int neuron = 0; neuron < table.GetLength(1); neuron++)
                        all[feature, start + neuron] = table[feature, neuron];
                start += table.GetLength(1);
            }

            return Grid.From(all);
        }

        string SubcomponentOf(int feature)
        {
            var (index, layer) = neurons.Layers.Index().MaxBy(
                entry => Enumerable.Range(0, entry.Item.Decomposed.GetLength(1)).Max(neuron => entry.Item.Decomposed[feature, neuron]));
            return neurons.Layers.Count == 1 ? $"{layer.Subcomponents[feature]}" : $"{index}:{layer.Subcomponents[feature]}";
        }
    }

    /// <summary>All contributions of the decomposition against the target's.</summary>
    public static RunFigure Pairs(NeuronContributions neurons)
    {
        var figure = new ScatterFigure(
            "Neuron contributions of the decomposition against the target's", "contribution in the target", "contribution of the subcomponent",
            [.. neurons.Layers.Select((layer, index) => new ScatterSeries(
                $"layer {index}", [.. layer.Target.Cast<double>()], [.. layer.Decomposed.Cast<double>()]))],
            $"correlation {neurons.Correlation:F3}, slope {neurons.Slope:F3} of the least squares through the origin; a point per layer, feature and neuron");
        return new RunFigure(
            "neuron_contribution_pairs", "Neuron contributions, decomposition against target", figure,
            "Each point is one neuron's contribution to one feature, in the target and in the subcomponent of mlp_in that contributes most. "
            + "Points on the diagonal say that this one subcomponent carries all that the layer does for the feature.");
    }

    /// <summary>The factors of all subcomponents; where they lie in the residual stream, as what they read of and write to the features.</summary>
    public static RunFigure Components(IReadOnlyList<ImportanceMap> maps, ResidualMlp network)
    {
        int width = network.Config.DEmbed;
        var panels = maps.SelectMany(map =>
        {
            var (site, columns) = (map.Site, RunFigures.Columns(map));
            return new[]
            {
                site.V.Columns == width
                    ? RunFigures.FactorPanel($"V W_E of {site.Name}", OnFeatures(site, columns), "input feature", columns)
                    : RunFigures.FactorPanel($"V of {site.Name}", site.V, "neuron", columns, c => 1 / RunFigures.Length(site, c)),
                site.U.Columns == width
                    ? RunFigures.FactorPanel($"U W_U of {site.Name}", OnOutputs(site, columns), "output feature", columns)
                    : RunFigures.FactorPanel($"U of {site.Name}", site.U, "neuron", columns, c => RunFigures.Length(site, c)),
            };
        });
        return new RunFigure(
            "components", "Subcomponents",
            new HeatmapFigure(
                "Subcomponent factors V and U", [.. panels], HeatmapScale.Signed, "value",
                "columns in the order of the causal importance maps; the residual stream is shown by the features in it", SharedScale: false, PanelsPerRow: 2),
            "Column c of V is the direction that subcomponent c reads, of length 1, column c of U what it writes, with all of its norm. "
            + "A subcomponent of mlp_in that belongs to one feature reads that feature alone, and writes to the neurons that compute it; "
            + "each panel has its own colour scale.");

        Grid OnFeatures(FactoredMatrix site, IReadOnlyList<int> columns) =>
            Table(network.Config.NFeatures, columns, (feature, c, k) => network.Embedding[feature, k] * site.V[c, k], c => 1 / RunFigures.Length(site, c));

        Grid OnOutputs(FactoredMatrix site, IReadOnlyList<int> columns) =>
            Table(network.Config.NFeatures, columns, (feature, c, k) => network.Unembedding[k, feature] * site.U[c, k], c => RunFigures.Length(site, c));

        Grid Table(int features, IReadOnlyList<int> columns, Func<int, int, int, double> term, Func<int, double> scale)
        {
            double[,] values = new double[features, columns.Count];
            for (int feature = 0; feature < features; feature++)
                for (int column = 0; column < columns.Count; column++)
                    for (int k = 0; k < width; k++)
                        values[feature, column] += term(feature, columns[column], k) * scale(columns[column]);
            return Grid.From(values);
        }
    }
}
