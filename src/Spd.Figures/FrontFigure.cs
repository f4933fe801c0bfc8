namespace Spd.Figures;

/// <summary>A point of a <see cref="FrontFigure"/>.</summary>
/// <param name="X">Its x; a point that is not finite is left out and counted in a note.</param>
/// <param name="Y">Its y.</param>
/// <param name="Label">What a pointer over it shows.</param>
/// <param name="Link">Where it leads, relative to the page; null for nowhere.</param>
public sealed record FrontPoint(double X, double Y, string Label, string? Link = null);

/// <summary>The points of one colour.</summary>
/// <param name="Name">The name in the legend.</param>
/// <param name="Points">The points.</param>
public sealed record FrontSeries(string Name, IReadOnlyList<FrontPoint> Points);

/// <summary>Points of which less is better both ways, such as subcomponents in use and error, and the front: those that no other beats in both.</summary>
/// <param name="Title">The title of the figure.</param>
/// <param name="XAxisTitle">What the x axis measures, with its unit; it is linear.</param>
/// <param name="YAxisTitle">What the y axis measures, with its unit; it is base-ten logarithmic where all are above zero, from the smallest to the largest tenfold or more.</param>
/// <param name="Series">The points; colours repeat after seven.</param>
/// <param name="Subtitle">An optional sentence below the title.</param>
public sealed record FrontFigure(string Title, string XAxisTitle, string YAxisTitle, IReadOnlyList<FrontSeries> Series, string? Subtitle = null) : IFigure
{
    private const double Left = 84;
    private const double Right = Svg.Width - 24;
    private const double Height = 380;
    private const double Tenfold = 10;

    /// <summary>The points that no other beats: by rising x, each below all before it.</summary>
    /// <param name="points">The points; those that cannot be shown are left out.</param>
    public static IReadOnlyList<FrontPoint> Front(IEnumerable<FrontPoint> points)
    {
        List<FrontPoint> front = [];
        foreach (var point in points.Where(IsShown).OrderBy(point => point.X).ThenBy(point => point.Y))
        {
            if (front.Count == 0 || point.Y < front[^1].Y) front.Add(point);
        }

        return front;
    }

    /// <summary>Draws the figure.</summary>
    /// <returns>A self-contained SVG document, 800 units wide.</returns>
    /// <exception cref="ArgumentException">There is no series.</exception>
    public string ToSvg()
    {
        Invalid.RequireItems(Series, "The series of a front figure");
        var all = Series.SelectMany(series => series.Points).ToList();
        var shown = all.Where(IsShown).ToList();
        var svg = new Svg();
        double y = Layout.Heading(svg, Title, Subtitle);
        y = Layout.Legend(
            svg,
            [
                .. Series.Select((series, index) => new LegendItem(series.Name, Palette.Series(index), Swatch: true)),
                new LegendItem("front: no other is lower both ways", Palette.Frame, "5 4"),
            ],
            Left, y, Right - Left);
        var (top, bottom) = (y + 6, y + 6 + Height);
        var (xs, ys) = (shown.Select(point => point.X).DefaultIfEmpty(0).ToList(), shown.Select(point => point.Y).DefaultIfEmpty(1).ToList());
        var xAxis = Axis.Linear(xs.Min(), xs.Max(), 8);
        var yAxis = ys.Min() > 0 && Axis.CanShow(ys.Min(), logarithmic: true) && ys.Max() >= Tenfold * ys.Min() ? Axis.Log(ys.Min(), ys.Max()) : Axis.Linear(ys.Min(), ys.Max(), 6);
        var frame = new PlotFrame(svg, Left, top, Right - Left, bottom - top);
        frame.Horizontal(xAxis, XAxisTitle);
        frame.Vertical(yAxis, YAxisTitle + (yAxis.Logarithmic ? " (log)" : ""));
        frame.Border();
        var front = Front(shown);
        // From point to point along the corners: what lies above and to the right of it is beaten.
        var corners = front.SelectMany((point, index) => index == 0 ? [(point.X, point.Y)] : new[] { (point.X, front[index - 1].Y), (point.X, point.Y) });
        if (front.Count > 1)
        {
            svg.Element(
                "polyline", ("class", "front"), ("fill", "none"), ("stroke", Palette.Frame), ("stroke-width", "1.4"), ("stroke-dasharray", "5 4"),
                ("points", string.Join(' ', corners.Select(corner => $"{Svg.Number(xAxis.Place(corner.Item1, Left, Right))},{Svg.Number(yAxis.Place(corner.Item2, bottom, top))}"))));
        }

        for (int index = 0; index < Series.Count; index++)
        {
            foreach (var point in Series[index].Points.Where(IsShown))
                DrawPoint(svg, point, xAxis.Place(point.X, Left, Right), yAxis.Place(point.Y, bottom, top), Palette.Series(index));
        }

        if (shown.Count == 0)
            svg.Text((Left + Right) / 2, (top + bottom) / 2, "no values that can be shown", Layout.LabelSize, Anchor.Middle, Palette.Muted);
        y = bottom + 42;
        if (shown.Count < all.Count)
            y = Layout.Notes(svg, [$"{all.Count - shown.Count} points are not finite and are left out."], y);
        string description = $"Points of {YAxisTitle} over {XAxisTitle}, {all.Count} in all, {front.Count} of them on the front.";
        return svg.Document(y + 6, Title, Subtitle is null ? description : $"{Subtitle} {description}");
    }

    private static bool IsShown(FrontPoint point) => Axis.CanShow(point.X) && Axis.CanShow(point.Y);

    private static void DrawPoint(Svg svg, FrontPoint point, double x, double y, string color)
    {
        if (point.Link is not null) svg.OpenAs("a", ("href", point.Link), ("aria-label", point.Label));
        svg.OpenAs("circle", ("class", "point"), ("cx", Svg.Number(x)), ("cy", Svg.Number(y)), ("r", "5"), ("fill", color), ("fill-opacity", "0.75"), ("stroke", Palette.Frame));
        svg.Title(point.Label);
        svg.Close();
        if (point.Link is not null) svg.Close();
    }
}
