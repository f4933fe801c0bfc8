using Microsoft.AspNetCore.Components;
using Spd.Figures;
using Spd.Runs.Pages;
using Spd.Runs.Results;

namespace Spd.Runs.Sweeps;

/// <summary>The page of a sweep: the front of subcomponents in use against error, the spread over seeds, every run with a link to its report.</summary>
public sealed partial class SweepPage
{
    /// <summary>What a page that is ours says it was made by.</summary>
    internal const string Generator = "spd sweep";

    private const int MostColours = 7;

    /// <summary>What the runs came to.</summary>
    [Parameter, EditorRequired]
    public required SweepResults Results { get; set; }

    private SweepPlan Plan => Results.Plan;

    /// <summary>The page as a file that needs no other.</summary>
    internal static string Of(SweepResults results) => Html.Of<SweepPage>((nameof(Results), results));

    /// <summary>The figure of subcomponents in use against an error; null where no run has finished.</summary>
    private FrontFigure? Front(SweepMetric metric)
    {
        // A colour for each point of the grid where they suffice, or else for each value of the first key.
        var groups = Results.Points.Count <= MostColours
            ? Results.Points.Select(point => (Name: string.Join(", ", point.Values), point.Runs))
            : Plan.Runs.GroupBy(run => run.Values[0]).Select(group => (Name: $"{Plan.Grid[0].Key} {group.Key}", Runs: (IReadOnlyList<SweepRun>)[.. group]));
        var series = (from entry in groups
                      let points = (from run in entry.Runs
                                    let summary = SweepResults.Summary(run)
                                    where summary is not null
                                    let label = $"{string.Join(", ", Plan.Grid.Zip(run.Values, (axis, value) => $"{axis.Key} {value}"))}, seed {summary.Seed}: "
                                        + $"L0 {Metric.Write(summary.TotalL0 ?? double.NaN, NumberFormat.Mean)}, {metric.Label} error {Metric.Write(metric.Of(summary), metric.Format)}"
                                    select new FrontPoint(summary.TotalL0 ?? double.NaN, metric.Of(summary), label, LinkOf(run))).ToList()
                      where points.Count > 0
                      select new FrontSeries(entry.Name, points)).ToList();
        return series.Count == 0
            ? null
            : new FrontFigure($"Subcomponents in use and {metric.Label} error", "L0 (importance above 0.01), all sites together", $"{metric.Label} error", series);
    }

    private IReadOnlyList<TableCell> RowOf((IReadOnlyList<string> Values, IReadOnlyList<SweepRun> Runs) point) =>
    [
        .. point.Values.Select(value => (TableCell)value), $"{point.Runs.Count(run => SweepResults.Summary(run) is not null)} of {point.Runs.Count}",
        .. SweepMetric.All.Select(metric => (TableCell)Told(SweepResults.SpreadOf(point.Runs, metric), metric)),
    ];

    private static IReadOnlyList<TableCell> RowOf(SweepRun run)
    {
        var summary = SweepResults.Summary(run);
        return
        [
            .. run.Values.Select(value => (TableCell)value), $"{run.Run.Plan.Experiment!.Seed}",
            summary is null ? run.Run.State.ToString().ToLowerInvariant() + (run.Run.Reason is { } reason ? $": {reason}" : "") : new TableCell("report", Link: LinkOf(run)),
            .. SweepMetric.All.Select(metric => (TableCell)(summary is null ? TableCell.None : Metric.Write(metric.Of(summary), metric.Format))),
            summary is null ? TableCell.None : string.Join(", ", summary.Sites.Select(site => $"{site.Key} {Metric.Write(site.Value.L0, NumberFormat.Mean)}")),
        ];
    }

    private string Told(Spread spread, SweepMetric metric)
    {
        string median = SweepMetric.Write(spread.Median, metric.Format);
        return Plan.Seeds.Count > 1 && double.IsFinite(spread.Median)
            ? $"{median} ({Metric.Write(spread.Smallest, metric.Format)} to {Metric.Write(spread.Largest, metric.Format)})"
            : median;
    }

    /// <summary>The place of a run's report from the page's.</summary>
    private static string LinkOf(SweepRun run) => Html.Link(Path.Combine(run.Run.Plan.Folder, "report.html"));
}
