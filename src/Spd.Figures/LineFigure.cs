namespace Spd.Figures;

/// <summary>One line of a plot.</summary>
/// <param name="Name">The name in the legend.</param>
/// <param name="X">The x values in ascending order; a non-finite one leaves a gap.</param>
/// <param name="Y">As many y values; a non-finite one, or one at or below zero on a log axis, leaves a gap.</param>
public sealed record LineSeries(string Name, IReadOnlyList<double> X, IReadOnlyList<double> Y);

/// <summary>One of the plots that stand below each other.</summary>
/// <param name="Title">The title above the plot.</param>
/// <param name="YAxisTitle">What the y axis measures, with its unit.</param>
/// <param name="Series">The lines; colours repeat with another dash pattern after seven.</param>
/// <param name="LogarithmicY">Whether the y axis is base-ten logarithmic.</param>
public sealed record LinePlot(string Title, string YAxisTitle, IReadOnlyList<LineSeries> Series, bool LogarithmicY = false);

/// <summary>Plots below each other that share the range of their x axis, such as losses over training steps.</summary>
/// <param name="Title">The title of the figure.</param>
/// <param name="XAxisTitle">What the x axis measures, with its unit.</param>
/// <param name="Plots">The plots from top to bottom.</param>
/// <param name="Subtitle">An optional sentence below the title.</param>
public sealed record LineFigure(string Title, string XAxisTitle, IReadOnlyList<LinePlot> Plots, string? Subtitle = null) : IFigure
{
    private const int PointLimit = 1000;
    private const double Left = 84;
    private const double Right = Svg.Width - 24;

    /// <summary>Draws the figure; a series of more than 1000 points is thinned, keeping its extremes.</summary>
    /// <returns>A self-contained SVG document, 800 units wide.</returns>
    /// <exception cref="ArgumentException">A list is empty, or a series has differing counts of x and y values.</exception>
    public string ToSvg()
    {
        Invalid.RequireItems(Plots, "The plots of a line figure");
        foreach (var plot in Plots)
        {
            Invalid.RequireItems(plot.Series, $"The series of plot '{plot.Title}'");
            foreach (var series in plot.Series)
            {
                if (series.X.Count == 0 || series.X.Count != series.Y.Count)
                    throw Invalid.Input($"Series '{series.Name}' needs as many x as y values and at least one, but got {series.X.Count} and {series.Y.Count}.");
            }
        }

        var svg = new Svg();
        var (minimum, maximum) = Range(Plots.SelectMany(plot => plot.Series).SelectMany(series => series.X), logarithmic: false);
        var xAxis = Axis.Exact(minimum, maximum, 8);
        double y = Layout.Heading(svg, Title, Subtitle);
        foreach (var plot in Plots) y = DrawPlot(svg, plot, xAxis, XAxisTitle, y);
        svg.Text((Left + Right) / 2, y + 12, XAxisTitle, Layout.LabelSize, Anchor.Middle, kind: "axis-title");

        string description = $"{Plots.Count} line plots over {XAxisTitle}: "
            + string.Join("; ", Plots.Select(plot => $"{plot.Title} ({string.Join(", ", plot.Series.Select(series => series.Name))})")) + ".";
        return svg.Document(y + 26, Title, Subtitle is null ? description : $"{Subtitle} {description}");
    }

    /// <summary>Thins a series to at most a count of points, keeping per bucket the first, last, smallest, largest and any gap.</summary>
    internal static IReadOnlyList<int> Thin(IReadOnlyList<double> values, int limit)
    {
        if (values.Count <= limit) return [.. Enumerable.Range(0, values.Count)];
        int buckets = Math.Max(1, limit / 5);
        List<int> kept = [];
        for (int bucket = 0; bucket < buckets; bucket++)
        {
            int first = (int)((long)values.Count * bucket / buckets);
            int last = (int)((long)values.Count * (bucket + 1) / buckets) - 1;
            var (lowest, highest, gap) = (-1, -1, -1);
            for (int index = first; index <= last; index++)
            {
                if (!double.IsFinite(values[index])) gap = index;
                else if (lowest < 0 || values[index] < values[lowest]) lowest = index;
                if (double.IsFinite(values[index]) && (highest < 0 || values[index] > values[highest])) highest = index;
            }

            kept.AddRange(new SortedSet<int> { first, last, lowest, highest, gap }.Where(index => index >= 0));
        }

        return kept;
    }

    private static (string Name, IReadOnlyList<double> X, IReadOnlyList<double> Y) Thinned(LineSeries series)
    {
        var kept = Thin(series.Y, PointLimit);
        return (series.Name, [.. kept.Select(point => series.X[point])], [.. kept.Select(point => series.Y[point])]);
    }

    private static (double Minimum, double Maximum) Range(IEnumerable<double> values, bool logarithmic)
    {
        var (minimum, maximum) = (double.PositiveInfinity, double.NegativeInfinity);
        foreach (double value in values.Where(value => Axis.CanShow(value, logarithmic)))
            (minimum, maximum) = (Math.Min(minimum, value), Math.Max(maximum, value));
        return minimum <= maximum ? (minimum, maximum) : logarithmic ? (0.1, 1) : (0, 1);
    }

    private static double DrawPlot(Svg svg, LinePlot plot, Axis xAxis, string xAxisTitle, double y)
    {
        var yValues = plot.Series.SelectMany(series => series.Y);
        var (minimum, maximum) = Range(yValues, plot.LogarithmicY);
        var yAxis = plot.LogarithmicY ? Axis.Log(minimum, maximum) : Axis.Linear(minimum, maximum, 5);
        foreach (string line in Layout.Wrap(plot.Title, 14.5, Right - Left, 2))
            svg.Text(Left, (y += 18) - 3, line, 14, bold: true, kind: "plot-title");
        if (plot.Series.Count > 1 || plot.Series[0].Name != plot.Title)
        {
            y = Layout.Legend(
                svg,
                [.. plot.Series.Select((series, index) => new LegendItem(series.Name, Palette.Series(index), Palette.SeriesDash(index)))],
                Left, y, Right - Left);
        }

        var (top, bottom) = (y + 6, y + 156);
        var frame = new PlotFrame(svg, Left, top, Right - Left, bottom - top);
        frame.Horizontal(xAxis, title: null);
        frame.Vertical(yAxis, plot.YAxisTitle + (plot.LogarithmicY ? " (log)" : ""));
        frame.Border();
        for (int index = 0; index < plot.Series.Count; index++)
            DrawSeries(svg, plot.Series[index], index, plot.LogarithmicY, xAxis, yAxis, top, bottom);

        frame.Hover(xAxis, yAxis, xAxisTitle, plot.Series.Select(series => Thinned(series)), isByX: true);
        if (!yValues.Any(value => Axis.CanShow(value, plot.LogarithmicY)))
            svg.Text((Left + Right) / 2, (top + bottom) / 2, "no values that can be shown", Layout.LabelSize, Anchor.Middle, Palette.Muted);
        y = bottom + 24;
        int hidden = plot.LogarithmicY ? yValues.Count(value => double.IsFinite(value) && !Axis.CanShow(value, logarithmic: true)) : 0;
        return hidden == 0
            ? y
            : Layout.Paragraph(
                svg, $"Values at or below zero ({hidden}) have no place on a log axis and are left out.", Left, y, Right - Left) + 4;
    }

    private static void DrawSeries(Svg svg, LineSeries series, int index, bool logarithmic, Axis xAxis, Axis yAxis, double top, double bottom)
    {
        double[] shown = new double[series.Y.Count];
        for (int point = 0; point < shown.Length; point++)
            shown[point] = Axis.CanShow(series.X[point]) && Axis.CanShow(series.Y[point], logarithmic) ? series.Y[point] : double.NaN;
        List<List<(double X, double Y)>> runs = [[]];
        foreach (int point in Thin(shown, PointLimit))
        {
            if (double.IsNaN(shown[point])) runs.Add([]);
            else runs[^1].Add((xAxis.Place(series.X[point], Left, Right), yAxis.Place(shown[point], bottom, top)));
        }

        svg.Open(("class", "series"), ("stroke", Palette.Series(index)), ("fill", "none"), ("stroke-width", "1.6"),
            ("stroke-linejoin", "round"), ("stroke-dasharray", Palette.SeriesDash(index)));
        foreach (var run in runs.Where(run => run.Count > 1))
            svg.Element("polyline", ("points", string.Join(' ', run.Select(point => $"{Svg.Number(point.X)},{Svg.Number(point.Y)}"))));
        svg.Close();
        foreach (var point in runs.Where(run => run.Count == 1 || (run.Count > 1 && shown.Length <= 30)).SelectMany(run => run))
            svg.Circle(point.X, point.Y, 2.4, Palette.Series(index), kind: "point");
    }
}
