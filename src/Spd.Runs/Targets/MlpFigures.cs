using Spd.Engine.Execution;
using Spd.Decomposition;
using Spd.Figures;
using Spd.Networks.Targets;
using Spd.Runs.Reporting;

namespace Spd.Runs.Targets;

/// <summary>The figures of an MLP of the user's own.</summary>
internal static class MlpFigures
{
    private const int MostInputs = 40, MostImages = 12;

    /// <summary>What the inputs that the decomposition is measured on allow to be drawn.</summary>
    public static IEnumerable<RunFigure> Draw(ComponentModel model, LabelledRows rows, Backend backend)
    {
        var maps = ImportanceMap.Of(model, rows.Inputs, rows.Count, backend);
        yield return Importances(maps, rows);
        if (model.Network is not Mlp network) yield break;
        if (maps.FirstOrDefault(map => map.Site.Linear == network.Layers[0]) is { } first)
            yield return rows.ImageSize is var (height, width) ? Images(first, height, width) : ReadDirections(first, rows);
        if (maps.FirstOrDefault(map => map.Site.Linear == network.Layers[^1]) is { } last) yield return WriteDirections(last, rows);
    }

    private static RunFigure Importances(IReadOnlyList<ImportanceMap> maps, LabelledRows rows)
    {
        bool hasClasses = rows.Labels is not null;
        string rowTitle = hasClasses ? "class" : "input";
        var panels = maps.Select(map =>
        {
            float[,] values = hasClasses ? MeanByClass(map.Values, rows) : FirstRows(map.Values);
            var columns = InUse(values);
            return new HeatmapPanel(
                TitleOf(map.Site, values, columns, hasClasses), Grid.From(RunFigures.InOrder(values, columns)), rowTitle, "subcomponent",
                hasClasses ? Named(rows.ClassNames, values.GetLength(0)) : null, [.. columns.Select(c => $"{c}")])
            {
                Name = map.Site.Name,
            };
        });
        return new RunFigure(
            "causal_importances", "Causal importances",
            new HeatmapFigure(
                hasClasses ? "Mean causal importance of each subcomponent, by class" : $"Causal importance of each subcomponent on the first {Math.Min(MostInputs, maps[0].Values.GetLength(0))} inputs",
                [.. panels], HeatmapScale.UnitInterval, "causal importance",
                $"columns ordered by the {rowTitle} that needs the subcomponent most", PanelsPerRow: 1),
            $"Each row is {(hasClasses ? "a class, averaged over its inputs" : "an input")}; a dark cell means that the output would change if that subcomponent were ablated. "
            + (hasClasses ? "A class that none of these inputs has is grey. " : "")
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
            return new HeatmapPanel($"subcomponent {c}: mean importance {use[c]:F2}", Grid.From(image), "row of the image", "column of the image") { Name = $"{site.Name} {c}" };
        });
        return new RunFigure(
            "read_directions", $"What subcomponents of {site.Name} read",
            new HeatmapFigure(
                $"What the {shown.Count} most used subcomponents of {site.Name} read", [.. panels], HeatmapScale.Signed, "weight", "V as an image",
                SharedScale: false, PanelsPerRow: 3),
            "Each image is a row of V: the subcomponent is active where the input is bright on one colour and dark on the other. The sign is arbitrary; "
            + "each image has its own colour scale.");
    }

    private static RunFigure ReadDirections(ImportanceMap map, LabelledRows rows)
    {
        var (site, shown) = (map.Site, MostUsed(map));
        float[,] values = new float[site.V.Columns, shown.Count];
        for (int column = 0; column < shown.Count; column++)
        {
            double length = RunFigures.Length(site, shown[column]);
            for (int input = 0; input < site.V.Columns; input++) values[input, column] = (float)(site.V[shown[column], input] / length);
        }

        return Directions(
            "read_directions", $"What subcomponents of {site.Name} read", site, values, "input", Named(rows.FeatureNames, site.V.Columns), shown,
            "share of the input", "A column is the direction V that a subcomponent reads, of length 1: it is active where the inputs of one colour are large "
            + "and those of the other small. The sign is arbitrary.");
    }

    private static RunFigure WriteDirections(ImportanceMap map, LabelledRows rows)
    {
        var (site, shown) = (map.Site, MostUsed(map));
        float[,] values = new float[site.U.Columns, shown.Count];
        for (int column = 0; column < shown.Count; column++)
        {
            double length = RunFigures.Length(site, shown[column]);
            for (int output = 0; output < site.U.Columns; output++) values[output, column] = (float)(site.U[shown[column], output] * length);
        }

        return Directions(
            "write_directions", $"What subcomponents of {site.Name} write", site, values, rows.Labels is null ? "output" : "class",
            Named(rows.ClassNames, site.U.Columns), shown, "written to the output",
            "A column is what a subcomponent adds to the outputs where its input is 1 along the direction that it reads, of length 1: "
            + "U times the length of V. The sign is arbitrary.");
    }

    private static RunFigure Directions(
        string file, string title, Site site, float[,] values, string rowTitle, IReadOnlyList<string>? labels, List<int> shown, string colour, string howToRead) =>
        new(file, title,
            new HeatmapFigure(
                title,
                [
                    new HeatmapPanel(
                        $"{shown.Count} of {site.C} subcomponents, the most used first", Grid.From(values), rowTitle, "subcomponent", labels,
                        [.. shown.Select(c => $"{c}")], site.Name),
                ],
                HeatmapScale.Signed, colour),
            howToRead);

    /// <summary>The subcomponents that any input needs, or else the first, those of the highest mean importance first.</summary>
    private static List<int> MostUsed(ImportanceMap map)
    {
        int rows = map.Values.GetLength(0);
        double[] use = [.. Enumerable.Range(0, map.Site.C).Select(c => Enumerable.Range(0, rows).Average(row => (double)map.Values[row, c]))];
        var used = Enumerable.Range(0, map.Site.C)
            .Where(c => Enumerable.Range(0, rows).Any(row => map.Values[row, c] > Evaluator.AliveThreshold)).OrderByDescending(c => use[c]).ToList();
        return used.Count > 0 ? used : [0];
    }

    private static string TitleOf(Site site, float[,] values, List<int> columns, bool hasClasses)
    {
        string which = hasClasses ? "class means" : "importances on these inputs";
        if (columns.Count == site.C) return site.Name;
        bool none = columns.Count == 1 && Enumerable.Range(0, values.GetLength(0)).All(row => !(values[row, columns[0]] > Evaluator.ActiveThreshold));
        return none
            ? $"{site.Name}: no {which} above {Evaluator.ActiveThreshold} for any of {site.C} subcomponents; the first is shown"
            : $"{site.Name}: {columns.Count} of {site.C} subcomponents, the others' {which} never above {Evaluator.ActiveThreshold}";
    }

    private static IReadOnlyList<string>? Named(IReadOnlyList<string>? names, int count) => names is null ? null : [.. names.Take(count)];

    /// <summary>The columns that any row needs, or else the first, by the row that needs them most.</summary>
    private static List<int> InUse(float[,] values)
    {
        int rows = values.GetLength(0);
        int[] neediest = [.. Enumerable.Range(0, values.GetLength(1)).Select(c => Enumerable.Range(0, rows).MaxBy(row => values[row, c]))];
        var used = Enumerable.Range(0, neediest.Length).Where(c => values[neediest[c], c] > Evaluator.ActiveThreshold)
            .OrderBy(c => neediest[c]).ThenByDescending(c => values[neediest[c], c]).ToList();
        return used.Count > 0 ? used : [0];
    }

    private static float[,] MeanByClass(float[,] values, LabelledRows rows)
    {
        int[] labels = rows.Labels!;
        float[,] means = new float[rows.ClassNames?.Count ?? labels.Max() + 1, values.GetLength(1)];
        for (int label = 0; label < means.GetLength(0); label++)
        {
            int[] members = [.. Enumerable.Range(0, labels.Length).Where(row => labels[row] == label)];
            for (int c = 0; c < means.GetLength(1); c++) means[label, c] = members.Length == 0 ? float.NaN : (float)members.Average(row => (double)values[row, c]);
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
