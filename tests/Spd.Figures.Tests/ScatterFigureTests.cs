namespace Spd.Figures.Tests;

public sealed class ScatterFigureTests
{
    [Fact]
    public void Equal_values_lie_on_the_diagonal_and_both_axes_have_one_range()
    {
        var drawing = new Drawing(new ScatterFigure("t", "x", "y", [new ScatterSeries("s", [0, 1, 3], [0, 1, 3])]).ToSvg());

        var diagonal = Assert.Single(drawing.Class("diagonal"));
        double[] ends = [.. new[] { "x1", "y1", "x2", "y2" }.Select(end => Drawing.Get(diagonal, end))];
        Assert.Equal(ends[2] - ends[0], ends[1] - ends[3], 0.01);
        var points = Points(drawing);
        Assert.Equal(3, points.Count);
        Assert.All(points, point => Assert.Equal(point.X - ends[0], ends[1] - point.Y, 0.11));
        Assert.Equal(drawing.Class("x-tick").Select(tick => tick.Value), drawing.Class("y-tick").Select(tick => tick.Value));
        Assert.Contains("y = x", drawing.AllText, StringComparison.Ordinal);
    }

    [Fact]
    public void Covered_points_are_drawn_once_and_those_without_a_place_are_counted()
    {
        var drawing = new Drawing(new ScatterFigure(
            "t", "x", "y", [new ScatterSeries("s", [0, 0, 1, double.NaN], [0, 1e-9, 1, 0]), new ScatterSeries("none", [], [])]).ToSvg());

        Assert.Equal(2, Points(drawing).Count);
        Assert.Contains("1 points are not finite", drawing.AllText, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => new ScatterFigure("t", "x", "y", [new ScatterSeries("s", [0], [])]).ToSvg());
    }

    private static List<(double X, double Y)> Points(Drawing drawing) =>
        [.. drawing.Class("points")[0].Attribute("d")!.Value.Split("h0", StringSplitOptions.RemoveEmptyEntries)
            .Select(Drawing.Numbers).Select(numbers => (numbers[0], numbers[1]))];
}
