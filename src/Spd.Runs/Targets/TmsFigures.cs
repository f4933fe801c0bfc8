using Spd.Engine.Execution;
using Spd.Decomposition;
using Spd.Figures;
using Spd.Networks.Targets;
using Spd.Runs.Reporting;

namespace Spd.Runs.Targets;

/// <summary>The paper's figures for a Toy Model of Superposition: its matrices as vectors and networks, and the subcomponents that they split into.</summary>
internal static class TmsFigures
{
    private const int LargestShown = 6, LargestHiddenShown = 3, HiddenMatricesShown = 10;

    private const string HowToRead =
        "In a clean decomposition of linear1 and linear2 every row has one dark cell of its own, on the diagonal; "
        + "in a hidden matrix all inputs share the same few subcomponents.";

    /// <summary>Draws all that the decomposed matrices allow.</summary>
    public static IEnumerable<RunFigure> Draw(ComponentModel model, Tms tms, Backend backend)
    {
        if (Vectors(model.Sites, tms) is { } vectors) yield return vectors;
        if (HiddenMatrices(model.Sites, tms) is { } hidden) yield return hidden;
        var maps = ImportanceMap.OfSingleFeatures(model, tms.Config.NFeatures, backend);
        yield return RunFigures.Importances(maps, HowToRead);
        yield return RunFigures.Components(maps);
    }

    /// <summary>
    /// The matrices as vectors, where the hidden layer is a plane, and as networks; null when <c>linear1</c> is not decomposed. With more hidden units
    /// all significant subcomponents are drawn in one network too, because few of them can have one of their own.
    /// </summary>
    public static RunFigure? Vectors(IReadOnlyList<FactoredMatrix> sites, Tms tms)
    {
        var first = sites.FirstOrDefault(site => site.Linear == tms.Linear1);
        if (first is null) return null;
        var (part, heading) = first.Rank == 1 ? ("subcomponent", "Subcomponents") : ("component", "Components");
        var last = sites.FirstOrDefault(site => site.Linear == tms.Linear2);
        bool isTied = last?.Linear.IsTransposed == true;
        var hidden = tms.HiddenLayers.Select(layer => sites.FirstOrDefault(site => site.Linear == layer)).ToList();

        var panels = new List<VectorPanel>
        {
            new("Target W columns", Matrix(tms.Linear1), [.. tms.HiddenLayers.Select(Matrix)], Matrix(tms.Linear2)),
            new($"Sum of {part}s", Grid.From(first.Sum()),
                [.. tms.HiddenLayers.Zip(hidden, (layer, site) => site is null ? Matrix(layer) : Grid.From(site.Sum()))],
                last is null ? Matrix(tms.Linear2) : Grid.From(last.Sum())),
        };
        if (tms.Config.NHidden > 2) panels.Add(AllSignificant(panels[1], first, hidden, last));
        foreach (int c in Largest(first, tms.Config.NHidden > 2 ? LargestHiddenShown : LargestShown))
        {
            // A tied subcomponent of linear2 is the same one's transpose; another linear2 has subcomponents of its own.
            var transpose = isTied ? Grid.From(last!.Subcomponent(c)) : null;
            panels.Add(new VectorPanel(
                $"{first.Name}: {part} {c}, norm {first.Norms()[c]:F2}",
                Grid.From(first.Subcomponent(c)), HiddenZeros(-1, null), transpose));
        }

        if (last is not null && !isTied)
        {
            foreach (int c in Largest(last, tms.Config.NHidden > 2 ? LargestHiddenShown : LargestShown))
            {
                panels.Add(new VectorPanel(
                    $"{last.Name}: {part} {c}, norm {last.Norms()[c]:F2}",
                    Zeros(first.Outputs, first.Inputs), HiddenZeros(-1, null), Grid.From(last.Subcomponent(c))));
            }
        }

        for (int layer = 0; layer < hidden.Count; layer++)
        {
            if (hidden[layer] is not { } site) continue;
            foreach (int c in Largest(site, LargestHiddenShown))
            {
                panels.Add(new VectorPanel(
                    $"{site.Name}: {part} {c}, norm {site.Norms()[c]:F2}",
                    Zeros(first.Outputs, first.Inputs), HiddenZeros(layer, Grid.From(site.Subcomponent(c)))));
            }
        }

        var figure = new VectorFigure(
            $"Target, sum of {part}s, and the largest {part}s", panels,
            Subtitle: $"{Significance.Of(first).Count} of {first.C} {part}s of {first.Name} are significant (norm above 5 % of the largest)");
        return tms.Config.NHidden > 2
            ? new RunFigure(
                "vectors", $"{heading} as networks", figure,
                "Every matrix is drawn as a network, from the features at the top to the outputs at the bottom. "
                + $"When the decomposition has found the mechanisms, every significant {part} joins one feature alone to the hidden units, "
                + "and they sum to the target.")
            : new RunFigure(
                "vectors", $"{heading} as vectors", figure,
                "Arrows are the columns of a matrix, one colour per input feature; "
                + "below each stands the same matrix as a network, from the features at the top to the outputs at the bottom. "
                + $"When the decomposition has found the mechanisms, every significant {part} is one of the target's arrows alone, "
                + "and they sum to the target.");

        Grid[]? HiddenZeros(int layer, Grid? matrix) => tms.HiddenLayers.Count == 0
            ? null
            : [.. Enumerable.Range(0, tms.HiddenLayers.Count).Select(i => i == layer ? matrix! : Zeros(tms.Config.NHidden, tms.Config.NHidden))];
    }

    /// <summary>Each hidden matrix that is decomposed: the target's, the sum, and the largest subcomponents; null where there is none.</summary>
    public static RunFigure? HiddenMatrices(IReadOnlyList<FactoredMatrix> matrices, Tms tms)
    {
        var sites = matrices.Where(site => tms.HiddenLayers.Contains(site.Linear)).ToList();
        if (sites.Count == 0) return null;
        var panels = sites.SelectMany(site => Largest(site, Math.Min(HiddenMatricesShown, tms.Config.NHidden + 2))
            .Select((c, rank) => Panel(
                $"{site.Name}: subcomponent {c}, norm {site.Norms()[c]:F2}", Grid.From(site.Subcomponent(c)), $"{site.Name}: largest, {rank + 1}"))
            .Prepend(Panel($"{site.Name}: sum of subcomponents", Grid.From(site.Sum())))
            .Prepend(Panel($"{site.Name}: target", Matrix(site.Linear))));
        var figure = new HeatmapFigure(
            "Hidden matrices: target, sum of subcomponents, and the largest subcomponents", [.. panels], HeatmapScale.Signed, "weight",
            string.Join("; ", sites.Select(site => $"{Significance.Of(site).Count} of {site.C} subcomponents of {site.Name} are significant")),
            PanelsPerRow: 4);
        return new RunFigure(
            "hidden_matrices", "Hidden matrices", figure,
            "The sum should be the target, and as many subcomponents as the matrix has rank should be significant. "
            + "All inputs need all of the matrix, so its subcomponents are free to be any rank-one matrices with that sum; "
            + "in the identity they need not lie along the diagonal.");

        static HeatmapPanel Panel(string title, Grid matrix, string? name = null) => new(title, matrix, "to hidden unit", "from hidden unit", Name: name);
    }

    /// <summary>The sum's network, made of the significant subcomponents of every site, those of the outer matrices in the order of their features.</summary>
    private static VectorPanel AllSignificant(VectorPanel sum, FactoredMatrix first, IReadOnlyList<FactoredMatrix?> hidden, FactoredMatrix? last)
    {
        var order = Significance.Of(first).OrderBy(c => LargestColumn(first.Subcomponent(c))).ToList();
        var lastOrder = last is null ? []
            : last.Linear.IsTransposed ? order : Significance.Of(last).OrderBy(c => LargestRow(last.Subcomponent(c))).ToList();
        return sum with
        {
            Caption = $"All significant {(first.Rank == 1 ? "subcomponent" : "component")}s, each in its colour",
            Parts = new VectorParts(
                [.. order.Select(c => Grid.From(first.Subcomponent(c)))],
                [.. hidden.Select((site, layer) => (IReadOnlyList<Grid>)(site is null
                    ? [sum.Middle![layer]]
                    : [.. Significance.Of(site).Select(c => Grid.From(site.Subcomponent(c)))]))],
                last is null ? null : [.. lastOrder.Select(c => Grid.From(last.Subcomponent(c)))]),
        };
    }

    private static int LargestColumn(float[,] matrix) => Enumerable.Range(0, matrix.GetLength(1))
        .MaxBy(column => Enumerable.Range(0, matrix.GetLength(0)).Sum(row => (double)matrix[row, column] * matrix[row, column]));

    private static int LargestRow(float[,] matrix) => Enumerable.Range(0, matrix.GetLength(0))
        .MaxBy(row => Enumerable.Range(0, matrix.GetLength(1)).Sum(column => (double)matrix[row, column] * matrix[row, column]));

    private static IEnumerable<int> Largest(FactoredMatrix site, int count)
    {
        double[] norms = site.Norms();
        return Enumerable.Range(0, site.C).OrderByDescending(c => norms[c]).Take(count);
    }

    private static Grid Matrix(Networks.Linear linear) => Grid.FromRowMajor(linear.Outputs, linear.Inputs, linear.EffectiveWeight());

    private static Grid Zeros(int rows, int columns) => Grid.From(new float[rows, columns]);
}
