using System.Globalization;
using System.Text.RegularExpressions;
using Spd.Figures;
using Spd.Runs.Configuration;
using Spd.Runs.Pages;
using Spd.Runs.Plans;
using Spd.Runs.Results;
using static Spd.Paper.PaperTable;

namespace Spd.Paper;

/// <summary>The figures of the page: figure 8, and all figures of the first seed of each experiment, as the run folders have them.</summary>
internal static partial class PaperFigures
{
    private const string MinimalityKey = "importance_minimality_coeff";

    /// <summary>Figure 8: what β₃ does; the table is null where none of its runs has finished, the figure where only one has.</summary>
    public static (PaperTable? Table, IFigure? Figure, IReadOnlyList<(string Coefficient, string Svg)> Maps) Figure8(IReadOnlyList<PlannedRun> runs)
    {
        var points = (from run in runs
                      where run.State == PlannedRunState.Finished && run.Parts.HasFlag(PaperParts.Fig8)
                      let coefficient = double.Parse(FlatConfig.Read(run.Stored!.Config)[MinimalityKey], CultureInfo.InvariantCulture)
                      orderby coefficient
                      select (Coefficient: coefficient, Run: run)).ToList();
        if (points.Count == 0) return (null, null, []);
        var table = new PaperTable(
            ["β₃", "Features with exactly one subcomponent", "Subcomponents alive in mlp_out (ever above 0.1)", "L0 (importance above 0.01), all sites", "Unmasked error", "Adversarial error"],
            [.. points.Select(point => new TableCell[]
            {
                new($"{point.Coefficient:0.#e+0}", PaperTables.Shortened([point.Run])), PaperTables.FeaturesWithOne(point.Run.Stored!.Summary),
                Shown(point.Run.Stored!.Summary.Number("mlp_out_alive"), NumberFormat.Count),
                Metric.Write(point.Run.Stored!.Summary.Sites.Values.Sum(site => site.L0), NumberFormat.Mean),
                Shown(point.Run.Stored!.Summary.Number("unmasked_mse"), NumberFormat.Error),
                Shown(point.Run.Stored!.Summary.Number("adversarial_mse"), NumberFormat.Error),
            })]);
        double[] x = [.. points.Select(point => Math.Log10(point.Coefficient))];
        LineSeries[] series =
        [
            .. from line in new (string Name, Func<RunSummary, double?> Value)[]
               {
                   ("features with exactly one subcomponent", summary => summary.FeaturesWithOne),
                   ("alive in mlp_out (ever above 0.1)", summary => summary.Number("mlp_out_alive")),
               }
               let y = points.Select(point => line.Value(point.Run.Stored!.Summary) ?? double.NaN).ToArray()
               where y.Any(double.IsFinite)
               select new LineSeries(line.Name, x, y),
        ];
        var figure = series.Length > 0 && points.Count > 1
            ? new LineFigure("What the weight of importance minimality does", "log₁₀ β₃", [new LinePlot("Subcomponents", "number", series)])
            : null;
        // Too low, right, too high: the lowest, the experiment's own, the highest of what is there.
        var shown = new[] { points[0], points.Find(point => point.Run.Coefficient is null), points[^1] }
            .Where(point => point.Run is not null).DistinctBy(point => point.Run);
        return (table, figure,
        [
            .. from point in shown
               let map = Path.Combine(point.Run.Stored!.Folder, "figures", "causal_importances.svg")
               where File.Exists(map)
               select ($"{point.Coefficient:0.#e+0}", File.ReadAllText(map)),
        ]);
    }

    /// <summary>The figures of the first finished seed of each experiment, in the order of its report, with the titles and captions that it has there, which are HTML.</summary>
    public static IEnumerable<(PlannedRun Run, IReadOnlyList<(string Title, string Svg, string Caption)> Figures)> Gallery(IReadOnlyList<PlannedRun> runs)
    {
        foreach (string experiment in PaperPlan.ExperimentNames)
        {
            if (PaperTables.Finished(runs, experiment) is not [var first, ..]) continue;
            yield return (first, [.. ReportedFigure().Matches(File.ReadAllText(Path.Combine(first.Stored!.Folder, "report.html")))
                .Select(match => (match.Groups["title"].Value, match.Groups["svg"].Value.Trim(), match.Groups["caption"].Value))]);
        }
    }

    // Reports of older programs have figures without a frame.
    [GeneratedRegex("<h2[^>]*>(?<title>[^<]*)</h2>\\s*<figure>\\s*(<div class=\"drawing\">)?(?<svg>.*?)(</div>\\s*)?<figcaption>(?<caption>[^<]*)", RegexOptions.Singleline | RegexOptions.ExplicitCapture)]
    private static partial Regex ReportedFigure();
}
