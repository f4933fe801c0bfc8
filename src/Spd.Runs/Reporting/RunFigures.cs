using Spd.Decomposition;
using Spd.Engine;
using Spd.Figures;
using Spd.Runs.Log;

namespace Spd.Runs.Reporting;

/// <summary>A figure of a run.</summary>
/// <param name="Name">Its file's name without the ending.</param>
/// <param name="Title">Its heading.</param>
/// <param name="Figure">What it shows.</param>
/// <param name="HowToRead">Two sentences.</param>
public sealed record RunFigure(string Name, string Title, IFigure Figure, string HowToRead)
{
    /// <summary>The drawing.</summary>
    public string Svg { get; } = Figure.ToSvg();
}

/// <summary>The figures of a run, from its components and its log.</summary>
public static class RunFigures
{
    private const string HowToReadTraining =
        "The losses are those of a fresh batch at each log line; "
        + "faithfulness falls first, while minimality and the reconstructions trade against each other. "
        + "L0 and those ever in use fall as minimality takes hold; a run that is long enough has levelled off.";

    /// <summary>Draws what every run has: how it was trained, and how importances are distributed.</summary>
    /// <param name="evaluation">The latest evaluation.</param>
    /// <param name="metrics">The log so far; may be empty.</param>
    public static IReadOnlyList<RunFigure> Draw(Evaluation evaluation, IReadOnlyList<MetricRecord> metrics)
    {
        var figures = new List<RunFigure>();
        string input = evaluation.InputName;
        if (metrics.Count > 0)
        {
            figures.Add(Training(
                metrics, "L0: subcomponents with causal importance above 0.01",
                $"Subcomponents ever in use: causal importance above 0.1 on any {input} of a batch", HowToReadTraining, input));
        }

        figures.Add(Histogram(evaluation));
        figures.AddRange(Spectrum(evaluation));
        figures.AddRange(Positions(evaluation));
        return figures;
    }

    /// <summary>The causal importances on single features.</summary>
    internal static RunFigure Importances(IReadOnlyList<ImportanceMap> maps, string howToRead) => new(
        "causal_importances", "Causal importances",
        new HeatmapFigure(
            "Causal importance of each subcomponent, one active feature at a time",
            [.. maps.Select(map =>
            {
                var columns = Columns(map);
                return new HeatmapPanel(
                    TitleOf(map, columns), Grid.From(InOrder(map.Values, columns)), "active feature (input 0.75)", "subcomponent",
                    ColumnLabels: [.. columns.Select(c => $"{c}")], Name: map.Site.Name);
            })],
            HeatmapScale.UnitInterval, "causal importance",
            "columns ordered by taking, for each row in turn, the unused subcomponent with the highest importance"),
        "Each row is an input with one feature at 0.75; "
        + "a dark cell means that the output would change if that subcomponent were ablated on this input. " + howToRead);

    /// <summary>A map's subcomponents in the paper's order, without those at the end that no input needs; at least one.</summary>
    internal static IReadOnlyList<int> Columns(ImportanceMap map)
    {
        int count = map.Order.Count;
        int rows = map.Values.GetLength(0);
        while (count > 1 && Enumerable.Range(0, rows).All(row => map.Values[row, map.Order[count - 1]] <= Evaluator.ActiveThreshold)) count--;
        return [.. map.Order.Take(count)];
    }

    private static string TitleOf(ImportanceMap map, IReadOnlyList<int> columns) => columns.Count == map.Site.C
        ? map.Site.Name
        : $"{map.Site.Name}: {columns.Count} of {map.Site.C} subcomponents, the others never above {Evaluator.ActiveThreshold}";

    /// <summary>The factors of all subcomponents.</summary>
    internal static RunFigure Components(IReadOnlyList<ImportanceMap> maps) => new(
        "components", "Subcomponents",
        new HeatmapFigure(
            "Subcomponent factors V and U",
            [.. maps.SelectMany(map => new[]
            {
                FactorPanel($"V of {map.Site.Name}", map.Site.V, "input", Columns(map), c => 1 / Length(map.Site, c)),
                FactorPanel($"U of {map.Site.Name}", map.Site.U, "output", Columns(map), c => Length(map.Site, c)),
            })],
            HeatmapScale.Signed, "value", "columns in the order of the causal importance maps", SharedScale: false, PanelsPerRow: 2),
        "Column c of V is the direction that subcomponent c reads, of length 1, column c of U what it writes, with all of its norm; their outer product is its matrix. "
        + "Columns are in the order of the importance maps, so the subcomponents in use stand on the left; "
        + "each panel has its own colour scale.");

    /// <summary>The length of what a subcomponent reads; 1 of one that reads nothing. Only the product of both factors means anything, so drawings give all of it to U.</summary>
    internal static double Length(FactoredMatrix site, int c)
    {
        double square = 0;
        foreach (float value in site.V.Row(c)) square += (double)value * value;
        return square > 0 ? Math.Sqrt(square) : 1;
    }

    internal static HeatmapPanel FactorPanel(string title, Parameter factor, string rows, IReadOnlyList<int> columns, Func<int, double> scale)
    {
        float[,] values = new float[factor.Columns, columns.Count];
        for (int row = 0; row < factor.Columns; row++)
            for (int column = 0; column < columns.Count; column++)
                values[row, column] = (float)(factor[columns[column], row] * scale(columns[column]));
        return FactorPanel(title, Grid.From(values), rows, columns);
    }

    internal static HeatmapPanel FactorPanel(string title, Grid values, string rows, IReadOnlyList<int> columns) =>
        new(title, values, rows, "subcomponent", ColumnLabels: [.. columns.Select(c => $"{c}")]);

    /// <summary>Losses, components in use and learning rate over training.</summary>
    /// <param name="metrics">The log.</param>
    /// <param name="l0Title">What is counted on one input.</param>
    /// <param name="aliveTitle">What is counted over a batch.</param>
    /// <param name="howToRead">Two sentences.</param>
    /// <param name="input">What an input is called.</param>
    internal static RunFigure Training(IReadOnlyList<MetricRecord> metrics, string l0Title, string aliveTitle, string howToRead, string input = "input")
    {
        double[] steps = [.. metrics.Select(record => (double)record.Step)];
        LineSeries Series(string name, Func<MetricRecord, double> value) => new(name, steps, [.. metrics.Select(value)]);
        // A line may lack what others have: logs are of older versions too, and may have been edited.
        IReadOnlyList<LineSeries> AllOf<T>(Func<MetricRecord, IReadOnlyDictionary<string, T>> values)
            where T : struct, IConvertible =>
        [
            .. metrics.SelectMany(record => values(record).Keys).Distinct().Select(name => Series(
                name, record => values(record).TryGetValue(name, out var value) ? value.ToDouble(null) : double.NaN)),
        ];
        LinePlot[] plots =
        [
            new("Loss terms, before their coefficients", "loss",
                [.. AllOf(record => record.Losses).Select(series => series with { Name = series.Name.Replace('_', ' ') })], LogarithmicY: true),
            new(l0Title, $"mean per {input}", AllOf(record => record.L0)),
            new(aliveTitle, "count", AllOf(record => record.Alive)),
            new("Learning rate", "learning rate", [Series("learning rate", record => record.Lr)]),
        ];
        plots = [.. plots.Where(plot => plot.Series.Count > 0)];
        var drawing = new LineFigure("Losses, what is in use, and learning rate over training", "step", plots);
        return new RunFigure("training", "Training", drawing, howToRead);
    }

    private static RunFigure Histogram(Evaluation evaluation) => new(
        "importance_histogram", "Histogram of causal importances",
        new HistogramFigure(
            "How causal importances are distributed", "causal importance",
            [.. evaluation.Sites.Select(site => new HistogramPanel(site.Name, site.Importances))],
            $"over all evaluated {evaluation.InputName}s and subcomponents"),
        $"Counts are logarithmic: most subcomponents are unneeded on most {evaluation.InputName}s and stand in the first bin. "
        + $"A clean decomposition has a second peak at 1 and little between; importances in the middle belong to {evaluation.InputName}s that need a subcomponent in part.");

    private static IEnumerable<RunFigure> Spectrum(Evaluation evaluation)
    {
        // A logarithmic axis has no place for those that nothing ever needed.
        var series = evaluation.Sites.Select(site => (site.Name, Means: site.MeanImportances.Where(mean => mean > 0).OrderDescending().ToList()))
            .Where(site => site.Means.Count > 0).Select(site => Ranked(site.Name, site.Means)).ToList();
        if (series.Count == 0) yield break;
        yield return new RunFigure(
            "importance_spectrum", "Spectrum of mean importances",
            new LineFigure("Mean causal importance of each subcomponent, the largest first", "rank", [new($"Mean over the evaluated {evaluation.InputName}s", "causal importance", series, LogarithmicY: true)]),
            $"A line ends with the last subcomponent that any evaluated {evaluation.InputName} needs at all. "
            + "A cliff parts the subcomponents that make up the network from those that are left over; a slope without one says that no such number is to be had.");
    }

    private static IEnumerable<RunFigure> Positions(Evaluation evaluation)
    {
        var series = evaluation.Sites.Where(site => site.L0ByPosition.Count > 0).Select(site => Ranked(site.Name, site.L0ByPosition)).ToList();
        if (series.Count == 0) yield break;
        yield return new RunFigure(
            "l0_by_position", "L0 by position",
            new LineFigure("Subcomponents in use at each position of a sequence", "position, from 1", [new("Subcomponents with causal importance above 0.01, mean over the evaluated sequences", "L0", series)]),
            "The number of subcomponents with a causal importance above 0.01, over the places of a sequence. "
            + "What the first tokens need may be unlike all others: there is nothing before them to attend to.");
    }

    private static LineSeries Ranked(string name, IReadOnlyList<double> values) => new(name, [.. Enumerable.Range(1, values.Count).Select(i => (double)i)], values);

    /// <summary>Causal importances with their columns in an order, cut to 0 … 1.</summary>
    internal static float[,] InOrder(float[,] importances, IReadOnlyList<int> columns)
    {
        float[,] values = new float[importances.GetLength(0), columns.Count];
        for (int row = 0; row < values.GetLength(0); row++)
            for (int column = 0; column < columns.Count; column++)
                values[row, column] = Math.Clamp(importances[row, columns[column]], 0, 1);
        return values;
    }
}
