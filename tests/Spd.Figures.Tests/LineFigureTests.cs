namespace Spd.Figures.Tests;

public sealed class LineFigureTests
{
    [Fact]
    public void Points_land_between_the_ticks_of_their_values()
    {
        var drawing = Draw(new LinePlot("p", "loss", [new LineSeries("s", [0, 50, 100], [0, 1, 2])]));

        var points = Drawing.Numbers(Assert.Single(drawing.Elements("polyline")).Attribute("points")!.Value);
        Assert.Equal(TickX(drawing, "0"), points[0], 0.02);
        Assert.Equal(TickX(drawing, "100"), points[4], 0.02);
        Assert.Equal((points[0] + points[4]) / 2, points[2], 0.02);
        Assert.Equal(TickY(drawing, "0"), points[1], 0.02);
        Assert.Equal(TickY(drawing, "1"), points[3], 0.02);
        Assert.Equal(TickY(drawing, "2"), points[5], 0.02);
    }

    [Fact]
    public void Log_axis_places_decades_evenly_and_reports_values_without_a_place()
    {
        var drawing = Draw(new LinePlot("p", "loss", [new LineSeries("s", [0, 1, 2, 3], [1e-4, 1e-2, 1, 0])], LogarithmicY: true));

        var points = Drawing.Numbers(Assert.Single(drawing.Elements("polyline")).Attribute("points")!.Value);
        Assert.Equal(6, points.Length);
        Assert.Equal(points[1] - points[3], points[3] - points[5], 0.03);
        Assert.Equal(TickY(drawing, "0.01"), points[3], 0.02);
        Assert.Contains("Values at or below zero (1)", drawing.AllText, StringComparison.Ordinal);
        Assert.Contains("loss (log)", drawing.AllText, StringComparison.Ordinal);
    }

    [Fact]
    public void Non_finite_values_leave_gaps_and_single_points_remain_visible()
    {
        double[] y = [1, 2, double.NaN, 3, double.PositiveInfinity, 4, 5];
        var drawing = Draw(new LinePlot("p", "y", [new LineSeries("s", [0, 1, 2, 3, 4, 5, 6], y)]));

        Assert.Equal([4, 4], drawing.Elements("polyline").Select(line => Drawing.Numbers(line.Attribute("points")!.Value).Length));
        Assert.Equal(5, drawing.Class("point").Count);
    }

    [Fact]
    public void A_plot_without_any_value_says_so()
    {
        var drawing = Draw(new LinePlot("p", "y", [new LineSeries("s", [0, 1], [double.NaN, double.NaN])]));

        Assert.Empty(drawing.Elements("polyline"));
        Assert.Contains("no values that can be shown", drawing.AllText, StringComparison.Ordinal);
    }

    [Fact]
    public void Thinning_keeps_ends_extremes_and_gaps_in_order()
    {
        var random = new Random(11);
        double[] values = [.. Enumerable.Range(0, 50_000).Select(_ => random.NextDouble())];
        values[12_345] = 9;
        values[23_456] = -9;
        values[34_567] = double.NaN;
        var kept = LineFigure.Thin(values, 1000);

        Assert.InRange(kept.Count, 500, 1000);
        Assert.Equal(kept.Order().Distinct(), kept);
        Assert.Equal([0, 12_345, 23_456, 34_567, 49_999], kept.Intersect([0, 12_345, 23_456, 34_567, 49_999]));
        Assert.Equal(1000, LineFigure.Thin(values[..1000], 1000).Count);
    }

    [Fact]
    public void Plots_share_the_range_of_the_x_axis_and_have_their_own_legends()
    {
        var drawing = Draw(
            new LinePlot("first", "y", [new LineSeries("one", [0, 10], [0, 1]), new LineSeries("two", [0, 10], [1, 0])]),
            new LinePlot("second", "y", [new LineSeries("second", [0, 100], [0, 1])]));

        var ends = drawing.Elements("polyline").Select(line => Drawing.Numbers(line.Attribute("points")!.Value)[2]).ToArray();
        Assert.Equal(ends[0], ends[1]);
        Assert.Equal((TickX(drawing, "100") - TickX(drawing, "0")) / 10, ends[0] - TickX(drawing, "0"), 0.02);
        Assert.Equal(2, drawing.Class("legend").Count);
        Assert.Equal(
            drawing.Class("legend").Select(item => item.Attribute("stroke")!.Value),
            drawing.Class("series").Take(2).Select(item => item.Attribute("stroke")!.Value));
    }

    [Fact]
    public void Series_beyond_the_colours_differ_by_their_dashes()
    {
        var styles = Enumerable.Range(0, 28).Select(index => (Palette.Series(index), Palette.SeriesDash(index)));

        Assert.Equal(28, styles.Distinct().Count());
    }

    [Fact]
    public void Inconsistent_input_is_refused_with_a_sentence()
    {
        Assert.Contains("must not be empty", Assert.Throws<ArgumentException>(() => Draw()).Message, StringComparison.Ordinal);
        Assert.Contains("series of plot 'p'", Assert.Throws<ArgumentException>(() => Draw(new LinePlot("p", "y", []))).Message, StringComparison.Ordinal);
        Assert.Contains(
            "2 and 1",
            Assert.Throws<ArgumentException>(() => Draw(new LinePlot("p", "y", [new LineSeries("s", [0, 1], [0])]))).Message,
            StringComparison.Ordinal);
        Assert.Contains(
            "at least one",
            Assert.Throws<ArgumentException>(() => Draw(new LinePlot("p", "y", [new LineSeries("s", [], [])]))).Message,
            StringComparison.Ordinal);
    }

    private static Drawing Draw(params LinePlot[] plots) => new(new LineFigure("t", "training step", plots).ToSvg());

    private static double TickX(Drawing drawing, string label) => Drawing.Get(drawing.Class("x-tick").First(tick => tick.Value == label), "x");

    /// <summary>The height of the line at a y tick, whose text stands four units lower.</summary>
    private static double TickY(Drawing drawing, string label) => Drawing.Get(drawing.Class("y-tick").First(tick => tick.Value == label), "y") - 4;
}
