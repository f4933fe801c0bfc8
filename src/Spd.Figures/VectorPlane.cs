namespace Spd.Figures;

/// <summary>A square plane of two hidden units in which the columns of a 2 x features matrix are arrows.</summary>
internal sealed class VectorPlane
{
    private const double LabelDistance = 10;
    private readonly double _largest;
    private readonly Axis _axis;

    private VectorPlane(double largest)
    {
        _largest = largest;
        _axis = Axis.Exact(-largest * 1.3, largest * 1.3, 6);
        CircleRadius = largest is >= 0.85 and <= 5 ? 1 : _axis.Ticks[^1].Value;
    }

    /// <summary>The radius of the dashed circle: one where that suits the range, else the largest tick.</summary>
    public double CircleRadius { get; }

    /// <summary>A plane that holds the longest finite column of all panels.</summary>
    public static VectorPlane For(IEnumerable<VectorPanel> panels)
    {
        double largest = panels.Select(panel => panel.First).Where(matrix => matrix.Rows == 2)
            .SelectMany(matrix => Enumerable.Range(0, matrix.Columns).Where(column => CanDraw(matrix, column)).Select(column => Length(matrix, column)))
            .Append(0).Max();
        return new VectorPlane(largest < 1e-150 ? 1 : largest);
    }

    /// <summary>Draws the plane; the first of a row also gets the labels of the vertical axis.</summary>
    public void Draw(Svg svg, Grid matrix, double left, double top, double size, bool isFirst)
    {
        DrawAxes(svg, left, top, size, isFirst);
        foreach (int column in Enumerable.Range(0, matrix.Columns).Where(column => CanDraw(matrix, column)).OrderByDescending(column => Length(matrix, column)))
            DrawArrow(svg, matrix, column, left, top, size);
    }

    private static bool CanDraw(Grid matrix, int column) => Axis.CanShow(matrix[0, column]) && Axis.CanShow(matrix[1, column]);

    private static double Length(Grid matrix, int column) => double.Hypot(matrix[0, column], matrix[1, column]);

    private void DrawAxes(Svg svg, double left, double top, double size, bool isFirst)
    {
        var (right, bottom) = (left + size, top + size);
        foreach (var tick in _axis.Ticks)
        {
            var (x, y) = (_axis.Place(tick.Value, left, right), _axis.Place(tick.Value, bottom, top));
            svg.Line(x, top, x, bottom, Palette.GridLine, tick.Value == 0 ? 1.8 : 0.8);
            svg.Line(left, y, right, y, Palette.GridLine, tick.Value == 0 ? 1.8 : 0.8);
            svg.Text(x, bottom + 14, tick.Label, Layout.TickSize, Anchor.Middle, Palette.Muted, kind: "x-tick");
            if (isFirst) svg.Text(left - 5, y + 4, tick.Label, Layout.TickSize, Anchor.End, Palette.Muted, kind: "y-tick");
        }

        svg.Circle((left + right) / 2, (top + bottom) / 2, CircleRadius / (_axis.Maximum - _axis.Minimum) * size, "none", Palette.Frame, "3 3", "range");
        svg.Rectangle(left, top, size, size, "none", Palette.Frame);
        svg.Text((left + right) / 2, bottom + 29, "hidden unit 0", Layout.TickSize, Anchor.Middle, Palette.Muted, kind: "axis-title");
        if (isFirst)
            svg.Text(left - 40, (top + bottom) / 2, "hidden unit 1", Layout.TickSize, Anchor.Middle, Palette.Muted, rotation: -90, kind: "axis-title");
    }

    private void DrawArrow(Svg svg, Grid matrix, int column, double left, double top, double size)
    {
        string color = Palette.Feature(column, matrix.Columns);
        var (startX, startY) = (left + (size / 2), top + (size / 2));
        var (x, y) = (_axis.Place(matrix[0, column], left, left + size), _axis.Place(matrix[1, column], top + size, top));
        double length = double.Hypot(x - startX, y - startY);
        if (length < 3)
        {
            svg.Circle(startX, startY, 2.2, Palette.Frame, kind: "dot");
            return;
        }

        var (unitX, unitY) = ((x - startX) / length, (y - startY) / length);
        double head = Math.Min(9, length * 0.6);
        var (neckX, neckY, half) = (x - (unitX * head), y - (unitY * head), head * 0.42);
        svg.Line(startX, startY, neckX, neckY, color, 2.4);
        svg.Element("path", ("class", "arrow"), ("fill", color), ("d",
            $"M{Svg.Number(x)} {Svg.Number(y)}"
            + $"L{Svg.Number(neckX - (unitY * half))} {Svg.Number(neckY + (unitX * half))}"
            + $"L{Svg.Number(neckX + (unitY * half))} {Svg.Number(neckY - (unitX * half))}z"));
        if (matrix.Columns <= 12 && Length(matrix, column) >= 0.2 * _largest)
        {
            svg.Text(
                x + (unitX * LabelDistance), y + (unitY * LabelDistance) + 4, VectorFigure.ShortName(column),
                Layout.TickSize, Anchor.Middle, kind: "arrow-label");
        }
    }
}
