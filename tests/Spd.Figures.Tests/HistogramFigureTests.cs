namespace Spd.Figures.Tests;

public sealed class HistogramFigureTests
{
    [Fact]
    public void Values_are_counted_in_their_bins_with_one_in_the_last()
    {
        var panel = HistogramPanel.FromValues("p", [0, 0.09f, 0.1001f, 0.95f, 1, 1.01f, -0.01f, float.NaN, float.NegativeInfinity], 10);

        Assert.Equal([2, 1, 0, 0, 0, 0, 0, 0, 0, 2], panel.Counts);
        Assert.Equal(2, panel.OutsideCount);
        Assert.Equal(2, panel.NonFiniteCount);
    }

    [Fact]
    public void Bars_grow_by_equal_steps_per_decade_and_empty_bins_have_none()
    {
        var drawing = Draw(new HistogramPanel("p", [1, 10, 100, 0, 1000]));

        var heights = drawing.Class("bar").Select(bar => Drawing.Get(bar, "height")).ToArray();
        Assert.Equal(4, heights.Length);
        Assert.True(heights[0] > 5);
        Assert.Equal(heights[1] - heights[0], heights[2] - heights[1], 0.03);
        Assert.Equal(heights[1] - heights[0], heights[3] - heights[2], 0.03);
        Assert.Equal(["1", "10", "100", "1000"], drawing.Class("y-tick").Select(tick => tick.Value));
        Assert.Equal(["0", "0.2", "0.4", "0.6", "0.8", "1"], drawing.Class("x-tick").Select(tick => tick.Value));
        Assert.Contains("1111 values, bin width 0.2", drawing.AllText, StringComparison.Ordinal);
    }

    [Fact]
    public void Panels_share_the_count_axis_and_state_what_is_not_shown()
    {
        var drawing = Draw(new HistogramPanel("a", [1000, 10]), new HistogramPanel("b", [10, 0], 3, 4), new HistogramPanel("c", [0, 0]));

        var heights = drawing.Class("bar").Select(bar => Drawing.Get(bar, "height")).ToArray();
        Assert.Equal(heights[1], heights[2]);
        Assert.Equal(3, drawing.Class("plot-title").Count);
        Assert.Contains("3 outside [0, 1], 4 not finite", drawing.AllText, StringComparison.Ordinal);
    }

    [Fact]
    public void Inconsistent_input_is_refused_with_a_sentence()
    {
        Assert.Contains("must not be empty", Assert.Throws<ArgumentException>(() => Draw()).Message, StringComparison.Ordinal);
        Assert.Contains("1 to 200 bins", Assert.Throws<ArgumentException>(() => Draw(new HistogramPanel("p", []))).Message, StringComparison.Ordinal);
        Assert.Contains("negative", Assert.Throws<ArgumentException>(() => Draw(new HistogramPanel("p", [-1]))).Message, StringComparison.Ordinal);
        Assert.Contains("but got 0", Assert.Throws<ArgumentException>(() => HistogramPanel.FromValues("p", [0], 0)).Message, StringComparison.Ordinal);
    }

    private static Drawing Draw(params HistogramPanel[] panels) => new(new HistogramFigure("t", "causal importance g", panels).ToSvg());
}
