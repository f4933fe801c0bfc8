namespace Spd.Figures.Tests;

public sealed class VectorFigureTests
{
    private static readonly double[,] Columns = { { 1, 0, -0.5, 0 }, { 0, 0.8, -0.5, 0 } };

    [Fact]
    public void Arrow_tips_are_proportional_to_the_columns_in_every_panel()
    {
        var small = Grid.From(new[,] { { 0.5, 0, 0, 0 }, { 0, 0, 0, 0 } });
        var drawing = new Drawing(new VectorFigure("t", [new("target", Grid.From(Columns)), new("part", small)]).ToSvg());
        var panels = drawing.Class("panel");
        var colors = Enumerable.Range(0, 4).Select(index => Palette.Feature(index, 4)).ToArray();

        var unit = Tip(panels[0], colors[0]).X;
        Assert.True(unit > 30);
        foreach (var (column, color) in colors.Take(3).Index())
        {
            var (x, y) = Tip(panels[0], color);
            Assert.Equal(Columns[0, column] * unit, x, 0.03);
            Assert.Equal(Columns[1, column] * unit, y, 0.03);
        }

        Assert.Equal(unit / 2, Tip(panels[1], colors[0]).X, 0.03);
        Assert.Equal(3, panels[0].Elements().Count(IsArrow));
        Assert.Equal(1, panels[1].Elements().Count(IsArrow));
        Assert.Equal(3, panels[1].Elements().Count(element => element.Attribute("class")?.Value == "dot"));
        Assert.Equal(unit, Drawing.Get(drawing.Class("range")[0], "r"), 0.03);
    }

    [Fact]
    public void Edges_have_widths_proportional_to_weights_and_colours_of_their_signs()
    {
        var first = Grid.From(new[,] { { 2, 0.001, 0 }, { 0, -1, 0.5 } });
        var last = Grid.From(new[,] { { 0, 0 }, { 0, 0 }, { -2.0, 0 } });
        var drawing = new Drawing(new VectorFigure("t", [new("p", first, [Grid.From(new[,] { { 1.0, 0 }, { 0, 0 } })], last)]).ToSvg());

        var edges = drawing.Class("edge").Select(edge => (Width: Drawing.Get(edge, "stroke-width"), Color: edge.Attribute("stroke")!.Value)).ToArray();
        Assert.Equal([(1.25, Palette.Positive), (2.5, Palette.Negative), (5, Palette.Positive), (2.5, Palette.Positive), (5, Palette.Negative)], edges);
        Assert.Equal(3 + 2 + 2 + 3, drawing.Class("node").Count);
        Assert.Equal(["inputs", "hidden 1", "hidden 2", "outputs"], drawing.Class("layer-name").Select(name => name.Value));
        Assert.Contains("the widest is 2", drawing.AllText, StringComparison.Ordinal);
    }

    [Fact]
    public void An_edge_joins_the_nodes_of_its_row_and_column()
    {
        var matrix = new double[3, 4];
        matrix[2, 1] = 1;
        var drawing = new Drawing(new VectorFigure("t", [new("p", Grid.From(matrix))]).ToSvg());

        var (edge, nodes) = (Assert.Single(drawing.Class("edge")), drawing.Class("node"));
        Assert.Equal((Drawing.Get(nodes[1], "cx"), Drawing.Get(nodes[1], "cy")), (Drawing.Get(edge, "x1"), Drawing.Get(edge, "y1")));
        Assert.Equal((Drawing.Get(nodes[4 + 2], "cx"), Drawing.Get(nodes[4 + 2], "cy")), (Drawing.Get(edge, "x2"), Drawing.Get(edge, "y2")));
    }

    [Fact]
    public void With_more_than_two_hidden_units_there_are_networks_only_and_a_note_says_why()
    {
        var drawing = new Drawing(new VectorFigure("t", [new("p", Grid.From(new double[10, 40]))]).ToSvg());

        Assert.Empty(drawing.Class("arrow"));
        Assert.Empty(drawing.Class("range"));
        Assert.Equal(50, drawing.Class("node").Count);
        Assert.Contains("hidden layer has 10 units", drawing.AllText, StringComparison.Ordinal);
    }

    [Fact]
    public void Non_finite_weights_have_grey_edges_no_arrow_and_a_note()
    {
        var grid = Grid.From(new[,] { { 1, double.NaN }, { 0.5, 1 } });
        var drawing = new Drawing(new VectorFigure("t", [new("p", grid)]).ToSvg());

        Assert.Single(drawing.Class("arrow"));
        Assert.Single(drawing.Class("edge-not-finite"));
        Assert.Equal(3, drawing.Class("edge").Count);
        Assert.Contains("1 weights are not finite", drawing.AllText, StringComparison.Ordinal);
    }

    [Fact]
    public void Many_panels_wrap_into_rows_inside_the_figure()
    {
        var panels = Enumerable.Range(0, 7).Select(index => new VectorPanel($"Subcomponent {index}, norm 1.02", Grid.From(Columns))).ToArray();
        var drawing = new Drawing(new VectorFigure("t", panels).ToSvg());

        var captions = drawing.Class("caption");
        Assert.Equal(7, captions.Count);
        Assert.Equal([4, 3], captions.GroupBy(caption => Drawing.Get(caption, "y")).Select(row => row.Count()));
        Assert.All(drawing.Class("node"), node => Assert.InRange(Drawing.Get(node, "cx"), 0, 800));
        Assert.All(drawing.Class("node"), node => Assert.InRange(Drawing.Get(node, "cy"), 0, drawing.Height));
    }

    [Theory]
    [InlineData(0.0)]
    [InlineData(1e-6)]
    [InlineData(1e6)]
    [InlineData(double.PositiveInfinity)]
    public void Any_size_of_weight_gives_finite_coordinates(double weight)
    {
        var svg = new VectorFigure("t", [new("p", Grid.From(new[,] { { weight, 0 }, { 0, weight } }))]).ToSvg();

        Assert.DoesNotContain("NaN", svg, StringComparison.Ordinal);
        Assert.DoesNotContain("Infinity", svg, StringComparison.Ordinal);
        Assert.DoesNotContain("∞", svg, StringComparison.Ordinal);
    }

    [Fact]
    public void Inconsistent_input_is_refused_with_a_sentence()
    {
        var grid = Grid.From(Columns);
        Refused([], "must not be empty");
        Refused([new("a", grid), new("b", Grid.From(new double[2, 3]))], "Panel 'b' has a first matrix of 2 x 3");
        Refused([new("a", grid, Last: grid)], "must be 4 x 2, but is 2 x 4");
        Refused([new("a", grid, [grid])], "must be 2 x 2");
        Refused([new("a", grid, [Grid.From(new double[2, 2])]), new("b", grid, [Grid.From(new double[2, 2]), Grid.From(new double[2, 2])])], "middle matrices");
        Assert.Contains(
            "3 feature names",
            Assert.Throws<ArgumentException>(() => new VectorFigure("t", [new("a", grid)], ["x", "y", "z"]).ToSvg()).Message,
            StringComparison.Ordinal);

        static void Refused(VectorPanel[] panels, string part) =>
            Assert.Contains(part, Assert.Throws<ArgumentException>(() => new VectorFigure("t", panels).ToSvg()).Message, StringComparison.Ordinal);
    }

    private static bool IsArrow(System.Xml.Linq.XElement element) => element.Attribute("class")?.Value == "arrow";

    /// <summary>The tip of the arrow of a colour, from the centre of the panel's circle, with y upwards.</summary>
    private static (double X, double Y) Tip(System.Xml.Linq.XElement panel, string color)
    {
        var circle = panel.Elements().Single(element => element.Attribute("class")?.Value == "range");
        var arrow = panel.Elements().Single(element => IsArrow(element) && Drawing.Fill(element) == color);
        var numbers = Drawing.Numbers(arrow.Attribute("d")!.Value);
        return (numbers[0] - Drawing.Get(circle, "cx"), Drawing.Get(circle, "cy") - numbers[1]);
    }
}
