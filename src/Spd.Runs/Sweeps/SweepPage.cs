using System.Text;
using Spd.Figures;
using Spd.Runs.Reporting;
using Spd.Runs.Results;
using static Spd.Runs.Paper.PaperHtml;

namespace Spd.Runs.Sweeps;

/// <summary>The page of a sweep: the front of subcomponents in use against error, the spread over seeds, every run with a link to its report.</summary>
internal static class SweepPage
{
    private const int MostColours = 7;

    // Pages lie one beside the other in all browsers, and a drawing in a page may be a link.
    private const string Style = ".wide { overflow-x: auto; } .wide th { font-size: .85rem; } svg a { cursor: pointer; }";

    /// <summary>The page.</summary>
    public static string Write(SweepResults results)
    {
        var (plan, runs) = (results.Plan, results.Plan.Runs);
        int finished = runs.Count(run => SweepResults.Summary(run) is not null);
        var page = new StringBuilder($"""
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            {SweepFolder.Generator}
            <title>{Escaped(plan.Experiment)}, sweep</title>
            <style>
            {HtmlReport.Style}
            {Style}
            </style>
            </head>
            <body>
            <h1>{Escaped(plan.Experiment)}, sweep</h1>
            <p class="lead">{Escaped(string.Join("; ", plan.Grid.Select(axis => $"{axis.Key}: {string.Join(", ", axis.Values)}")))}; seeds {string.Join(", ", plan.Seeds)}</p>
            <p>{finished} of {runs.Count} runs have finished.</p>

            """);
        foreach (var metric in new[] { SweepMetric.Stochastic, SweepMetric.CiMasked }) WriteFront(page, results, metric);
        page.Append(
            $"<h2>Over seeds</h2>\n<p>The median{(plan.Seeds.Count > 1 ? ", and from the smallest to the largest" : "")}, of the runs that have finished.</p>\n");
        page.Append(Table(
            [.. plan.Grid.Select(axis => Escaped(axis.Key)), "finished", .. SweepMetric.All.Select(metric => Escaped(metric.Label))],
            results.Points.Select(point => (IReadOnlyList<string>)
            [
                .. point.Values.Select(Escaped), $"{point.Runs.Count(run => SweepResults.Summary(run) is not null)} of {point.Runs.Count}",
                .. SweepMetric.All.Select(metric => Shown(SweepResults.SpreadOf(point.Runs, metric), metric, plan.Seeds.Count > 1)),
            ])));
        page.Append("<h2>Runs</h2>\n");
        page.Append(Table(
            [.. plan.Grid.Select(axis => Escaped(axis.Key)), "seed", "run", .. SweepMetric.All.Select(metric => Escaped(metric.Label)), "L0 (importance above 0.01), by site"],
            runs.Select(run =>
            {
                var summary = SweepResults.Summary(run);
                string told = summary is null
                    ? Escaped(run.Run.State.ToString().ToLowerInvariant() + (run.Run.Reason is { } reason ? $": {reason}" : ""))
                    : $"<a href=\"{Escaped(LinkOf(run))}\">report</a>";
                string sites = summary is null ? None : string.Join("<br>", summary.Sites.Select(site => $"{Escaped(site.Key)} {Metric.Write(site.Value.L0, NumberFormat.Mean)}"));
                return (IReadOnlyList<string>)
                [
                    .. run.Values.Select(Escaped), $"{run.Run.Planned.Experiment!.Seed}", told,
                    .. SweepMetric.All.Select(metric => summary is null ? None : Metric.Write(metric.Of(summary), metric.Format)), sites,
                ];
            })));
        return page.Append(
            """
            <p>L0: subcomponents in use on an input (importance above 0.01), as a mean, all sites together; alive: those in use on any input (above 0.1). The errors are
            of the output against the network's own: with all subcomponents (unmasked), with unneeded ones masked at random (stochastic), with masks equal to the causal
            importances (CI-masked), and with the worst masks that were found (adversarial).</p>
            </body>
            </html>

            """).ToString();
    }

    private static void WriteFront(StringBuilder page, SweepResults results, SweepMetric metric)
    {
        // A colour for each point of the grid where they suffice, or else for each value of the first key.
        var groups = results.Points.Count <= MostColours
            ? results.Points.Select(point => (Name: string.Join(", ", point.Values), point.Runs))
            : results.Plan.Runs.GroupBy(run => run.Values[0]).Select(group => (Name: $"{results.Plan.Grid[0].Key} {group.Key}", Runs: (IReadOnlyList<SweepRun>)[.. group]));
        var series = (from entry in groups
                      let points = (from run in entry.Runs
                                    let summary = SweepResults.Summary(run)
                                    where summary is not null
                                    let label = $"{string.Join(", ", results.Plan.Grid.Zip(run.Values, (axis, value) => $"{axis.Key} {value}"))}, seed {summary.Seed}: "
                                        + $"L0 {Metric.Write(summary.TotalL0 ?? double.NaN, NumberFormat.Mean)}, {metric.Label} error {Metric.Write(metric.Of(summary), metric.Format)}"
                                    select new FrontPoint(summary.TotalL0 ?? double.NaN, metric.Of(summary), label, LinkOf(run))).ToList()
                      where points.Count > 0
                      select new FrontSeries(entry.Name, points)).ToList();
        if (series.Count == 0) return;
        var figure = new FrontFigure(
            $"Subcomponents in use and {metric.Label} error", "L0 (importance above 0.01), all sites together", $"{metric.Label} error", series);
        page.Append(
            $"<h2>{Escaped(figure.Title)}</h2>\n<figure>\n{figure.ToSvg()}\n<figcaption>A point for each run, which leads to its report; few subcomponents in use and a small "
            + "error are good, so that no run of the dashed front is beaten by another in both.</figcaption>\n</figure>\n");
    }

    private static string Shown(Spread spread, SweepMetric metric, bool withRange)
    {
        string median = Metric.Write(spread.Median, metric.Format == NumberFormat.Count && spread.Median != Math.Floor(spread.Median) ? NumberFormat.Mean : metric.Format);
        return withRange && double.IsFinite(spread.Median)
            ? $"{median}<br>{Metric.Write(spread.Smallest, metric.Format)} to {Metric.Write(spread.Largest, metric.Format)}"
            : median;
    }

    /// <summary>The place of a run's report from the page's.</summary>
    private static string LinkOf(SweepRun run) =>
        string.Join('/', [.. run.Run.Planned.Folder.Split(Path.DirectorySeparatorChar).Select(Uri.EscapeDataString), "report.html"]);
}
