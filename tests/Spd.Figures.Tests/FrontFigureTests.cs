namespace Spd.Figures.Tests;

public sealed class FrontFigureTests
{
    [Fact]
    public void The_front_has_the_points_that_no_other_beats()
    {
        FrontPoint[] points = [At(3, 1), At(1, 5), At(2, 2), At(2, 3), At(4, 1), At(1, 6), At(double.NaN, 0), At(0, double.PositiveInfinity)];

        Assert.Equal([(1, 5), (2, 2), (3, 1)], FrontFigure.Front(points).Select(point => (point.X, point.Y)));
        Assert.Empty(FrontFigure.Front([]));
    }

    [Fact]
    public void Each_point_is_a_link_with_what_it_is_and_the_front_goes_along_corners()
    {
        var figure = new FrontFigure(
            "t", "L0", "error",
            [
                new FrontSeries("<a>", [At(1, 1e-2), new FrontPoint(2, 1e-3, "b & c", "b%3D1/seed1/report.html")]),
                new FrontSeries("none", [At(1, double.NaN)]),
            ]);
        string svg = figure.ToSvg();
        var drawing = new Drawing(svg);

        var points = drawing.Class("point");
        Assert.Equal(2, points.Count);
        Assert.Contains("<a href=\"b%3D1/seed1/report.html\" aria-label=\"", svg, StringComparison.Ordinal);
        Assert.Contains("<title>b &amp; c</title>", svg, StringComparison.Ordinal);
        Assert.True(Drawing.Get(points[0], "cx") < Drawing.Get(points[1], "cx"));
        Assert.True(Drawing.Get(points[0], "cy") < Drawing.Get(points[1], "cy"));
        double[] front = Drawing.Numbers(Assert.Single(drawing.Class("front")).Attribute("points")!.Value);
        double[] corners = [Drawing.Get(points[0], "cx"), Drawing.Get(points[0], "cy"), Drawing.Get(points[1], "cx"), Drawing.Get(points[0], "cy"), Drawing.Get(points[1], "cx"), Drawing.Get(points[1], "cy")];
        Assert.Equal(corners, front);
        Assert.Contains("1 points are not finite and are left out", drawing.AllText, StringComparison.Ordinal);
        Assert.Contains("error (log)", drawing.AllText, StringComparison.Ordinal);
    }

    [Fact]
    public void Values_that_lie_close_together_or_reach_zero_have_a_linear_axis()
    {
        foreach (double other in new[] { 0.02, 0 })
        {
            var drawing = new Drawing(new FrontFigure("t", "x", "error", [new FrontSeries("s", [At(1, 0.01), At(2, other)])]).ToSvg());
            Assert.Equal(2, drawing.Class("point").Count);
            Assert.DoesNotContain("(log)", drawing.AllText, StringComparison.Ordinal);
        }

        Assert.Contains("no values that can be shown", new FrontFigure("t", "x", "y", [new FrontSeries("s", [])]).ToSvg(), StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => new FrontFigure("t", "x", "y", []).ToSvg());
    }

    private static FrontPoint At(double x, double y) => new(x, y, "");
}
