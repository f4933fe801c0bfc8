using Spd.Decomposition;
using Spd.Figures;
using Spd.Runs.Reporting;

namespace Spd.Runs.Targets;

/// <summary>The figures of an MLP of the user's own.</summary>
internal static class MlpFigures
{
    private const int MostInputs = 40, MostImages = 12;

    /// <summary>What the inputs that the decomposition is measured on allow to be drawn.</summary>
    public static IEnumerable<RunFigure> Draw(ComponentModel model, LabelledRows rows)
    {
        var maps = ImportanceMap.Of(model, rows.Inputs, rows.Count);
        yield return Importances(maps, rows);
        var first = maps.FirstOrDefault(map => map.Site.V.Columns == rows.Inputs.Length / rows.Count);
        if (first is not null && rows.Shape is [_, _]) yield return Images(first, rows.Shape[0], rows.Shape[1]);
    }

    private static RunFigure Importances(IReadOnlyList<ImportanceMap> maps, LabelledRows rows)
    {
        bool hasClasses = rows.Labels is not null;
        string rowTitle = hasClasses ? "class" : "input";
        var panels = maps.Select(map =>
        {
            float[,] values = hasClasses ? MeanByClass(map.Values, rows.Labels!) : FirstRows(map.Values);
            var columns = InUse(values);
            return new HeatmapPanel(
                $"{map.Site.Name}: {columns.Count} of {map.Site.C} subcomponents, the others never above {Evaluator.ActiveThreshold}", Grid.From(RunFigures.InOrder(values, columns)), rowTitle, "subcomponent",
                ColumnLabels: [.. columns.Select(c => $"{c}")])
            {
                Name = map.Site.Name,
            };
        });
        return new RunFigure(
            "causal_importances", "Causal importances",
            new HeatmapFigure(
                hasClasses ? "Mean causal importance of each subcomponent, by class" : $"Causal importance of each subcomponent on the first {MostInputs} inputs",
                [.. panels], HeatmapScale.UnitInterval, "causal importance",
                $"columns ordered by the {rowTitle} that needs the subcomponent most", PanelsPerRow: 1),
            $"Each row is {(hasClasses ? "a class, averaged over its inputs" : "an input")}; a dark cell means that the output would change if that subcomponent were ablated. "
            + "A subcomponent that is dark in few rows belongs to what these inputs have in common; one that is dark in all is always needed.");
    }

    private static RunFigure Images(ImportanceMap map, int height, int width)
    {
        var site = map.Site;
        double[] use = [.. Enumerable.Range(0, site.C).Select(c => Enumerable.Range(0, map.Values.GetLength(0)).Average(row => (double)map.Values[row, c]))];
        var shown = Enumerable.Range(0, site.C).OrderByDescending(c => use[c]).Take(MostImages).ToList();
        var panels = shown.Select(c =>
        {
            float[,] image = new float[height, width];
            for (int y = 0; y < height; y++)
                for (int x = 0; x < width; x++)
                    image[y, x] = site.V[c, y * width + x];
            return new HeatmapPanel($"subcomponent {c}: mean importance {use[c]:F2}", Grid.From(image), "", "") { Name = $"{site.Name} {c}" };
        });
        return new RunFigure(
            "read_directions", $"What subcomponents of {site.Name} read",
            new HeatmapFigure(
                $"What the {shown.Count} most used subcomponents of {site.Name} read", [.. panels], HeatmapScale.Signed, "weight", "V as an image",
                SharedScale: false, PanelsPerRow: 3),
            "Each image is a row of V: the subcomponent is active where the input is bright on one colour and dark on the other. The sign is arbitrary; "
            + "each image has its own colour scale.");
    }

    /// <summary>The columns that any row needs, or else the first, by the row that needs them most.</summary>
    private static List<int> InUse(float[,] values)
    {
        int rows = values.GetLength(0);
        int[] neediest = [.. Enumerable.Range(0, values.GetLength(1)).Select(c => Enumerable.Range(0, rows).MaxBy(row => values[row, c]))];
        var used = Enumerable.Range(0, neediest.Length).Where(c => values[neediest[c], c] > Evaluator.ActiveThreshold)
            .OrderBy(c => neediest[c]).ThenByDescending(c => values[neediest[c], c]).ToList();
        return used.Count > 0 ? used : [0];
    }

    private static float[,] MeanByClass(float[,] values, int[] labels)
    {
        float[,] means = new float[labels.Max() + 1, values.GetLength(1)];
        for (int label = 0; label < means.GetLength(0); label++)
        {
            int[] members = [.. Enumerable.Range(0, labels.Length).Where(row => labels[row] == label)];
            for (int c = 0; c < means.GetLength(1) && members.Length > 0; c++) means[label, c] = (float)members.Average(row => (double)values[row, c]);
        }

        return means;
    }

    private static float[,] FirstRows(float[,] values)
    {
        float[,] first = new float[Math.Min(MostInputs, values.GetLength(0)), values.GetLength(1)];
        Array.Copy(values, first, first.Length);
        return first;
    }
}
