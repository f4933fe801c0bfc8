namespace Spd.Runs.Results;

/// <summary>A number of a run, as tables show it.</summary>
/// <param name="Key">What it is, alike for all runs: <c>metrics.mmcs</c>.</param>
/// <param name="Quantity">What was measured.</param>
/// <param name="Number">The number; 1 or 0 for yes or no.</param>
/// <param name="Format">How it is written.</param>
/// <param name="Meaning">What it says, in a few words.</param>
public sealed record ResultRow(string Key, string Quantity, double Number, NumberFormat Format, string Meaning)
{
    /// <summary>The whole that it is a part of; null where it is none.</summary>
    public double? Whole { get; init; }

    /// <summary>What the paper reports, or empty.</summary>
    public string Paper { get; init; } = "";

    /// <summary>Whether it is shown only where runs are compared.</summary>
    public bool IsDetail { get; init; }

    /// <summary>The number as all tables write it.</summary>
    public string Value => Metric.Write(Number, Format) + (Whole is { } whole ? $" of {Metric.Write(whole, NumberFormat.Count)}" : "");
}

/// <summary>The results of a run next to the paper's: the known answer first, then the evidence, then what it cost.</summary>
public static class ResultTable
{
    /// <summary>The rows of the table of one run: those that say something about its network.</summary>
    public static IReadOnlyList<ResultRow> Rows(RunSummary summary) => [.. AllRows(summary).Where(row => !row.IsDetail)];

    /// <summary>The rows of all that was measured, for runs that are compared.</summary>
    public static IReadOnlyList<ResultRow> AllRows(RunSummary summary)
    {
        var metrics = summary.Metrics.Select(entry => (Metric: Metric.Of(entry.Key), entry.Value)).OrderBy(entry => PlaceOf(entry.Metric)).ToList();
        var times = summary.MsPerStep;
        return
        [
            .. metrics.Where(entry => entry.Metric.Format != NumberFormat.Error).SelectMany(entry => RowsOf(summary, entry.Metric, entry.Value)),
            .. summary.Sites.SelectMany(site => RowsOf(site.Key, site.Value, summary.InputName)),
            .. summary.Sites.Count > 1
                ? [new ResultRow("sites.l0", "L0 (importance above 0.01), all sites", summary.TotalL0!.Value, NumberFormat.Mean, "their sum") { IsDetail = true }]
                : Array.Empty<ResultRow>(),
            .. summary.Losses.Select(loss => new ResultRow($"losses.{loss.Key}", $"{loss.Key.Replace('_', ' ')} loss", loss.Value, NumberFormat.Error, "")),
            .. metrics.Where(entry => entry.Metric.Format == NumberFormat.Error).SelectMany(entry => RowsOf(summary, entry.Metric, entry.Value)),
            // A run that was imported took its steps elsewhere.
            .. double.IsNaN(times.Median) ? Array.Empty<ResultRow>() :
            [
                new ResultRow(
                    "ms_per_step", "ms per step", times.Median, NumberFormat.Milliseconds,
                    $"median; from {Metric.Write(times.P10, NumberFormat.Milliseconds)} (10 %) to {Metric.Write(times.P90, NumberFormat.Milliseconds)} (90 %), "
                    + $"{summary.Threads} threads, {summary.Kernels} kernels"),
            ],
        ];
    }

    private static int PlaceOf(Metric metric)
    {
        for (int i = 0; i < Metric.All.Count; i++)
            if (Metric.All[i].Key == metric.Key) return i;
        return Metric.All.Count;
    }

    private static IEnumerable<ResultRow> RowsOf(RunSummary summary, Metric metric, MetricValue value)
    {
        bool isDetail = metric.IsDetail || (metric.IsHiddenAtZero && value.Number == 0)
            || (metric.SameAs is { } other && summary.Number(other) == value.Number)
            || (metric.Needs.Count > 0 && !metric.Needs.Any(summary.Metrics.ContainsKey));
        // What nothing uses is nobody's own.
        double number = metric.Key == Metric.OneToOne && summary.IsOneToOne == false ? 0 : value.Number;
        var format = value.IsTruth ? NumberFormat.YesNo : metric.Format;
        var rows = value.BySite is { } sites
            ? sites.Select(site => Row($".{site.Key}", $", {site.Key}", site.Value))
            : [Row("", "", number)];
        return rows;

        ResultRow Row(string key, string label, double of) =>
            new($"metrics.{metric.Key}{key}", metric.Label + label, of, format, metric.Meaning)
            {
                Whole = metric.Whole is { } whole ? summary.Number(whole) : null,
                Paper = summary.Published?.GetValueOrDefault(metric.Key + key) ?? "",
                IsDetail = isDetail,
            };
    }

    private static ResultRow[] RowsOf(string site, SiteUse use, string input) =>
    [
        new($"sites.{site}.l0", $"L0 (importance above 0.01), {site}", use.L0, NumberFormat.Mean, $"mean number of subcomponents in use on {(input == "input" ? "an" : "a")} {input}"),
        new($"sites.{site}.alive", $"alive (ever above 0.1), {site}", use.Alive, NumberFormat.Count, $"subcomponents that any {input} needs") { Whole = use.C },
    ];
}
