using System.Globalization;
using System.Text.Json;

namespace Spd.Figures;

/// <summary>The frame that the points of a plot lie in: axes with their ticks, grid lines and titles, and the values that a page shows under the pointer.</summary>
internal sealed class PlotFrame(Svg svg, double left, double top, double width, double height)
{
    // More points would make a drawing heavy whose pixels they outnumber.
    private const int MostHovered = 4000;

    private double Right => left + width;

    private double Bottom => top + height;

    /// <summary>Draws the vertical axis, its grid lines over the plot, and its title.</summary>
    /// <param name="axis">The axis.</param>
    /// <param name="title">What it measures.</param>
    /// <param name="titleDistance">How far left of the plot the title stands.</param>
    /// <param name="marksZero">Whether the line at zero is wider than the others.</param>
    public void Vertical(Axis axis, string title, double titleDistance = 64, bool marksZero = false)
    {
        foreach (var tick in axis.Ticks)
        {
            double y = axis.Place(tick.Value, Bottom, top);
            svg.Line(left, y, Right, y, Palette.GridLine, GridWidth(tick, marksZero));
            svg.Text(left - 6, y + 4, tick.Label, Layout.TickSize, Anchor.End, Palette.Muted, kind: "y-tick");
        }

        svg.Text(
            left - titleDistance, (top + Bottom) / 2, Layout.Shorten(title, Layout.LabelSize, height + 20),
            Layout.LabelSize, Anchor.Middle, rotation: -90, kind: "axis-title");
    }

    /// <summary>Draws the horizontal axis and its title.</summary>
    /// <param name="axis">The axis.</param>
    /// <param name="title">What it measures; null where plots below share the axis.</param>
    /// <param name="hasGrid">Whether its lines cross the plot; otherwise ticks stand below it.</param>
    /// <param name="marksZero">Whether the line at zero is wider than the others.</param>
    public void Horizontal(Axis axis, string? title, bool hasGrid = true, bool marksZero = false)
    {
        foreach (var tick in axis.Ticks)
        {
            double x = axis.Place(tick.Value, left, Right);
            if (hasGrid) svg.Line(x, top, x, Bottom, Palette.GridLine, GridWidth(tick, marksZero));
            else svg.Line(x, Bottom, x, Bottom + 4, Palette.Frame, 1);
            svg.Text(x, Bottom + 15, tick.Label, Layout.TickSize, Anchor.Middle, Palette.Muted, kind: "x-tick");
        }

        if (title is not null)
            svg.Text((left + Right) / 2, Bottom + 34, Layout.Shorten(title, Layout.LabelSize, width), Layout.LabelSize, Anchor.Middle, kind: "axis-title");
    }

    /// <summary>Draws the border.</summary>
    public void Border() => svg.Rectangle(left, top, width, height, "none", Palette.Frame);

    /// <summary>Lays what a page shows under the pointer over the plot: the values of all series at the nearest x, or those of the nearest point.</summary>
    /// <param name="xAxis">The horizontal axis, which is linear.</param>
    /// <param name="yAxis">The vertical axis.</param>
    /// <param name="x">What x is called.</param>
    /// <param name="series">The series; what cannot be shown in them is left out.</param>
    /// <param name="isByX">Whether all series are looked up by their x; otherwise the point that is nearest is told alone.</param>
    public void Hover(Axis xAxis, Axis yAxis, string x, IEnumerable<(string Name, IReadOnlyList<double> X, IReadOnlyList<double> Y)> series, bool isByX)
    {
        var shown = series.Select(one => (one.Name, Points: one.X.Zip(one.Y)
            .Where(point => Axis.CanShow(point.First) && Axis.CanShow(point.Second, yAxis.Logarithmic)).ToList())).Where(one => one.Points.Count > 0).ToList();
        if (shown.Count == 0 || shown.Sum(one => one.Points.Count) > MostHovered) return;
        string text = string.Join(',', shown.Select(one =>
            $"{{\"name\":{JsonSerializer.Serialize(one.Name, FigureJson.Default.String)},\"x\":[{List(one.Points.Select(point => point.First))}],\"y\":[{List(one.Points.Select(point => point.Second))}]}}"));
        svg.Element(
            "rect", ("class", "hover"), ("x", Svg.Number(left)), ("y", Svg.Number(top)), ("width", Svg.Number(width)), ("height", Svg.Number(height)),
            ("fill", "transparent"), ("data-hover", isByX ? "lines" : "points"), ("data-x", x), ("data-range", List([xAxis.Minimum, xAxis.Maximum, yAxis.Minimum, yAxis.Maximum])),
            ("data-log", yAxis.Logarithmic ? "1" : null), ("data-series", $"[{text}]"));
    }

    private static double GridWidth(Tick tick, bool marksZero) => !marksZero ? 1 : tick.Value == 0 ? 1.8 : 0.8;

    private static string List(IEnumerable<double> values) => string.Join(',', values.Select(value => value.ToString("G4", CultureInfo.InvariantCulture)));
}

[System.Text.Json.Serialization.JsonSerializable(typeof(string))]
[System.Text.Json.Serialization.JsonSerializable(typeof(IReadOnlyList<string>))]
internal sealed partial class FigureJson : System.Text.Json.Serialization.JsonSerializerContext;
