namespace Spd.Figures.Tests;

public sealed class StripFigureTests
{
    [Fact]
    public void Large_points_carry_their_number_in_the_colour_of_their_group()
    {
        var drawing = Draw([new StripGroup("a", 2), new StripGroup("b", 1)], Panel(new[,] { { 1.0, 0.01, -0.5 }, { 0, 0, 0 } }));

        Assert.Equal(["0", "2"], drawing.Class("number").Select(number => number.Value));
        Assert.Equal([Palette.Series(0), Palette.Series(1)], drawing.Class("number").Select(Drawing.Fill));
        Assert.Equal(6, drawing.Class("point").Count);
        Assert.Equal(2, drawing.Class("point").Select(point => Drawing.Get(point, "cx")).Distinct().Count());
    }

    [Fact]
    public void Numbers_that_would_cover_each_other_stand_on_both_sides_and_then_go()
    {
        var drawing = Draw([new StripGroup("a", 3)], Panel(new[,] { { 1.0, 0.999, 0.998 } }));

        Assert.Equal([null, "end"], drawing.Class("number").Select(number => number.Attribute("text-anchor")?.Value));
    }

    [Fact]
    public void Panels_share_a_range_and_values_without_a_place_are_counted()
    {
        var drawing = Draw([new StripGroup("a", 1)], Panel(new[,] { { 4.0 } }), Panel(new[,] { { double.NaN } }));

        Assert.Equal(2, drawing.Class("y-tick").Count(tick => tick.Value == "4"));
        Assert.Contains("1 values are not finite", drawing.AllText, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => Draw([new StripGroup("a", 2)], Panel(new[,] { { 1.0 } })));
        Assert.Throws<ArgumentException>(() => Draw([new StripGroup("a", 1)], Panel(new[,] { { 1.0 } }), Panel(new[,] { { 1.0 }, { 1 } })));
    }

    private static StripPanel Panel(double[,] values) => new("p", Grid.From(values), "feature");

    private static Drawing Draw(StripGroup[] groups, params StripPanel[] panels) => new(new StripFigure("t", "value", panels, groups).ToSvg());
}
