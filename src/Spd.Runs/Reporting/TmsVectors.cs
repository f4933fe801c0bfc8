using Spd.Decomposition;
using Spd.Figures;
using Spd.Networks.Targets;

namespace Spd.Runs.Reporting;

/// <summary>The paper's first figure for a Toy Model of Superposition: its columns as vectors, and the subcomponents that they split into.</summary>
internal static class TmsVectors
{
    private const int LargestShown = 6, LargestHiddenShown = 3;

    /// <summary>The figure, or null when <c>linear1</c> is not decomposed.</summary>
    public static RunFigure? Draw(ComponentModel model, Tms tms)
    {
        var first = model.Sites.FirstOrDefault(site => site.Linear == tms.Linear1);
        if (first is null) return null;
        var last = model.Sites.FirstOrDefault(site => site.Linear == tms.Linear2);
        bool isTied = last?.Linear.IsTransposed == true;
        var hidden = tms.HiddenLayers.Select(layer => model.Sites.FirstOrDefault(site => site.Linear == layer)).ToList();

        var panels = new List<VectorPanel>
        {
            new("Target W columns", Matrix(tms.Linear1), [.. tms.HiddenLayers.Select(Matrix)], Matrix(tms.Linear2)),
            new("Sum of subcomponents", Grid.From(first.Sum()),
                [.. tms.HiddenLayers.Zip(hidden, (layer, site) => site is null ? Matrix(layer) : Grid.From(site.Sum()))],
                last is null ? Matrix(tms.Linear2) : Grid.From(last.Sum())),
        };
        foreach (int c in Largest(first, LargestShown))
        {
            // A tied subcomponent of linear2 is the same one's transpose; another linear2 has subcomponents of its own.
            var transpose = isTied ? Grid.From(last!.Subcomponent(c)) : null;
            panels.Add(new VectorPanel(
                $"{first.Name}: subcomponent {c}, norm {first.Norms()[c]:F2}",
                Grid.From(first.Subcomponent(c)), HiddenZeros(-1, null), transpose));
        }

        if (last is not null && !isTied)
        {
            foreach (int c in Largest(last, LargestShown))
            {
                panels.Add(new VectorPanel(
                    $"{last.Name}: subcomponent {c}, norm {last.Norms()[c]:F2}",
                    Zeros(first.U.Columns, first.V.Columns), HiddenZeros(-1, null), Grid.From(last.Subcomponent(c))));
            }
        }

        for (int layer = 0; layer < hidden.Count; layer++)
        {
            if (hidden[layer] is not { } site) continue;
            foreach (int c in Largest(site, LargestHiddenShown))
            {
                panels.Add(new VectorPanel(
                    $"{site.Name}: subcomponent {c}, norm {site.Norms()[c]:F2}",
                    Zeros(first.U.Columns, first.V.Columns), HiddenZeros(layer, Grid.From(site.Subcomponent(c)))));
            }
        }

        var figure = new VectorFigure(
            "Target, sum of subcomponents, and the largest subcomponents", panels,
            Subtitle: $"{Significance.Of(first).Count} of {first.C} subcomponents of {first.Name} are significant (norm above 5 % of the largest)");
        return new RunFigure(
            "vectors", "Subcomponents as vectors", figure.ToSvg(),
            "Arrows are the columns of a matrix, one colour per input feature; "
            + "below each stands the same matrix as a network, from the features up to the outputs. "
            + "When the decomposition has found the mechanisms, every significant subcomponent is one of the target's arrows alone, "
            + "and they sum to the target.");

        Grid[]? HiddenZeros(int layer, Grid? matrix) => tms.HiddenLayers.Count == 0
            ? null
            : [.. Enumerable.Range(0, tms.HiddenLayers.Count).Select(i => i == layer ? matrix! : Zeros(tms.Config.NHidden, tms.Config.NHidden))];
    }

    private static IEnumerable<int> Largest(Site site, int count)
    {
        double[] norms = site.Norms();
        return Enumerable.Range(0, site.C).OrderByDescending(c => norms[c]).Take(count);
    }

    private static Grid Matrix(Networks.Linear linear) => Grid.FromRowMajor(linear.Outputs, linear.Inputs, linear.EffectiveWeight());

    private static Grid Zeros(int rows, int columns) => Grid.From(new float[rows, columns]);
}
