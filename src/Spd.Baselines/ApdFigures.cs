using Spd.Decomposition;
using Spd.Engine.Execution;
using Spd.Figures;
using Spd.Runs.Log;
using Spd.Runs.Reporting;
using Spd.Runs.Targets;

namespace Spd.Baselines;

/// <summary>The figures of an APD run: those of an SPD run on a Toy Model of Superposition, with attributions in the place of causal importances.</summary>
internal static class ApdFigures
{
    public static IReadOnlyList<RunFigure> Draw(Apd apd, IReadOnlyList<MetricRecord> metrics, Backend backend)
    {
        var figures = new List<RunFigure> { TmsFigures.Vectors(apd.Components.Matrices, apd.Components.Network)!, AttributionMap(apd, backend) };
        if (metrics.Count > 0)
        {
            figures.Add(RunFigures.Training(
                metrics, "L0: components that are active", "Components ever active on an input of a batch",
                "The losses are those of a fresh batch at each log line. L0 is k, as it is set; "
                + "the Schatten loss shrinks what is active, which topk recon and param match resist."));
        }

        return figures;
    }

    private static RunFigure AttributionMap(Apd apd, Backend backend)
    {
        int features = apd.Components.Network.Config.NFeatures, c = apd.Components.C;
        float[] inputs = new float[features * features];
        for (int i = 0; i < features; i++) inputs[i * features + i] = ImportanceMap.PaperInputScale;
        float[] attributions = Attributions.Of(apd.Components, apd.Options.AttributionModel, inputs, features, backend);
        float[,] shares = new float[features, c];
        for (int feature = 0; feature < features; feature++)
        {
            float largest = attributions.AsSpan(feature * c, c).ToArray().Max();
            for (int component = 0; component < c; component++)
                shares[feature, component] = largest > 0 ? attributions[feature * c + component] / largest : 0;
        }

        var order = ImportanceMap.PaperOrder(shares);
        float[,] ordered = new float[features, c];
        for (int feature = 0; feature < features; feature++)
            for (int column = 0; column < c; column++)
                ordered[feature, column] = shares[feature, order[column]];
        return new RunFigure(
            "attributions", "Attributions",
            new HeatmapFigure(
                "Attribution to each component, one active feature at a time",
                [new HeatmapPanel(
                    Apd.AllMatrices, Grid.From(ordered), "active feature (input 0.75)", "component", ColumnLabels: [.. order.Select(column => $"{column}")])],
                HeatmapScale.UnitInterval, "share of the row's largest",
                "columns ordered by taking, for each row in turn, the unused component with the highest attribution"),
            "Each row is an input with one feature at 0.75; the darker a cell, the more of the output goes through the component. "
            + "In a clean decomposition every row has one dark cell of its own, on the diagonal.");
    }
}
