using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Spd.Figures;

/// <summary>How the colours of a heatmap stand for values.</summary>
public enum HeatmapScale
{
    /// <summary>Blue through white to red, symmetric about zero, to the largest magnitude.</summary>
    Signed,

    /// <summary>White to dark blue for zero to one; values beyond are drawn as the ends and counted in a note.</summary>
    UnitInterval,
}

/// <summary>One matrix of a heatmap figure.</summary>
/// <param name="Title">The title above the matrix.</param>
/// <param name="Values">The matrix; its first row is drawn at the top.</param>
/// <param name="RowAxisTitle">What the rows are.</param>
/// <param name="ColumnAxisTitle">What the columns are.</param>
/// <param name="RowLabels">A label per row, or null for the row's index.</param>
/// <param name="ColumnLabels">A label per column, or null for the column's index.</param>
/// <param name="Name">What its picture is called, where the title has numbers that change in the course of a run; null for the title.</param>
public sealed record HeatmapPanel(
    string Title,
    Grid Values,
    string RowAxisTitle,
    string ColumnAxisTitle,
    IReadOnlyList<string>? RowLabels = null,
    IReadOnlyList<string>? ColumnLabels = null,
    string? Name = null);

/// <summary>One or several matrices drawn as coloured cells; cells that are not finite are grey.</summary>
/// <param name="Title">The title of the figure.</param>
/// <param name="Panels">The matrices, in reading order.</param>
/// <param name="Scale">How colours stand for values.</param>
/// <param name="ColorTitle">What the colours measure, with its unit.</param>
/// <param name="Subtitle">An optional sentence below the title.</param>
/// <param name="SharedScale">Whether signed panels share one colour range; otherwise each has its own colour bar.</param>
/// <param name="PanelsPerRow">How many panels stand side by side (1 to 4), or 0 to choose by their size.</param>
public sealed partial record HeatmapFigure(
    string Title,
    IReadOnlyList<HeatmapPanel> Panels,
    HeatmapScale Scale,
    string ColorTitle,
    string? Subtitle = null,
    bool SharedScale = true,
    int PanelsPerRow = 0) : IFigure
{
    /// <summary>The most cells drawn in a whole figure, which keeps it below two and a half megabytes; larger matrices are pooled.</summary>
    private const int CellLimit = 120_000;
    private const int SingleCellLimit = 2000;
    private const double BarWidth = 240;

    private bool HasOneColorBar => SharedScale || Scale == HeatmapScale.UnitInterval;

    /// <summary>Draws the figure; a matrix too large to draw shows the largest magnitude of each block of cells, and says so.</summary>
    /// <returns>A self-contained SVG document, 800 units wide and below two and a half megabytes.</returns>
    /// <exception cref="ArgumentException">There is no panel, labels do not match their matrix, or the panels per row are out of range.</exception>
    public string ToSvg()
    {
        Validate();
        var svg = new Svg();
        double y = Layout.Heading(svg, Title, Subtitle);
        var shared = ColorAxis(Panels);
        if (HasOneColorBar)
            y = Layout.ColorBar(svg, ColorTitle, shared, value => Color(value, shared), Layout.Margin + 10, y, BarWidth, Panels.Any(HasNonFinite)) + 10;

        int perRow = PanelsPerRow > 0
            ? PanelsPerRow
            : Math.Min(Panels.Count, Panels.Max(panel => panel.Values.Columns) switch { <= 6 => 3, <= 14 => 2, _ => 1 });
        double width = (Svg.Width - (2 * Layout.Margin) - (14 * (perRow - 1))) / perRow;
        double labelWidth = Math.Min(width / 4, Panels.SelectMany(RowLabels).Max(label => Layout.TextWidth(label, Layout.TickSize)));
        for (int first = 0; first < Panels.Count; first += perRow)
        {
            double bottom = y;
            for (int index = first; index < Math.Min(first + perRow, Panels.Count); index++)
                bottom = Math.Max(bottom, DrawPanel(svg, Panels[index], shared, Layout.Margin + ((index - first) * (width + 14)), y, width, labelWidth));
            y = bottom + 14;
        }

        int clipped = Scale == HeatmapScale.UnitInterval ? Panels.Sum(panel => CountOf(panel, value => double.IsFinite(value) && value is < 0 or > 1)) : 0;
        if (clipped > 0) y = Layout.Notes(svg, [$"{clipped} values outside [0, 1] are drawn in the colour of the nearer end."], y);
        string description = $"Heatmaps of {ColorTitle}: "
            + string.Join("; ", Panels.Select(panel =>
                $"{panel.Title}, {panel.Values.Rows} rows ({panel.RowAxisTitle}) by {panel.Values.Columns} columns ({panel.ColumnAxisTitle})"))
            + ".";
        return svg.Document(y + 4, Title, Subtitle is null ? description : $"{Subtitle} {description}");
    }

    private static IReadOnlyList<string> RowLabels(HeatmapPanel panel) => panel.RowLabels ?? Indices(panel.Values.Rows);

    private static string[] Indices(int count) => [.. Enumerable.Range(0, count).Select(index => index.ToString(CultureInfo.InvariantCulture))];

    private static bool HasNonFinite(HeatmapPanel panel) => CountOf(panel, value => !double.IsFinite(value)) > 0;

    private static int CountOf(HeatmapPanel panel, Func<double, bool> condition)
    {
        int count = 0;
        foreach (double value in panel.Values.Values) count += condition(value) ? 1 : 0;
        return count;
    }

    private void Validate()
    {
        Invalid.RequireItems(Panels, "The panels of a heatmap figure");
        if (PanelsPerRow is < 0 or > 4) throw Invalid.Input($"The panels per row must be 0 to 4, but are {PanelsPerRow}.");
        foreach (var panel in Panels)
        {
            if (panel.RowLabels is { } rows && rows.Count != panel.Values.Rows)
                throw Invalid.Input($"Panel '{panel.Title}' has {panel.Values.Rows} rows but {rows.Count} row labels.");
            if (panel.ColumnLabels is { } columns && columns.Count != panel.Values.Columns)
                throw Invalid.Input($"Panel '{panel.Title}' has {panel.Values.Columns} columns but {columns.Count} column labels.");
        }
    }

    private Axis ColorAxis(IEnumerable<HeatmapPanel> panels)
    {
        if (Scale == HeatmapScale.UnitInterval) return Axis.Exact(0, 1, 5);
        double largest = 0.0;
        foreach (var panel in panels)
        {
            foreach (double value in panel.Values.Values) largest = Axis.CanShow(value) ? Math.Max(largest, Math.Abs(value)) : largest;
        }

        return largest < 1e-150 ? Axis.Exact(-1, 1, 6) : Axis.Exact(-largest, largest, 6);
    }

    private Axis AxisOf(HeatmapPanel panel, Axis shared) => HasOneColorBar ? shared : ColorAxis([panel]);

    private string Color(double value, Axis axis)
    {
        if (!double.IsFinite(value)) return Palette.NonFinite;
        return Scale == HeatmapScale.Signed ? Palette.Diverging(value / axis.Maximum) : Palette.Sequential(value);
    }

    private double DrawPanel(Svg svg, HeatmapPanel panel, Axis shared, double left, double y, double width, double labelWidth)
    {
        var (rows, columns) = (panel.Values.Rows, panel.Values.Columns);
        var rowLabels = RowLabels(panel);
        var columnLabels = panel.ColumnLabels ?? Indices(columns);
        double plotLeft = left + 20 + labelWidth + 6;
        foreach (string line in Layout.Wrap(panel.Title, 14.5, left + width - plotLeft, 3))
            svg.Text(plotLeft, (y += 18) - 3, line, 14, bold: true, kind: "plot-title");

        double cellWidth = Math.Min(38, (left + width - 12 - plotLeft) / columns);
        double cellHeight = Math.Min(Math.Clamp(cellWidth, 4, 32), 480.0 / rows);
        var (plotTop, plotWidth, plotHeight) = (y + 6, cellWidth * columns, cellHeight * rows);

        var axis = AxisOf(panel, shared);
        var (rowBlock, columnBlock) = Pooling(rows, columns);
        if (rows * columns <= SingleCellLimit)
        {
            DrawSingleCells(svg, panel.Values, axis, plotLeft, plotTop, cellWidth, cellHeight);
        }
        else
        {
            DrawMergedCells(
                svg, Pool(panel.Values, rowBlock, columnBlock), axis,
                plotLeft, plotTop, cellWidth * columnBlock, cellHeight * rowBlock, plotWidth, plotHeight);
        }

        svg.Rectangle(plotLeft, plotTop, plotWidth, plotHeight, "none", Palette.Frame);
        DrawHover(svg, panel, rowBlock, columnBlock, plotLeft, plotTop, plotWidth, plotHeight);

        svg.Text(
            left + 12, plotTop + (plotHeight / 2), Layout.Shorten(panel.RowAxisTitle, Layout.LabelSize, plotHeight + 60),
            Layout.LabelSize, Anchor.Middle, rotation: -90, kind: "axis-title");
        for (int row = 0; row < rows; row += Layout.Stride(cellHeight, 12.5))
        {
            svg.Text(
                plotLeft - 5, plotTop + ((row + 0.5) * cellHeight) + 4, Layout.Shorten(rowLabels[row], Layout.TickSize, labelWidth + 1),
                Layout.TickSize, Anchor.End, Palette.Muted, kind: "row-label");
        }

        y = DrawColumnLabels(svg, columnLabels, plotLeft, plotTop + plotHeight, cellWidth);

        double titleX = Math.Max(plotLeft + (plotWidth / 2), left + Math.Min(width, Layout.TextWidth(panel.ColumnAxisTitle, Layout.LabelSize)) / 2);
        svg.Text(titleX, y + 14, Layout.Shorten(panel.ColumnAxisTitle, Layout.LabelSize, width), Layout.LabelSize, Anchor.Middle, kind: "axis-title");
        y += 20;
        if (rows * columns > SingleCellLimit && rowBlock * columnBlock > 1)
        {
            y = Layout.Paragraph(
                svg, $"Each drawn cell shows the value of largest magnitude among {rowBlock} x {columnBlock} entries.",
                plotLeft, y, left + width - plotLeft);
        }

        return HasOneColorBar
            ? y
            : Layout.ColorBar(
                svg, ColorTitle, axis, value => Color(value, axis),
                plotLeft, y, Math.Min(BarWidth, width - plotLeft + left - 24), HasNonFinite(panel));
    }

    /// <summary>Lays what a page shows under the pointer over a matrix: its values, as half precision floats in base 64, pooled as in the drawing.</summary>
    private static void DrawHover(Svg svg, HeatmapPanel panel, int rowBlock, int columnBlock, double left, double top, double width, double height)
    {
        var cells = Pool(panel.Values, rowBlock, columnBlock);
        byte[] halves = new byte[2 * cells.Values.Length];
        for (int cell = 0; cell < cells.Values.Length; cell++) BinaryPrimitives.WriteHalfLittleEndian(halves.AsSpan(2 * cell), (Half)cells.Values[cell]);
        svg.Element(
            "rect", ("class", "hover"), ("x", Svg.Number(left)), ("y", Svg.Number(top)), ("width", Svg.Number(width)), ("height", Svg.Number(height)), ("fill", "transparent"),
            ("data-hover", "cells"), ("data-rows", $"{panel.Values.Rows}"), ("data-columns", $"{panel.Values.Columns}"),
            ("data-row-block", $"{rowBlock}"), ("data-column-block", $"{columnBlock}"), ("data-row", panel.RowAxisTitle), ("data-column", panel.ColumnAxisTitle),
            ("data-row-labels", Labels(panel.RowLabels)), ("data-column-labels", Labels(panel.ColumnLabels)), ("data-values", Convert.ToBase64String(halves)));

        static string? Labels(IReadOnlyList<string>? labels) => labels is null ? null : JsonSerializer.Serialize(labels, FigureJson.Default.IReadOnlyListString);
    }

    private static double DrawColumnLabels(Svg svg, IReadOnlyList<string> labels, double left, double top, double cellWidth)
    {
        const double RotatedLimit = 90;
        double widest = labels.Max(label => Layout.TextWidth(label, Layout.TickSize));
        int stride = Layout.Stride(cellWidth, widest + 6);
        if (stride == 1 || widest < 32)
        {
            for (int column = 0; column < labels.Count; column += stride)
                svg.Text(left + ((column + 0.5) * cellWidth), top + 15, labels[column], Layout.TickSize, Anchor.Middle, Palette.Muted, kind: "column-label");
            return top + 18;
        }

        for (int column = 0; column < labels.Count; column += Layout.Stride(cellWidth, 12.5))
        {
            svg.Text(left + ((column + 0.5) * cellWidth) + 4, top + 6, Layout.Shorten(labels[column], Layout.TickSize, RotatedLimit),
                Layout.TickSize, Anchor.End, Palette.Muted, rotation: -90, kind: "column-label");
        }

        return top + 8 + Math.Min(widest, RotatedLimit);
    }

    private void DrawSingleCells(Svg svg, Grid values, Axis axis, double left, double top, double cellWidth, double cellHeight)
    {
        svg.Open(("stroke", cellWidth >= 5 && cellHeight >= 5 ? Palette.GridLine : null), ("stroke-width", "0.6"));
        for (int row = 0; row < values.Rows; row++)
        {
            for (int column = 0; column < values.Columns; column++)
                svg.Rectangle(left + (column * cellWidth), top + (row * cellHeight), cellWidth, cellHeight, Color(values[row, column], axis), kind: "cell");
        }

        svg.Close();
    }

    /// <summary>One path per colour over a background of zero's colour, with equal neighbours of a row merged.</summary>
    private void DrawMergedCells(Svg svg, Grid values, Axis axis, double left, double top, double cellWidth, double cellHeight, double width, double height)
    {
        string background = Color(0, axis);
        svg.Rectangle(left, top, width, height, background, kind: "background");
        var paths = new SortedDictionary<string, (StringBuilder Path, int Row, int Column)>(StringComparer.Ordinal);
        for (int row = 0; row < values.Rows; row++)
        {
            for (int column = 0; column < values.Columns;)
            {
                var (start, color) = (column, Color(values[row, column], axis));
                while (column < values.Columns && Color(values[row, column], axis) == color) column++;
                if (color == background) continue;
                var (path, lastRow, lastColumn) = paths.GetValueOrDefault(color, (new StringBuilder(), 0, 0));
                int length = column - start;
                path.Append(CultureInfo.InvariantCulture, $"m{start - lastColumn} {row - lastRow}h{length}v1h-{length}z");
                paths[color] = (path, row, start);
            }
        }

        // The view box is cut to the matrix, because the last block of a pooled row or column may be partial.
        var (viewWidth, viewHeight) = (
            (width / cellWidth).ToString("0.######", CultureInfo.InvariantCulture),
            (height / cellHeight).ToString("0.######", CultureInfo.InvariantCulture));
        svg.OpenAs("svg", ("x", Svg.Number(left)), ("y", Svg.Number(top)), ("width", Svg.Number(width)), ("height", Svg.Number(height)),
            ("viewBox", $"0 0 {viewWidth} {viewHeight}"), ("preserveAspectRatio", "none"), ("shape-rendering", "crispEdges"));
        foreach (var (color, (path, _, _)) in paths) svg.Element("path", ("class", "cells"), ("fill", color), ("d", path.ToString()));
        svg.Close();
    }

    private (int Rows, int Columns) Pooling(int rows, int columns)
    {
        var (limit, rowBlock, columnBlock) = (CellLimit / Panels.Count, 1, 1);
        while ((long)Blocks(rows, rowBlock) * Blocks(columns, columnBlock) > limit)
        {
            if (Blocks(rows, rowBlock) * 2 > Blocks(columns, columnBlock)) rowBlock++;
            else columnBlock++;
        }

        return (rowBlock, columnBlock);
    }

    private static int Blocks(int count, int size) => (count + size - 1) / size;

    private static Grid Pool(Grid values, int rowBlock, int columnBlock)
    {
        if (rowBlock * columnBlock == 1) return values;
        double[,] pooled = new double[Blocks(values.Rows, rowBlock), Blocks(values.Columns, columnBlock)];
        for (int row = 0; row < values.Rows; row++)
        {
            for (int column = 0; column < values.Columns; column++)
            {
                ref double block = ref pooled[row / rowBlock, column / columnBlock];
                if (!double.IsFinite(values[row, column]) || Math.Abs(values[row, column]) > Math.Abs(block)) block = values[row, column];
            }
        }

        return Grid.From(pooled);
    }
}
