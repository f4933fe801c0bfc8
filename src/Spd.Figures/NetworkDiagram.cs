namespace Spd.Figures;

/// <summary>A layered network drawn from inputs at the top to outputs at the bottom, with edges as wide as their weights.</summary>
internal sealed class NetworkDiagram(int features, int hidden, int middleCount, bool hasOutputs, double largestWeight, double width, double stageHeight)
{
    public const int EdgeLimit = 1500;
    private const double SmallestShare = 0.01;

    private double WidestEdge => features <= 20 ? 5 : 3;

    private int LayerCount => 2 + middleCount + (hasOutputs ? 1 : 0);

    /// <summary>The height of a diagram, with the labels above and below it.</summary>
    public double Height => ((LayerCount - 1) * stageHeight) + 34;

    /// <summary>Draws a panel's network; the first of a row also gets the names of the layers at its left.</summary>
    public void Draw(Svg svg, VectorPanel panel, double left, double top, bool isFirst)
    {
        double[] layers = Enumerable.Range(0, LayerCount).Select(layer => top + 20 + (layer * stageHeight)).ToArray();
        DrawEdges(svg, panel.Parts?.First ?? [panel.First], panel.Parts is not null, left, layers[0], layers[1]);
        for (int index = 0; index < (panel.Middle?.Count ?? 0); index++)
        {
            var parts = panel.Parts is { Middle: { } middle } && index < middle.Count ? middle[index] : null;
            DrawEdges(svg, parts ?? [panel.Middle![index]], parts is not null, left, layers[index + 1], layers[index + 2]);
        }

        if (panel.Last is not null) DrawEdges(svg, panel.Parts?.Last ?? [panel.Last], panel.Parts?.Last is not null, left, layers[^2], layers[^1]);

        for (int layer = 0; layer < LayerCount; layer++)
        {
            var (isInput, isOutput) = (layer == 0, hasOutputs && layer == LayerCount - 1);
            DrawNodes(svg, left, layers[layer], isInput || isOutput, labelOffset: isInput ? -12 : 20);
            string name = isInput ? "inputs" : isOutput ? "outputs" : middleCount == 0 ? "hidden" : $"hidden {layer}";
            if (isFirst) svg.Text(left - 8, layers[layer] + 4, name, Layout.TickSize, Anchor.End, Palette.Muted, kind: "layer-name");
        }
    }

    private double Place(int index, int count, double left) => left + (width * (index + 0.5) / count);

    private double Radius(int count) => Math.Min(7, 0.4 * width / count);

    private void DrawNodes(Svg svg, double left, double y, bool areFeatures, double labelOffset)
    {
        int count = areFeatures ? features : hidden;
        int stride = Layout.Stride(width / count, Layout.TextWidth(VectorFigure.ShortName(count - 1), Layout.TickSize) + 4);
        for (int index = 0; index < count; index++)
        {
            double x = Place(index, count, left);
            svg.Circle(x, y, Radius(count), areFeatures ? Palette.Feature(index, count) : "#ffffff", areFeatures ? null : Palette.Ink, kind: "node");
            if (areFeatures && index % stride == 0)
                svg.Text(x, y + labelOffset, VectorFigure.ShortName(index), Layout.TickSize, Anchor.Middle, Palette.Muted, kind: "node-label");
        }
    }

    /// <summary>Draws matrices [to, from] on top of each other, weak edges first so that strong ones lie on top.</summary>
    private void DrawEdges(Svg svg, IReadOnlyList<Grid> matrices, bool colorEach, double left, double top, double bottom)
    {
        var edges = Enumerable.Range(0, matrices.Count)
            .SelectMany(part => EdgesOf(matrices[part]).Select(edge => (edge.To, edge.From, edge.Weight, Part: part)))
            .OrderByDescending(edge => Axis.CanShow(edge.Weight) ? Math.Abs(edge.Weight) : 0)
            .Take(EdgeLimit)
            .Reverse();
        foreach (var edge in edges)
        {
            var (matrix, finite) = (matrices[edge.Part], Axis.CanShow(edge.Weight));
            string color = colorEach ? Palette.Feature(edge.Part, matrices.Count) : edge.Weight > 0 ? Palette.Positive : Palette.Negative;
            svg.Line(Place(edge.From, matrix.Columns, left), top, Place(edge.To, matrix.Rows, left), bottom,
                finite ? color : Palette.NonFinite,
                finite ? WidestEdge * Math.Abs(edge.Weight) / largestWeight : 1,
                finite ? null : "2 2",
                finite ? "edge" : "edge-not-finite");
        }
    }

    private IEnumerable<(int To, int From, double Weight)> EdgesOf(Grid matrix) =>
        Enumerable.Range(0, matrix.Rows)
            .SelectMany(to => Enumerable.Range(0, matrix.Columns).Select(from => (To: to, From: from, Weight: matrix[to, from])))
            .Where(edge => !Axis.CanShow(edge.Weight) || (Math.Abs(edge.Weight) >= SmallestShare * largestWeight && edge.Weight != 0));
}
