using System.Globalization;
using System.Text;

namespace Spd.Figures;

/// <summary>The points of one colour.</summary>
/// <param name="Name">The name in the legend.</param>
/// <param name="X">The x values.</param>
/// <param name="Y">As many y values; a point that is not finite is left out and counted in a note.</param>
public sealed record ScatterSeries(string Name, IReadOnlyList<double> X, IReadOnlyList<double> Y);

/// <summary>Points in a square plane whose axes have one range, with the diagonal y = x: two measurements of the same things against each other.</summary>
/// <param name="Title">The title of the figure.</param>
/// <param name="XAxisTitle">What the x axis measures, with its unit.</param>
/// <param name="YAxisTitle">What the y axis measures, with its unit.</param>
/// <param name="Series">The points; colours repeat after seven.</param>
/// <param name="Subtitle">An optional sentence below the title.</param>
public sealed record ScatterFigure(string Title, string XAxisTitle, string YAxisTitle, IReadOnlyList<ScatterSeries> Series, string? Subtitle = null)
{
    private const double Left = 84;
    private const double Size = 600;

    /// <summary>Draws the figure; points that would cover each other exactly are drawn once.</summary>
    /// <returns>A self-contained SVG document, 800 units wide.</returns>
    /// <exception cref="ArgumentException">There is no series, or one has differing counts of x and y values.</exception>
    public string ToSvg()
    {
        Invalid.RequireItems(Series, "The series of a scatter figure");
        foreach (var series in Series)
        {
            if (series.X.Count != series.Y.Count)
                throw Invalid.Input($"Series '{series.Name}' needs as many x as y values, but got {series.X.Count} and {series.Y.Count}.");
        }

        var svg = new Svg();
        double y = Layout.Heading(svg, Title, Subtitle);
        y = Layout.Legend(
            svg,
            [
                .. Series.Select((series, index) => new LegendItem(series.Name, Palette.Series(index), Swatch: true)),
                new LegendItem("y = x", Palette.Frame, "5 4"),
            ],
            Left, y, Size);
        var (top, bottom) = (y + 6, y + 6 + Size);
        var axis = CommonAxis();
        DrawAxes(svg, axis, top, bottom);
        for (int index = 0; index < Series.Count; index++) DrawPoints(svg, Series[index], Palette.Series(index), axis, bottom);

        var (shown, all) = (Series.Sum(series => Shown(series).Count()), Series.Sum(series => series.X.Count));
        y = bottom + 42;
        if (shown < all) y = Layout.Notes(svg, [$"{all - shown} points are not finite and are left out."], y);
        string names = string.Join(", ", Series.Select(series => $"{series.Name} ({series.X.Count} points)"));
        string description = $"Scatter plot of {YAxisTitle} over {XAxisTitle}: {names}.";
        return svg.Document(y + 6, Title, Subtitle is null ? description : $"{Subtitle} {description}");
    }

    private static IEnumerable<(double X, double Y)> Shown(ScatterSeries series) =>
        series.X.Zip(series.Y).Where(point => Axis.CanShow(point.First) && Axis.CanShow(point.Second));

    private Axis CommonAxis()
    {
        double[] values = Series.SelectMany(Shown).SelectMany(point => new[] { point.X, point.Y }).DefaultIfEmpty(0).ToArray();
        var (minimum, maximum) = (values.Min(), values.Max());
        double room = (maximum - minimum) * 0.04;
        return Axis.Exact(minimum - room, maximum + room, 8);
    }

    private void DrawAxes(Svg svg, Axis axis, double top, double bottom)
    {
        foreach (var tick in axis.Ticks)
        {
            var (x, y) = (axis.Place(tick.Value, Left, Left + Size), axis.Place(tick.Value, bottom, top));
            svg.Line(x, top, x, bottom, Palette.GridLine, tick.Value == 0 ? 1.8 : 0.8);
            svg.Line(Left, y, Left + Size, y, Palette.GridLine, tick.Value == 0 ? 1.8 : 0.8);
            svg.Text(x, bottom + 15, tick.Label, Layout.TickSize, Anchor.Middle, Palette.Muted, kind: "x-tick");
            svg.Text(Left - 6, y + 4, tick.Label, Layout.TickSize, Anchor.End, Palette.Muted, kind: "y-tick");
        }

        svg.Line(Left, bottom, Left + Size, top, Palette.Frame, 1.2, "5 4", "diagonal");
        svg.Rectangle(Left, top, Size, Size, "none", Palette.Frame);
        svg.Text(Left + (Size / 2), bottom + 34, Layout.Shorten(XAxisTitle, Layout.LabelSize, Size), Layout.LabelSize, Anchor.Middle, kind: "axis-title");
        svg.Text(
            20, (top + bottom) / 2, Layout.Shorten(YAxisTitle, Layout.LabelSize, Size), Layout.LabelSize, Anchor.Middle, rotation: -90, kind: "axis-title");
    }

    /// <summary>One path of round dots, a tenth of a unit apart at least.</summary>
    private static void DrawPoints(Svg svg, ScatterSeries series, string color, Axis axis, double bottom)
    {
        var places = Shown(series)
            .Select(point => (X: Math.Round(axis.Place(point.X, Left, Left + Size), 1), Y: Math.Round(axis.Place(point.Y, bottom, bottom - Size), 1)))
            .Distinct();
        var path = new StringBuilder();
        foreach (var (x, y) in places) path.Append(CultureInfo.InvariantCulture, $"M{x:0.#} {y:0.#}h0");
        svg.Element("path", ("class", "points"), ("d", path.ToString()), ("stroke", color), ("stroke-width", "5"),
            ("stroke-linecap", "round"), ("stroke-opacity", "0.55"), ("fill", "none"));
    }
}
