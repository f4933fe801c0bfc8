using System.Globalization;

namespace Spd.Figures;

/// <summary>The matrices of one panel; every matrix is [to, from].</summary>
/// <param name="Caption">The caption, such as "Subcomponent 7, norm 1.02".</param>
/// <param name="First">The matrix from features to hidden units, [hidden, features]; its columns are the arrows.</param>
/// <param name="Middle">Matrices between hidden layers, each [hidden, hidden], or null for none.</param>
/// <param name="Last">The matrix from hidden units to features, [features, hidden], or null for none.</param>
/// <param name="Parts">Matrices to draw the network's edges of instead, each part in a colour of its own; null for the panel's matrices by their sign.</param>
public sealed record VectorPanel(string Caption, Grid First, IReadOnlyList<Grid>? Middle = null, Grid? Last = null, VectorParts? Parts = null);

/// <summary>Matrices that lie on top of each other in one network, each of the size of the panel's matrix in its place.</summary>
/// <param name="First">Those from features to hidden units; as many as features give each the colour of the feature at its place.</param>
/// <param name="Middle">Those of each middle matrix, or null where the panel has none.</param>
/// <param name="Last">Those from hidden units to features, or null where the panel has none.</param>
public sealed record VectorParts(IReadOnlyList<Grid> First, IReadOnlyList<IReadOnlyList<Grid>>? Middle = null, IReadOnlyList<Grid>? Last = null);

/// <summary>
/// Panels that show how a matrix maps features to a hidden layer: the columns as arrows in a plane (with two hidden units
/// only) and below them the network as nodes and weighted edges, all panels to the same scales.
/// </summary>
/// <param name="Title">The title of the figure.</param>
/// <param name="Panels">The panels, such as the target, the sum of the subcomponents and the largest subcomponents; in all the same sizes.</param>
/// <param name="FeatureNames">A name per feature for the legend, or null for "feature 0" and so on.</param>
/// <param name="Subtitle">An optional sentence below the title.</param>
public sealed record VectorFigure(
    string Title, IReadOnlyList<VectorPanel> Panels, IReadOnlyList<string>? FeatureNames = null, string? Subtitle = null) : IFigure
{
    private const double Left = 66;
    private const double Gap = 14;
    private const double StageHeight = 74;
    private const int NamedFeatureLimit = 12;

    private int Features => Panels[0].First.Columns;

    private int Hidden => Panels[0].First.Rows;

    private bool HasPlane => Hidden == 2;

    private int MiddleCount => Panels.Max(panel => panel.Middle?.Count ?? 0);

    private bool HasOutputs => Panels.Any(panel => panel.Last is not null);

    /// <summary>Draws the figure.</summary>
    /// <returns>A self-contained SVG document, 800 units wide.</returns>
    /// <exception cref="ArgumentException">There is no panel, sizes differ between panels, or the names do not match the features.</exception>
    public string ToSvg()
    {
        Validate();
        var svg = new Svg();
        double y = DrawLegends(svg, Layout.Heading(svg, Title, Subtitle)) + 8;
        int perRow = Math.Min(Panels.Count, Features <= 10 ? 4 : Features <= 20 ? 3 : 2);
        double width = Math.Min(HasPlane ? 250 : Svg.Width, (Svg.Width - Layout.Margin - Left - (Gap * (perRow - 1))) / perRow);

        var plane = VectorPlane.For(Panels);
        var network = new NetworkDiagram(Features, Hidden, MiddleCount, HasOutputs, LargestWeight(), width, StageHeight);
        for (int first = 0; first < Panels.Count; first += perRow)
        {
            var row = Panels.Skip(first).Take(perRow).ToArray();
            var captions = row.Select(panel => Layout.Wrap(panel.Caption, 12, width, 3)).ToArray();
            double top = y + (captions.Max(lines => lines.Count) * 16) + 6;
            double networkTop = HasPlane ? top + width + 52 : top + 8;
            for (int index = 0; index < row.Length; index++)
            {
                double left = Left + (index * (width + Gap));
                svg.Open(("class", "panel"));
                for (int line = 0; line < captions[index].Count; line++)
                    svg.Text(left, y + 12 + (16 * line), captions[index][line], 12, bold: true, kind: "caption");
                if (HasPlane) plane.Draw(svg, row[index].First, left, top, width, isFirst: index == 0);
                network.Draw(svg, row[index], left, networkTop, isFirst: index == 0);
                svg.Close();
            }

            y = networkTop + network.Height + 26;
        }

        y = Layout.Notes(svg, Notes(plane), y - 6);
        string description = $"{Panels.Count} panels, each a map from {Features} features to {Hidden} hidden units: "
            + $"{string.Join("; ", Panels.Select(panel => panel.Caption))}.";
        return svg.Document(y + 12, Title, Subtitle is null ? description : $"{Subtitle} {description}");
    }

    private static IEnumerable<Grid> Matrices(VectorPanel panel)
    {
        yield return panel.First;
        foreach (var middle in panel.Middle ?? []) yield return middle;
        if (panel.Last is not null) yield return panel.Last;
    }

    private static IEnumerable<(Grid Part, Grid Whole)> PartsWithWholes(VectorPanel panel)
    {
        if (panel.Parts is not { } parts) return [];
        var middle = (parts.Middle ?? []).Zip(panel.Middle ?? [], (list, whole) => list.Select(part => (part, whole))).SelectMany(pairs => pairs);
        return parts.First.Select(part => (part, panel.First)).Concat(middle)
            .Concat(panel.Last is { } last ? (parts.Last ?? []).Select(part => (part, last)) : []);
    }

    private void Validate()
    {
        Invalid.RequireItems(Panels, "The panels of a vector figure");
        foreach (var panel in Panels)
        {
            if (panel.First.Columns != Features || panel.First.Rows != Hidden)
            {
                throw Invalid.Input(
                    $"Panel '{panel.Caption}' has a first matrix of {panel.First.Rows} x {panel.First.Columns}, "
                    + $"but panel '{Panels[0].Caption}' has {Hidden} x {Features}.");
            }

            if (panel.Middle is { Count: > 0 } && panel.Middle.Count != MiddleCount)
                throw Invalid.Input($"Panel '{panel.Caption}' has {panel.Middle.Count} middle matrices, but another panel has {MiddleCount}.");
            if (panel.Middle?.Any(middle => middle.Rows != Hidden || middle.Columns != Hidden) == true)
                throw Invalid.Input($"The middle matrices of panel '{panel.Caption}' must be {Hidden} x {Hidden}.");
            if (panel.Last is { } last && (last.Rows != Features || last.Columns != Hidden))
                throw Invalid.Input($"The last matrix of panel '{panel.Caption}' must be {Features} x {Hidden}, but is {last.Rows} x {last.Columns}.");
            if ((panel.Parts?.Middle?.Count ?? 0) > (panel.Middle?.Count ?? 0) || (panel.Parts?.Last is not null && panel.Last is null)
                || PartsWithWholes(panel).Any(pair => (pair.Part.Rows, pair.Part.Columns) != (pair.Whole.Rows, pair.Whole.Columns)))
            {
                throw Invalid.Input($"The parts of panel '{panel.Caption}' must have the sizes of its matrices.");
            }
        }

        if (FeatureNames is not null && FeatureNames.Count != Features)
            throw Invalid.Input($"There are {Features} features but {FeatureNames.Count} feature names.");
    }

    private double LargestWeight()
    {
        double largest = 0.0;
        foreach (var matrix in Panels.SelectMany(panel => Matrices(panel).Concat(PartsWithWholes(panel).Select(pair => pair.Part))))
        {
            foreach (double value in matrix.Values) largest = Axis.CanShow(value) ? Math.Max(largest, Math.Abs(value)) : largest;
        }

        return largest;
    }

    private double DrawLegends(Svg svg, double y)
    {
        if (Features <= NamedFeatureLimit)
        {
            y = Layout.Legend(
                svg,
                [
                    .. Enumerable.Range(0, Features).Select(index => new LegendItem(
                        FeatureNames?[index] ?? $"feature {index}", Palette.Feature(index, Features), Swatch: true)),
                ],
                Layout.Margin, y, Svg.Width - (2 * Layout.Margin));
        }
        else
        {
            var ends = (FeatureNames?[0] ?? "feature 0", FeatureNames?[^1] ?? $"feature {Features - 1}");
            y = Layout.Legend(svg, [new LegendItem(ends.Item1, Palette.Feature(0, Features), Swatch: true),
                new LegendItem("… in order, dark to light, to …", Palette.Feature(Features / 2, Features), Swatch: true),
                new LegendItem(ends.Item2, Palette.Feature(Features - 1, Features), Swatch: true)], Layout.Margin, y, Svg.Width - (2 * Layout.Margin));
        }

        return Layout.Legend(svg,
            [
                new LegendItem("positive weight", Palette.Positive),
                new LegendItem("negative weight", Palette.Negative),
                new LegendItem($"edge width is proportional to |weight|; the widest is {Axis.Format(LargestWeight(), 3)}", "none"),
            ], Layout.Margin, y, Svg.Width - (2 * Layout.Margin));
    }

    private IEnumerable<string> Notes(VectorPlane plane)
    {
        if (HasPlane)
        {
            yield return "Arrows: each column of the features-to-hidden matrix, in its feature's colour, on one scale in all panels; "
                + $"a grey dot stands for columns near zero. Dashed circle: radius {Axis.Format(plane.CircleRadius)}.";
        }
        else
        {
            yield return $"The hidden layer has {Hidden} units, so columns cannot be drawn as arrows in a plane; the networks show the weights instead.";
        }

        yield return "Networks: inputs at the top; edges below 1 % of the widest are left out."
            + (Matrices(Panels[0]).Any(matrix => matrix.Rows * matrix.Columns > NetworkDiagram.EdgeLimit)
                ? $" Of each matrix only the {NetworkDiagram.EdgeLimit} strongest edges are drawn."
                : "");
        if (Panels.Any(panel => panel.Parts is not null))
            yield return "Where several subcomponents lie in one network, each has a colour of its own, whatever the sign.";
        int nonFinite = Panels.SelectMany(Matrices).Sum(CountNonFinite);
        if (nonFinite > 0) yield return $"{nonFinite} weights are not finite: dashed grey edges, and no arrow.";
    }

    private static int CountNonFinite(Grid matrix)
    {
        int count = 0;
        foreach (double value in matrix.Values) count += Axis.CanShow(value) ? 0 : 1;
        return count;
    }

    /// <summary>The short name that is written at arrows and nodes.</summary>
    internal static string ShortName(int feature) => feature.ToString(CultureInfo.InvariantCulture);
}
