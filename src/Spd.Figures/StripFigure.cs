using System.Globalization;

namespace Spd.Figures;

/// <summary>One of the strip plots that stand below each other.</summary>
/// <param name="Title">The title above the plot.</param>
/// <param name="Values">The values <c>[columns, items]</c>: a column of points for each row of the grid.</param>
/// <param name="ColumnAxisTitle">What the columns are.</param>
/// <param name="ColumnLabels">A label per column, or null for the column's index.</param>
public sealed record StripPanel(string Title, Grid Values, string ColumnAxisTitle, IReadOnlyList<string>? ColumnLabels = null);

/// <summary>A run of items that share a colour, such as the neurons of one layer.</summary>
/// <param name="Name">The name in the legend.</param>
/// <param name="Count">Its items.</param>
public sealed record StripGroup(string Name, int Count);

/// <summary>
/// Plots of a few columns of points, such as the neurons that take part in each feature; the large points carry their item's number, so that one can be
/// found again in the next plot. All plots have one range.
/// </summary>
/// <param name="Title">The title of the figure.</param>
/// <param name="YAxisTitle">What the values measure, with its unit.</param>
/// <param name="Panels">The plots from top to bottom, with the same counts of columns and items.</param>
/// <param name="Groups">The items' groups, which together hold all items in order.</param>
/// <param name="Subtitle">An optional sentence below the title.</param>
public sealed record StripFigure(
    string Title, string YAxisTitle, IReadOnlyList<StripPanel> Panels, IReadOnlyList<StripGroup> Groups, string? Subtitle = null) : IFigure
{
    private const double Left = 84;
    private const double Right = Svg.Width - 24;
    private const double PlotHeight = 230;
    private const double NumberSize = 11;

    /// <summary>Points from this share of the largest magnitude on carry their number.</summary>
    private const double NumberedShare = 0.1;

    /// <summary>Draws the figure.</summary>
    /// <returns>A self-contained SVG document, 800 units wide.</returns>
    /// <exception cref="ArgumentException">There is no panel or group, sizes differ, or labels do not match the columns.</exception>
    public string ToSvg()
    {
        Validate();
        var svg = new Svg();
        double y = Layout.Heading(svg, Title, Subtitle);
        if (Groups.Count > 1)
        {
            var items = Groups.Select((group, index) => new LegendItem(group.Name, Palette.Series(index), Swatch: true));
            y = Layout.Legend(svg, [.. items], Left, y, Right - Left);
        }

        double[] values = [.. Panels.SelectMany(panel => panel.Values.Values.ToArray()).Where(value => Axis.CanShow(value)).DefaultIfEmpty(0)];
        var axis = Axis.Linear(Math.Min(0, values.Min()), Math.Max(0, values.Max()), 5);
        double numbered = NumberedShare * values.Max(Math.Abs);
        foreach (var panel in Panels) y = DrawPanel(svg, panel, axis, numbered, y);

        int hidden = Panels.Sum(panel => panel.Values.Values.ToArray().Count(value => !Axis.CanShow(value)));
        if (hidden > 0) y = Layout.Notes(svg, [$"{hidden} values are not finite and are left out."], y);
        string description = $"Strip plots of {YAxisTitle}: "
            + string.Join("; ", Panels.Select(panel =>
                $"{panel.Title}, {panel.Values.Rows} columns ({panel.ColumnAxisTitle}) of {panel.Values.Columns} points"))
            + ".";
        return svg.Document(y + 4, Title, Subtitle is null ? description : $"{Subtitle} {description}");
    }

    private void Validate()
    {
        Invalid.RequireItems(Panels, "The panels of a strip figure");
        Invalid.RequireItems(Groups, "The groups of a strip figure");
        foreach (var panel in Panels)
        {
            if ((panel.Values.Rows, panel.Values.Columns) != (Panels[0].Values.Rows, Panels[0].Values.Columns))
                throw Invalid.Input($"Panel '{panel.Title}' has other counts of columns and items than panel '{Panels[0].Title}'.");
            if (panel.ColumnLabels is { } labels && labels.Count != panel.Values.Rows)
                throw Invalid.Input($"Panel '{panel.Title}' has {panel.Values.Rows} columns but {labels.Count} column labels.");
        }

        if (Groups.Sum(group => group.Count) != Panels[0].Values.Columns)
            throw Invalid.Input($"The groups hold {Groups.Sum(group => group.Count)} items, but there are {Panels[0].Values.Columns}.");
    }

    private double DrawPanel(Svg svg, StripPanel panel, Axis axis, double numbered, double y)
    {
        foreach (string line in Layout.Wrap(panel.Title, 14.5, Right - Left, 2))
            svg.Text(Left, (y += 18) - 3, line, 14, bold: true, kind: "plot-title");
        var (top, bottom, columns) = (y + 6, y + 6 + PlotHeight, panel.Values.Rows);
        double width = (Right - Left) / columns;
        for (int column = 0; column < columns; column += 2) svg.Rectangle(Left + (column * width), top, width, PlotHeight, "#f5f5f5");
        var frame = new PlotFrame(svg, Left, top, Right - Left, PlotHeight);
        frame.Vertical(axis, YAxisTitle, marksZero: true);
        frame.Border();
        for (int column = 0; column < columns; column++)
        {
            double x = Left + ((column + 0.5) * width);
            DrawColumn(svg, panel.Values, column, axis, numbered, x, top, bottom);
            string label = panel.ColumnLabels?[column] ?? column.ToString(CultureInfo.InvariantCulture);
            svg.Text(x, bottom + 15, Layout.Shorten(label, Layout.TickSize, width), Layout.TickSize, Anchor.Middle, Palette.Muted, kind: "column-label");
        }

        svg.Text((Left + Right) / 2, bottom + 32, panel.ColumnAxisTitle, Layout.LabelSize, Anchor.Middle, kind: "axis-title");
        return bottom + 40;
    }

    /// <summary>Draws the points of a column, and numbers the largest first, on the side where there is room.</summary>
    private void DrawColumn(Svg svg, Grid values, int column, Axis axis, double numbered, double x, double top, double bottom)
    {
        List<double> right = [], left = [];
        var shown = Enumerable.Range(0, values.Columns).Where(item => Axis.CanShow(values[column, item]));
        foreach (int item in shown.OrderByDescending(item => Math.Abs(values[column, item])))
        {
            double y = axis.Place(values[column, item], bottom, top);
            string color = Palette.Series(GroupOf(item));
            svg.Circle(x, y, 2.6, color, kind: "point", hint: $"{item}: {Axis.Format(values[column, item])}");
            if (Math.Abs(values[column, item]) < numbered || values[column, item] == 0) continue;
            var side = right.TrueForAll(IsClear) ? right : left.TrueForAll(IsClear) ? left : null;
            if (side is null) continue;
            side.Add(y);
            svg.Text(
                side == right ? x + 5 : x - 5, y + 3.8, item.ToString(CultureInfo.InvariantCulture), NumberSize,
                side == right ? Anchor.Start : Anchor.End, color, kind: "number");

            bool IsClear(double other) => Math.Abs(other - y) >= NumberSize - 1;
        }
    }

    private int GroupOf(int item)
    {
        int group = 0;
        for (int end = Groups[0].Count; item >= end; end += Groups[group].Count) group++;
        return group;
    }
}
