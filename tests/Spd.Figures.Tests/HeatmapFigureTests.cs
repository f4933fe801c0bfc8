using System.Globalization;
using System.Text.RegularExpressions;

namespace Spd.Figures.Tests;

public sealed class HeatmapFigureTests
{
    [Fact]
    public void Small_matrices_have_a_cell_per_entry_coloured_from_blue_over_white_to_red()
    {
        var grid = Grid.From(new[,] { { -2, 0, 2 }, { 1, double.NaN, -1 } });
        var cells = Draw(HeatmapScale.Signed, grid).Class("cell");

        Assert.Equal(["#053061", "#ffffff", "#67001f", Palette.Diverging(0.5), Palette.NonFinite, Palette.Diverging(-0.5)], cells.Select(Drawing.Fill));
        Assert.Equal(3, cells.Select(cell => Drawing.Get(cell, "x")).Distinct().Count());
        Assert.Equal(2, cells.Select(cell => Drawing.Get(cell, "y")).Distinct().Count());
        Assert.True(Drawing.Get(cells[0], "y") < Drawing.Get(cells[3], "y"));
    }

    [Fact]
    public void Unit_interval_goes_from_white_to_dark_and_counts_what_lies_outside()
    {
        var drawing = Draw(HeatmapScale.UnitInterval, Grid.From(new[,] { { 0, 1, 0.5, 1.1, -0.1 } }));

        Assert.Equal(["#ffffff", "#08306b", "#6baed6", "#08306b", "#ffffff"], drawing.Class("cell").Select(Drawing.Fill));
        Assert.Contains("2 values outside [0, 1]", drawing.AllText, StringComparison.Ordinal);
        Assert.DoesNotContain("not finite", drawing.AllText, StringComparison.Ordinal);
    }

    [Fact]
    public void Panels_share_a_scale_or_have_their_own()
    {
        HeatmapPanel[] panels = [Panel("a", Grid.From(new[,] { { 1.0 } })), Panel("b", Grid.From(new[,] { { 4.0 } }))];
        var shared = new Drawing(new HeatmapFigure("t", panels, HeatmapScale.Signed, "weight").ToSvg());
        var own = new Drawing(new HeatmapFigure("t", panels, HeatmapScale.Signed, "weight", SharedScale: false).ToSvg());

        Assert.Equal([Palette.Diverging(0.25), Palette.Diverging(1)], shared.Class("cell").Select(Drawing.Fill));
        Assert.Equal([Palette.Diverging(1), Palette.Diverging(1)], own.Class("cell").Select(Drawing.Fill));
        Assert.Equal(2 * shared.Class("colorbar").Count, own.Class("colorbar").Count);
        Assert.Contains("-4", shared.Class("tick").Select(tick => tick.Value));
    }

    [Fact]
    public void Large_matrices_merge_runs_that_cover_the_same_cells()
    {
        var values = new double[60, 80];
        var random = new Random(3);
        for (var row = 0; row < 60; row++)
        {
            for (var column = 0; column < 80; column++)
                values[row, column] = random.Next(4) == 0 ? 1 : column == 79 ? double.NaN : 0;
        }

        var drawing = Draw(HeatmapScale.UnitInterval, Grid.From(values));
        Assert.Empty(drawing.Class("cell"));
        Assert.Equal("#ffffff", Drawing.Fill(Assert.Single(drawing.Class("background"))));
        var drawn = new double[60, 80];
        foreach (var path in drawing.Class("cells"))
        {
            var (row, column) = (0, 0);
            foreach (Match run in Regex.Matches(path.Attribute("d")!.Value, @"m(-?\d+) (\d+)h(\d+)v1h-(\d+)z"))
            {
                column += Number(run, 1);
                row += Number(run, 2);
                Assert.Equal(Number(run, 3), Number(run, 4));
                for (var offset = 0; offset < Number(run, 3); offset++)
                    drawn[row, column + offset] = Drawing.Fill(path) == Palette.NonFinite ? double.NaN : 1;
            }
        }

        Assert.Equal(values, drawn);

        static int Number(Match match, int group) => int.Parse(match.Groups[group].ValueSpan, CultureInfo.InvariantCulture);
    }

    [Fact]
    public void The_largest_figures_stay_below_two_and_a_half_megabytes()
    {
        var random = new Random(5);
        float[] noise = [.. Enumerable.Range(0, 100 * 400).Select(_ => (float)(random.NextDouble() - 0.5))];
        var grid = Grid.FromRowMajor(100, 400, noise);
        var three = new HeatmapFigure("t", [Panel("a", grid), Panel("b", grid), Panel("c", grid)], HeatmapScale.Signed, "weight").ToSvg();

        Assert.True(three.Length < 2_500_000, $"{three.Length}");
        Assert.DoesNotContain("Each drawn cell", three, StringComparison.Ordinal);

        var four = new Drawing(new HeatmapFigure(
            "t", [.. Enumerable.Range(0, 4).Select(index => Panel($"{index}", grid))], HeatmapScale.Signed, "weight").ToSvg());
        Assert.Contains("largest magnitude among 1 x 2 entries", four.AllText, StringComparison.Ordinal);
    }

    [Fact]
    public void Pooling_keeps_single_outliers_and_cuts_the_last_block_to_the_matrix()
    {
        var values = new double[501, 401];
        values[500, 400] = -3;
        var drawing = Draw(HeatmapScale.Signed, Grid.From(values));

        var path = Assert.Single(drawing.Class("cells"));
        Assert.Equal(Palette.Diverging(-1), Drawing.Fill(path));
        Assert.Contains("2 x 1 entries", drawing.AllText, StringComparison.Ordinal);
        Assert.Equal("m400 250h1v1h-1z", path.Attribute("d")!.Value);
        Assert.Equal("0 0 401 250.5", path.Parent!.Attribute("viewBox")!.Value);
    }

    [Fact]
    public void Labels_are_kept_where_they_fit_and_thinned_where_not()
    {
        var few = Draw(HeatmapScale.Signed, Grid.From(new double[5, 20]));
        var many = Draw(HeatmapScale.Signed, Grid.From(new double[100, 400]));

        Assert.Equal(Enumerable.Range(0, 20).Select(column => $"{column}"), few.Class("column-label").Select(label => label.Value));
        Assert.Equal(5, few.Class("row-label").Count);
        Assert.Equal(["0", "20", "40"], many.Class("column-label").Take(3).Select(label => label.Value));
        Assert.InRange(many.Class("row-label").Count, 5, 40);
    }

    [Fact]
    public void Stacked_panels_align_their_columns()
    {
        HeatmapPanel[] panels = [Panel("a", Grid.From(new double[5, 20])), Panel("b", Grid.From(new double[12, 20]))];
        var drawing = new Drawing(new HeatmapFigure("t", panels, HeatmapScale.Signed, "weight").ToSvg());

        Assert.Equal(20, drawing.Class("cell").Select(cell => Drawing.Get(cell, "x")).Distinct().Count());
    }

    [Theory]
    [InlineData(0.0)]
    [InlineData(double.NaN)]
    [InlineData(double.Epsilon)]
    [InlineData(double.MaxValue)]
    public void Extreme_values_do_not_break_a_figure(double value)
    {
        var drawing = Draw(HeatmapScale.Signed, Grid.From(new[,] { { value, value } }));

        Assert.Equal(2, drawing.Class("cell").Count);
        Assert.NotEmpty(drawing.Class("tick"));
    }

    [Fact]
    public void Inconsistent_input_is_refused_with_a_sentence()
    {
        var grid = Grid.From(new double[2, 3]);
        Refused(new HeatmapFigure("t", [], HeatmapScale.Signed, "w"), "must not be empty");
        Refused(new HeatmapFigure("t", [new HeatmapPanel("p", grid, "r", "c", ["a"])], HeatmapScale.Signed, "w"), "2 rows but 1 row labels");
        Refused(new HeatmapFigure("t", [new HeatmapPanel("p", grid, "r", "c", null, ["a"])], HeatmapScale.Signed, "w"), "3 columns but 1 column labels");
        Refused(new HeatmapFigure("t", [Panel("p", grid)], HeatmapScale.Signed, "w", PanelsPerRow: 5), "0 to 4");

        static void Refused(HeatmapFigure figure, string part) =>
            Assert.Contains(part, Assert.Throws<ArgumentException>(figure.ToSvg).Message, StringComparison.Ordinal);
    }

    private static HeatmapPanel Panel(string title, Grid grid) => new(title, grid, "row", "column");

    private static Drawing Draw(HeatmapScale scale, Grid grid) => new(new HeatmapFigure("t", [Panel("p", grid)], scale, "weight").ToSvg());
}
