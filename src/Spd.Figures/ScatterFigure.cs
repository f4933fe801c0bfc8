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
public sealed record ScatterFigure(string Title, string XAxisTitle, string YAxisTitle, IReadOnlyList<ScatterSeries> Series, string? Subtitle = null) : IFigure
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
        var frame = new PlotFrame(svg, Left, top, Size, Size);
        frame.Horizontal(axis, XAxisTitle, marksZero: true);
        frame.Vertical(axis, YAxisTitle, marksZero: true);
        svg.Line(Left, bottom, Left + Size, top, Palette.Frame, 1.2, "5 4", "diagonal");
        frame.Border();
        for (int index = 0; index < Series.Count; index++) DrawPoints(svg, Series[index], Palette.Series(index), axis, bottom);
        frame.Hover(axis, axis, XAxisTitle, Series.Select(series => (series.Name, series.X, series.Y)), isByX: false);

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
