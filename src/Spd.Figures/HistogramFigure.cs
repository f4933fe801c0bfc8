namespace Spd.Figures;

/// <summary>The counts of values in [0, 1] for one histogram.</summary>
/// <param name="Title">The title above the histogram.</param>
/// <param name="Counts">Counts in bins of equal width over [0, 1]; the last bin includes 1.</param>
/// <param name="OutsideCount">How many finite values were below 0 or above 1.</param>
/// <param name="NonFiniteCount">How many values were not finite.</param>
public sealed record HistogramPanel(string Title, IReadOnlyList<long> Counts, long OutsideCount = 0, long NonFiniteCount = 0)
{
    /// <summary>Counts values into bins of equal width over [0, 1].</summary>
    /// <exception cref="ArgumentException">There are fewer than one or more than 200 bins.</exception>
    public static HistogramPanel FromValues(string title, ReadOnlySpan<float> values, int binCount = 50)
    {
        if (binCount is < 1 or > HistogramFigure.BinLimit)
            throw Invalid.Input($"A histogram needs 1 to {HistogramFigure.BinLimit} bins, but got {binCount}.");
        long[] counts = new long[binCount];
        var (outside, nonFinite) = (0L, 0L);
        foreach (float value in values)
        {
            if (!float.IsFinite(value)) nonFinite++;
            else if (value is < 0 or > 1) outside++;
            else counts[Math.Min(binCount - 1, (int)((double)value * binCount))]++;
        }

        return new HistogramPanel(title, counts, outside, nonFinite);
    }
}

/// <summary>Histograms of values in [0, 1], such as the causal importances of each site, with counts on a shared log axis.</summary>
/// <param name="Title">The title of the figure.</param>
/// <param name="XAxisTitle">What the values are.</param>
/// <param name="Panels">The histograms, two in a row where there are several.</param>
/// <param name="Subtitle">An optional sentence below the title.</param>
public sealed record HistogramFigure(string Title, string XAxisTitle, IReadOnlyList<HistogramPanel> Panels, string? Subtitle = null) : IFigure
{
    internal const int BinLimit = 200;
    private const double Left = 84;
    private const double Gap = 80;
    private const double PlotHeight = 170;

    private double HeadHeight => Panels.Any(panel => panel.OutsideCount + panel.NonFiniteCount > 0) ? 55 : 40;

    /// <summary>Draws the figure.</summary>
    /// <returns>A self-contained SVG document, 800 units wide.</returns>
    /// <exception cref="ArgumentException">A list is empty, a count is negative, or a panel has more than 200 bins.</exception>
    public string ToSvg()
    {
        Invalid.RequireItems(Panels, "The panels of a histogram figure");
        foreach (var panel in Panels)
        {
            if (panel.Counts is null || panel.Counts.Count is < 1 or > BinLimit)
                throw Invalid.Input($"Panel '{panel.Title}' needs 1 to {BinLimit} bins, but got {panel.Counts?.Count ?? 0}.");
            if (panel.Counts.Any(count => count < 0) || panel.OutsideCount < 0 || panel.NonFiniteCount < 0)
                throw Invalid.Input($"Panel '{panel.Title}' has a negative count.");
        }

        var svg = new Svg();
        double y = Layout.Heading(svg, Title, Subtitle) + 4;
        int perRow = Math.Min(2, Panels.Count);
        double width = (Svg.Width - 24 - Left - (Gap * (perRow - 1))) / perRow;
        var yAxis = Axis.Counts(Panels.Max(panel => panel.Counts.Max()));
        for (int index = 0; index < Panels.Count; index++)
        {
            DrawPanel(svg, Panels[index], yAxis, Left + (index % perRow * (width + Gap)), y, width);
            if (index % perRow == perRow - 1 || index == Panels.Count - 1) y += PlotHeight + HeadHeight + 52;
        }

        string description = $"Histograms of {XAxisTitle} for {string.Join(", ", Panels.Select(panel => panel.Title))}; counts on a log axis.";
        return svg.Document(y, Title, Subtitle is null ? description : $"{Subtitle} {description}");
    }

    private void DrawPanel(Svg svg, HistogramPanel panel, Axis yAxis, double left, double y, double width)
    {
        int bins = panel.Counts.Count;
        svg.Text(left, y + 14, Layout.Shorten(panel.Title, 14.5, width), 14, bold: true, kind: "plot-title");
        svg.Text(left, y + 31, $"{panel.Counts.Sum()} values, bin width {Axis.Format(1.0 / bins)}", Layout.TickSize, fill: Palette.Muted, kind: "note");
        if (panel.OutsideCount + panel.NonFiniteCount > 0)
        {
            svg.Text(left, y + 46, $"not shown: {panel.OutsideCount} outside [0, 1], {panel.NonFiniteCount} not finite",
                Layout.TickSize, fill: Palette.Muted, kind: "note");
        }

        var (top, bottom) = (y + HeadHeight, y + HeadHeight + PlotHeight);
        var frame = new PlotFrame(svg, left, top, width, PlotHeight);
        frame.Vertical(yAxis, "count (log)", titleDistance: 58);
        for (int bin = 0; bin < bins; bin++)
        {
            if (panel.Counts[bin] == 0) continue;
            double barTop = yAxis.Place(panel.Counts[bin], bottom, top);
            svg.Rectangle(
                left + (width * bin / bins), barTop, Math.Max(0.5, (width / bins) - (bins > 60 ? 0.3 : 1)), bottom - barTop,
                Palette.Series(0), kind: "bar", hint: $"{Axis.Format((double)bin / bins)} to {Axis.Format((bin + 1.0) / bins)}: {panel.Counts[bin]}");
        }

        svg.Line(left, bottom, left + width, bottom, Palette.Frame, 1);
        svg.Line(left, top, left, bottom, Palette.Frame, 1);
        frame.Horizontal(Axis.Exact(0, 1, 5), XAxisTitle, hasGrid: false);
    }
}
