using System.Text;
using Spd.Runs.Results;

namespace Spd.Runs.Reporting;

/// <summary>The page of a run: results, figures with how to read them, configuration; one file that needs no other.</summary>
public static class HtmlReport
{
    /// <summary>The look of our pages.</summary>
    internal const string Style = """
        body { font: 16px/1.5 system-ui, sans-serif; color: #1a1a1a; background: #fff; max-width: 960px; margin: 2rem auto; padding: 0 1rem; }
        h1 { font-size: 1.6rem; margin-bottom: .2rem; } h2 { font-size: 1.2rem; margin-top: 2.2rem; }
        p.lead { color: #555; margin-top: 0; }
        table { border-collapse: collapse; width: 100%; font-size: .92rem; }
        th, td { text-align: left; padding: .3rem .7rem .3rem 0; border-bottom: 1px solid #ddd; vertical-align: top; }
        td.number { font-variant-numeric: tabular-nums; white-space: nowrap; } td.meaning { color: #555; }
        figure { margin: 1rem 0; } figure svg { width: 100%; height: auto; } figcaption { color: #444; font-size: .92rem; }
        pre { background: #f6f6f6; padding: 1rem; overflow-x: auto; font-size: .85rem; }
        .warning { background: #fff3d6; padding: .6rem 1rem; } ul.warning { padding-left: 2.2rem; } ul.warning li + li { margin-top: .4rem; }
        """;

    /// <summary>The page.</summary>
    /// <param name="summary">The results.</param>
    /// <param name="description">One line about the experiment.</param>
    /// <param name="steps">Steps that were planned.</param>
    /// <param name="figures">The figures, in order.</param>
    /// <param name="yaml">The resolved configuration as text.</param>
    /// <param name="pages">The pages that it links to.</param>
    public static string Write(RunSummary summary, string description, int steps, IReadOnlyList<RunFigure> figures, string yaml, params IReadOnlyList<RunPage> pages)
    {
        var page = new StringBuilder();
        page.Append($"""
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>{Text(summary.Experiment)}, seed {summary.Seed}</title>
            <style>
            {Style}
            </style>
            </head>
            <body>
            <h1>{Text(summary.Experiment)}, seed {summary.Seed}</h1>
            <p class="lead">{Text(description)}</p>

            """);
        if (summary.Status is RunStatus.Interrupted or RunStatus.Failed)
        {
            page.Append(
                $"<p class=\"warning\">The run was stopped after {summary.Steps} of {steps} steps: "
                + "the numbers below are those of an unfinished decomposition.</p>\n");
        }

        page.Append($"""
            <p>{summary.Steps} steps of batch {summary.BatchSize}{(
                summary.Status == RunStatus.Imported ? ", taken by another program" : $" in {Metric.Write(summary.StepSeconds, NumberFormat.Seconds)} s")}. {Text(Told(summary.Target))}</p>
            <h2>Results</h2>

            """);
        if (summary.Remarks.Count > 0)
        {
            page.Append("<ul class=\"warning remarks\">\n");
            foreach (string remark in summary.Remarks) page.Append($"<li>{Text(remark)}.</li>\n");
            page.Append("</ul>\n");
        }

        WriteTable(page, ResultTable.Rows(summary));
        WriteLinks(page, pages);
        foreach (var figure in figures)
            page.Append($"<h2>{Text(figure.Title)}</h2>\n<figure>\n{figure.Svg}\n<figcaption>{Text(figure.HowToRead)}</figcaption>\n</figure>\n");
        page.Append($"<h2>Configuration</h2>\n<pre>{Text(yaml)}</pre>\n</body>\n</html>\n");
        return page.ToString();
    }

    private static void WriteLinks(StringBuilder page, IReadOnlyList<RunPage> pages)
    {
        if (pages.Count == 0) return;
        page.Append("<h2>What subcomponents do</h2>\n<p>Where each is needed in the text, what it promotes, and what happens without it:</p>\n<ul>\n");
        foreach (var linked in pages)
            page.Append($"<li><a href=\"{Text(string.Join('/', linked.File.Split('/').Select(Uri.EscapeDataString)))}\">{Text(linked.Title)}</a></li>\n");
        page.Append("</ul>\n");
    }

    private static void WriteTable(StringBuilder page, IReadOnlyList<ResultRow> rows)
    {
        bool hasPaper = rows.Any(row => row.Paper.Length > 0);
        page.Append($"<table>\n<tr><th>Quantity</th><th>This run</th>{(hasPaper ? "<th>Paper</th>" : "")}<th>What it says</th></tr>\n");
        foreach (var row in rows)
        {
            page.Append($"<tr><td>{Text(row.Quantity)}</td><td class=\"number\">{Text(row.Value)}</td>");
            if (hasPaper) page.Append($"<td class=\"number\">{Text(row.Paper)}</td>");
            page.Append($"<td class=\"meaning\">{Text(row.Meaning)}</td></tr>\n");
        }

        page.Append("</table>\n");
    }

    private static string Told(TargetOrigin target)
    {
        if (target.Seed is not { } seed) return $"The target was loaded from {target.LoadedFrom}.";
        string tried = target.SeedsTried switch
        {
            null or <= 1 => "",
            2 => ", after 1 seed that did not learn enough",
            { } seeds => $", after {seeds - 1} seeds that did not learn enough",
        };
        return $"The target was {(target.FromCache == true ? "found in the cache" : target.Seconds is { } seconds ? $"trained in {Metric.Write(seconds, NumberFormat.Seconds)} s" : "trained")} with seed {seed}{tried}; it has learnt what it should.";
    }

    private static string Text(string text) => HtmlText.Encode(text);
}
