using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace Spd.Figures.Tests;

public sealed class SvgTests
{
    private const string Awkward = "a <b> & \"c\" \u0001 \ud800 'd'";
    private const string Shown = "a <b> & \"c\" \ufffd \ufffd 'd'";

    /// <summary>Everything that the library draws as an SVG; a new kind of figure is one of them without being named.</summary>
    public static TheoryData<string> Figures =>
        [.. typeof(Grid).Assembly.GetExportedTypes().Where(type => type.IsAssignableTo(typeof(IFigure)) && !type.IsInterface).Select(type => type.Name).Order()];

    [Fact]
    public void There_are_six_kinds_of_figures_at_least() => Assert.True(Figures.Count >= 6);

    [Theory]
    [MemberData(nameof(Figures))]
    public void Every_figure_is_valid_self_contained_and_described(string kind)
    {
        var drawing = new Drawing(Draw(kind));

        Assert.StartsWith("0 0 800 ", drawing.Root.Attribute("viewBox")!.Value, StringComparison.Ordinal);
        Assert.Contains("sans-serif", drawing.Root.Attribute("font-family")!.Value, StringComparison.Ordinal);
        Assert.Equal(Shown, Assert.Single(drawing.Root.Elements(), element => element.Name.LocalName == "title").Value);
        Assert.NotEmpty(Assert.Single(drawing.Elements("desc")).Value);
        Assert.Empty(drawing.Elements("script").Concat(drawing.Elements("image")).Concat(drawing.Elements("foreignObject")));
        Assert.DoesNotContain(drawing.Root.DescendantsAndSelf().Attributes(), attribute => attribute.Name.LocalName == "href");
        Assert.All(drawing.Elements("text"), text => Assert.True(Drawing.Get(text, "font-size") >= 11));
        Assert.True(Regex.Count(drawing.AllText, Regex.Escape(Shown)) >= 2, drawing.AllText);
        Assert.All(
            drawing.Root.Descendants().Attributes().Where(attribute => attribute.Name.LocalName
                is "x" or "y" or "x1" or "y1" or "x2" or "y2" or "cx" or "cy" or "width" or "height"),
            attribute => Assert.Matches(@"^-?\d+(\.\d+)?$", attribute.Value));
    }

    [Theory]
    [MemberData(nameof(Figures))]
    public void Texts_stay_inside_the_figure(string kind)
    {
        var drawing = new Drawing(Draw(kind));

        Assert.All(drawing.Elements("text").Where(text => text.Attribute("transform") is null), text =>
        {
            var width = Layout.TextWidth(text.Value, Drawing.Get(text, "font-size")) * 0.95;
            var left = Drawing.Get(text, "x") - text.Attribute("text-anchor")?.Value switch { "middle" => width / 2, "end" => width, _ => 0 };
            Assert.InRange(left, 0, 800 - width);
            Assert.InRange(Drawing.Get(text, "y"), 8, drawing.Height - 2);
        });
    }

    [Theory]
    [MemberData(nameof(Figures))]
    public void Drawing_twice_gives_the_same_bytes(string kind) => Assert.Equal(Draw(kind), Draw(kind));

    [Fact]
    public void Long_text_is_wrapped_and_shortened()
    {
        Assert.Equal(["one two", "three"], Layout.Wrap("one two three", 10, Layout.TextWidth("one two ", 10)));
        var lines = Layout.Wrap(string.Join(' ', Enumerable.Repeat("word", 100)), 10, 200, 2);
        Assert.Equal(2, lines.Count);
        Assert.EndsWith("…", lines[1], StringComparison.Ordinal);
        Assert.All(lines, line => Assert.True(Layout.TextWidth(line, 10) <= 200));
        Assert.Equal("…", Layout.Shorten("wide", 10, 0));
    }

    [Theory]
    [InlineData(20, 12, 1)]
    [InlineData(10, 12, 2)]
    [InlineData(1.8, 30, 20)]
    [InlineData(0.48, 12.5, 50)]
    public void Stride_is_the_next_round_number(double spacing, double needed, int expected) => Assert.Equal(expected, Layout.Stride(spacing, needed));

    [Fact]
    public void Grid_copies_its_input_and_checks_its_size()
    {
        float[] values = [1, 2, 3, 4, 5, 6];
        var grid = Grid.FromRowMajor(2, 3, values);
        values[5] = 0;

        Assert.Equal((2, 3, 6.0), (grid.Rows, grid.Columns, grid[1, 2]));
        Assert.Equal(3, Grid.From(new float[,] { { 1, 2 }, { 3, 4 } })[1, 0]);
        Assert.Throws<ArgumentOutOfRangeException>(() => grid[0, 3]);
        Assert.Throws<ArgumentOutOfRangeException>(() => grid[-1, 0]);
        Assert.Contains("2 x 3", Assert.Throws<ArgumentException>(() => Grid.FromRowMajor(2, 3, [1, 2])).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => Grid.From(new double[0, 3]));
    }

    private static string Draw(string kind)
    {
        var grid = Grid.From(new double[,] { { 1, -0.5, double.NaN }, { 0, 0.25, 2 } });
        return kind switch
        {
            nameof(VectorFigure) => new VectorFigure(Awkward, [new VectorPanel(Awkward, grid), new VectorPanel("b", grid)], [Awkward, "f", "g"], Awkward).ToSvg(),
            nameof(HeatmapFigure) => new HeatmapFigure(
                Awkward, [new HeatmapPanel(Awkward, grid, Awkward, Awkward, ["r", Awkward], ["x", "y", Awkward])],
                HeatmapScale.Signed, Awkward).ToSvg(),
            nameof(LineFigure) => new LineFigure(
                Awkward, Awkward, [new LinePlot(Awkward, Awkward, [new LineSeries(Awkward, [0, 1, 2], [1, double.NaN, 3])])],
                Awkward).ToSvg(),
            nameof(HistogramFigure) => new HistogramFigure(Awkward, Awkward, [HistogramPanel.FromValues(Awkward, [0, 0.5f, 1, float.NaN])], Awkward).ToSvg(),
            nameof(ScatterFigure) => new ScatterFigure(
                Awkward, Awkward, Awkward, [new ScatterSeries(Awkward, [0, 1, double.NaN], [-1, 1e6, 0]), new ScatterSeries("b", [], [])], Awkward).ToSvg(),
            nameof(StripFigure) => new StripFigure(
                Awkward, Awkward, [new StripPanel(Awkward, grid, Awkward, ["x", Awkward]), new StripPanel("b", grid, "c")],
                [new StripGroup(Awkward, 2), new StripGroup("b", 1)], Awkward).ToSvg(),
            nameof(FrontFigure) => new FrontFigure(
                Awkward, Awkward, Awkward, [new FrontSeries(Awkward, [new FrontPoint(1, 2, Awkward), new FrontPoint(2, 0.1, "b"), new FrontPoint(0, double.NaN, "c")])], Awkward).ToSvg(),
            _ => throw new InvalidOperationException($"{kind} is not drawn here yet: add one with awkward names"),
        };
    }
}
