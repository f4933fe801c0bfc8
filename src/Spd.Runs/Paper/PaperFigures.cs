using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Spd.Figures;
using Spd.Runs.Configuration;
using Spd.Runs.Results;
using static Spd.Runs.Paper.PaperHtml;

namespace Spd.Runs.Paper;

/// <summary>The figures of the page: figure 8, and all figures of the first seed of each experiment, as the run folders have them.</summary>
internal static partial class PaperFigures
{
    private const string MinimalityKey = "importance_minimality_coeff";

    /// <summary>Figure 8: what β₃ does.</summary>
    public static string Figure8(IReadOnlyList<PaperRun> runs)
    {
        var points = (from run in runs
                      where run.State == PaperRunState.Finished && run.Planned.Parts.HasFlag(PaperParts.Fig8)
                      let coefficient = double.Parse(FlatConfig.Read(run.Stored!.Config)[MinimalityKey], CultureInfo.InvariantCulture)
                      orderby coefficient
                      select (Coefficient: coefficient, Run: run)).ToList();
        if (points.Count == 0) return "<p>None of its runs has finished.</p>\n";

        var html = new StringBuilder(Table(
            ["β₃", "Features with exactly one subcomponent", "Subcomponents alive in mlp_out (ever above 0.1)", "L0 (importance above 0.01), all sites", "Unmasked error", "Adversarial error"],
            points.Select(point => new[]
            {
                Escaped($"{point.Coefficient:0.#e+0}") + PaperTables.Shortened([point.Run]), PaperTables.FeaturesWithOne(point.Run.Stored!.Summary),
                Shown(point.Run.Stored!.Summary.Number("mlp_out_alive"), NumberFormat.Count),
                Metric.Write(point.Run.Stored!.Summary.Sites.Values.Sum(site => site.L0), NumberFormat.Mean),
                Shown(point.Run.Stored!.Summary.Number("unmasked_mse"), NumberFormat.Error),
                Shown(point.Run.Stored!.Summary.Number("adversarial_mse"), NumberFormat.Error),
            })));
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
        if (series.Length > 0 && points.Count > 1)
        {
            var figure = new LineFigure("What the weight of importance minimality does", "log₁₀ β₃", [new LinePlot("Subcomponents", "number", series)]);
            html.Append(
                $"<figure>\n{figure.ToSvg()}\n<figcaption>"
                + "With a good β₃, in the paper, every feature has one subcomponent, and mlp_out one for each neuron.</figcaption>\n</figure>\n");
        }

        // Too low, right, too high: the lowest, the experiment's own, the highest of what is there.
        var shown = new[] { points[0], points.Find(point => point.Run.Planned.Coefficient is null), points[^1] }
            .Where(point => point.Run is not null).DistinctBy(point => point.Run).ToList();
        html.Append("<div class=\"beside\">\n");
        foreach (var (coefficient, run) in shown)
        {
            string map = Path.Combine(run.Stored!.Folder, "figures", "causal_importances.svg");
            if (File.Exists(map)) html.Append($"<figure>\n<b>β₃ = {coefficient:0.#e+0}</b>\n{File.ReadAllText(map)}\n</figure>\n");
        }

        return html.Append(
            "</div>\n<p>Causal importances of single features at 0.75. In the paper, below the right β₃ a feature needs several subcomponents; at it, one each; "
            + "above it importances sink below 1 and mlp_out splits.</p>\n").ToString();
    }

    /// <summary>The figures of the first finished seed of each experiment, with their captions.</summary>
    public static string Gallery(IReadOnlyList<PaperRun> runs)
    {
        var html = new StringBuilder();
        foreach (string experiment in PaperPlan.ExperimentNames)
        {
            if (PaperTables.Finished(runs, experiment) is not [var first, ..]) continue;
            var captions = Captions(File.ReadAllText(Path.Combine(first.Stored!.Folder, "report.html")));
            html.Append($"<details open>\n<summary>{Escaped(first.Planned.Title)}{PaperTables.Shortened([first])}</summary>\n");
            var figures = Directory.GetFiles(Path.Combine(first.Stored.Folder, "figures"), "*.svg").Select(File.ReadAllText)
                .Select(svg => (Svg: svg, Order: captions.FindIndex(caption => caption.Svg == svg.Trim())));
            foreach (var (svg, order) in figures.OrderBy(figure => figure.Order < 0 ? int.MaxValue : figure.Order))
            {
                if (order >= 0) html.Append($"<h3>{captions[order].Title}</h3>\n");
                html.Append($"<figure>\n{svg}\n{(order < 0 ? "" : $"<figcaption>{captions[order].HowToRead}</figcaption>\n")}</figure>\n");
            }

            html.Append("</details>\n");
        }

        return html.Length == 0 ? "<p>No run has finished.</p>\n" : html.ToString();
    }

    /// <summary>What the report of a run says about each of its figures; title and caption are HTML.</summary>
    private static List<(string Title, string Svg, string HowToRead)> Captions(string report) =>
        [.. ReportedFigure().Matches(report).Select(match => (match.Groups[1].Value, match.Groups[2].Value.Trim(), match.Groups[3].Value))];

    [GeneratedRegex("<h2>([^<]*)</h2>\\s*<figure>(.*?)<figcaption>(.*?)</figcaption>", RegexOptions.Singleline)]
    private static partial Regex ReportedFigure();
}
