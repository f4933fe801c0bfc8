using Spd.Decomposition;
using Spd.Engine;
using Spd.Figures;
using Spd.Networks.Targets;

namespace Spd.Runs.Reporting;

/// <summary>A figure of a run.</summary>
/// <param name="Name">Its file's name without the ending.</param>
/// <param name="Title">Its heading.</param>
/// <param name="Svg">The drawing.</param>
/// <param name="HowToRead">Two sentences.</param>
public sealed record RunFigure(string Name, string Title, string Svg, string HowToRead);

/// <summary>The figures of a run, from its components and its log.</summary>
public static class RunFigures
{
    /// <summary>Draws all that the network and the log allow.</summary>
    /// <param name="model">The components.</param>
    /// <param name="evaluation">The latest evaluation.</param>
    /// <param name="metrics">The log so far; may be empty.</param>
    public static IReadOnlyList<RunFigure> Draw(ComponentModel model, Evaluation evaluation, IReadOnlyList<MetricRecord> metrics)
    {
        var figures = new List<RunFigure>();
        if (model.Network is Tms tms)
        {
            if (TmsVectors.Draw(model, tms) is { } vectors) figures.Add(vectors);
            var maps = ImportanceMap.OfSingleFeatures(model, tms.Config.NFeatures);
            figures.Add(Importances(maps));
            figures.Add(Components(maps));
        }

        if (metrics.Count > 0) figures.Add(Training(metrics));
        figures.Add(Histogram(evaluation));
        return figures;
    }

    private static RunFigure Importances(IReadOnlyList<ImportanceMap> maps) => new(
        "causal_importances", "Causal importances",
        new HeatmapFigure(
            "Causal importance of each subcomponent, one active feature at a time",
            [.. maps.Select(map => new HeatmapPanel(
                map.Site.Name, Grid.From(InOrder(map)), "active feature (input 0.75)", "subcomponent", ColumnLabels: [.. map.Order.Select(c => $"{c}")]))],
            HeatmapScale.UnitInterval, "causal importance",
            "columns ordered by taking, for each row in turn, the unused subcomponent with the highest importance").ToSvg(),
        "Each row is an input with one feature at 0.75; "
        + "a dark cell means that the output would change if that subcomponent were ablated on this input. "
        + "In a clean decomposition of linear1 and linear2 every row has one dark cell of its own, on the diagonal; "
        + "in a hidden matrix all inputs share the same few subcomponents.");

    private static RunFigure Components(IReadOnlyList<ImportanceMap> maps) => new(
        "components", "Subcomponents",
        new HeatmapFigure(
            "Subcomponent factors V and U",
            [.. maps.SelectMany(map => new[]
            {
                new HeatmapPanel(
                    $"V of {map.Site.Name}", Grid.From(Factor(map.Site.V, map.Order)), "input", "subcomponent",
                    ColumnLabels: [.. map.Order.Select(c => $"{c}")]),
                new HeatmapPanel(
                    $"U of {map.Site.Name}", Grid.From(Factor(map.Site.U, map.Order)), "output", "subcomponent",
                    ColumnLabels: [.. map.Order.Select(c => $"{c}")]),
            })],
            HeatmapScale.Signed, "value", "columns in the order of the causal importance maps", SharedScale: false, PanelsPerRow: 2).ToSvg(),
        "Column c of V is the direction that subcomponent c reads, column c of U the direction that it writes; their outer product is its matrix. "
        + "Columns are in the order of the importance maps, so the subcomponents in use stand on the left; each panel has its own colour scale.");

    private static RunFigure Training(IReadOnlyList<MetricRecord> metrics)
    {
        double[] steps = [.. metrics.Select(record => (double)record.Step)];
        LineSeries Series(string name, Func<MetricRecord, double> value) => new(name, steps, [.. metrics.Select(value)]);
        return new RunFigure(
            "training", "Training",
            new LineFigure(
                "Losses, L0 and learning rate over training", "step",
                [
                    new LinePlot(
                        "Loss terms, before their coefficients", "loss",
                        [.. metrics[0].Losses.Keys.Select(name => Series(name.Replace('_', ' '), record => record.Losses[name]))],
                        LogarithmicY: true),
                    new LinePlot(
                        "L0: subcomponents with causal importance above 0.01", "mean per input",
                        [.. metrics[0].L0.Keys.Select(name => Series(name, record => record.L0[name]))]),
                    new LinePlot("Learning rate", "learning rate", [Series("learning rate", record => record.Lr)]),
                ]).ToSvg(),
            "The losses are those of a fresh batch at each log line; "
            + "faithfulness falls first, while minimality and the reconstructions trade against each other. "
            + "L0 settles where the subcomponents in use per input match the number of active features.");
    }

    private static RunFigure Histogram(Evaluation evaluation) => new(
        "importance_histogram", "Histogram of causal importances",
        new HistogramFigure(
            "How causal importances are distributed", "causal importance",
            [.. evaluation.Sites.Select(site => new HistogramPanel(site.Name, site.Importances))],
            "over all evaluated inputs and subcomponents").ToSvg(),
        "Counts are logarithmic: most subcomponents are unneeded on most inputs and stand in the first bin. "
        + "A clean decomposition has a second peak at 1 and little between; importances in the middle belong to inputs whose feature is weak.");

    private static float[,] InOrder(ImportanceMap map)
    {
        float[,] values = new float[map.Values.GetLength(0), map.Order.Count];
        for (int row = 0; row < values.GetLength(0); row++)
            for (int column = 0; column < map.Order.Count; column++)
                values[row, column] = Math.Clamp(map.Values[row, map.Order[column]], 0, 1);
        return values;
    }

    private static float[,] Factor(Parameter factor, IReadOnlyList<int> order)
    {
        float[,] values = new float[factor.Columns, order.Count];
        for (int row = 0; row < factor.Columns; row++)
            for (int column = 0; column < order.Count; column++)
                values[row, column] = factor[order[column], row];
        return values;
    }
}
