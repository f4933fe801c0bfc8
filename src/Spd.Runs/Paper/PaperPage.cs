using System.Runtime.InteropServices;
using System.Text;
using Spd.Runs.Reporting;
using Spd.Runs.Results;
using static Spd.Runs.Paper.PaperHtml;

namespace Spd.Runs.Paper;

/// <summary>The page of the reproduction: every number and figure beside the paper's, and how each came about; one file that needs no other.</summary>
public static class PaperPage
{
    private const string Style = """
        .wide { overflow-x: auto; } .wide th { font-size: .85rem; }
        .short { background: #fff3d6; font-size: .8rem; padding: 0 .3rem; white-space: nowrap; }
        .beside { display: flex; gap: .5rem; } .beside figure { flex: 1; min-width: 0; text-align: center; }
        summary { font-size: 1.05rem; font-weight: 600; margin: 1rem 0 .4rem; cursor: pointer; } h3 { font-size: 1rem; margin-bottom: .3rem; }
        code { font-size: .85em; }
        """;

    /// <summary>The page.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="runs">Its runs and where they stand.</param>
    /// <param name="threads">Threads of the runs of this call.</param>
    public static string Write(PaperPlan plan, IReadOnlyList<PaperRun> runs, int threads)
    {
        string open = Problems(runs);
        return $"""
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            {PaperFolder.Generator}
            <title>The SPD paper, reproduced</title>
            <style>
            {HtmlReport.Style}
            {Style}
            </style>
            </head>
            <body>
            <h1>The SPD paper, reproduced</h1>
            <p class="lead">Stochastic Parameter Decomposition (arXiv 2506.20790): its experiments run anew, beside its own numbers.</p>
            {(plan.IsQuick ? "<p class=\"warning\">A quick look: every run is shortened, so nothing here is a reproduction of the paper's numbers. "
                + "<code>spd paper</code> without <code>--quick</code> takes all steps.</p>" : "")}
            {Progress(runs)}
            {open}
            <h2>Table 1: known answers</h2>
            {PaperTables.Table1(runs)}
            <h2>Residual MLPs</h2>
            {PaperTables.ResidualMlps(runs)}
            <h2>Figure 8: the weight of importance minimality</h2>
            {PaperFigures.Figure8(runs)}
            <h2>All the evidence, seed by seed</h2>
            <p>No single number shows that a decomposition is good: the output with all subcomponents, with unneeded ones masked at random, with the worst masks
            that were found, how many are used on an input (L0) or at all (alive), and the known answer belong together.</p>
            {PaperTables.Evidence(runs)}
            <h2>Figures, first seed of each experiment</h2>
            {PaperFigures.Gallery(runs)}
            <h2>What differed from the paper</h2>
            {PaperDifferences.List(plan, runs)}
            <h2>Runs</h2>
            {Runs(runs)}
            <h2>Machine</h2>
            <p>This page was last written on {Escaped(Machine(threads))}; program at commit <code>{Escaped(ProgramVersion.Commit)}</code>.</p>
            </body>
            </html>

            """;
    }

    private static string Progress(IReadOnlyList<PaperRun> runs)
    {
        var finished = runs.Where(run => run.State == PaperRunState.Finished).ToList();
        double seconds = finished.Select(run => run.Stored!.Summary.WallSeconds).Where(double.IsFinite).Sum();
        return $"<p>{finished.Count} of {runs.Count} runs have finished, in {Duration(seconds)} of computing.</p>";
    }

    private static string Problems(IReadOnlyList<PaperRun> runs)
    {
        var problems = runs.Where(run => run.State != PaperRunState.Finished).ToList();
        if (problems.Count == 0) return "";
        var html = new StringBuilder("<div class=\"warning\">Not finished, and not part of the numbers below:\n<ul>\n");
        foreach (var run in problems) html.Append($"<li>{Escaped(run.Planned.Title)}: {Escaped(Told(run))}</li>\n");
        return html.Append("</ul></div>").ToString();
    }

    /// <summary>What became of a run that has not finished, in words.</summary>
    private static string Told(PaperRun run) => run.State switch
    {
        PaperRunState.NotAsked => "not asked for, and not there",
        PaperRunState.Failed => $"failed: {run.Reason}",
        PaperRunState.Missing => $"skipped: {run.Reason}",
        _ => run.Reason ?? "still to be run",
    };

    private static string Runs(IReadOnlyList<PaperRun> runs)
    {
        var html = new StringBuilder(Table(
            ["Run", "State", "Steps", "ms per step", "Time", "Threads, kernels", "Commit"],
            runs.Select(run => new[]
            {
                Escaped(run.Planned.Title) + PaperTables.Shortened([run]),
                run.State switch
                {
                    PaperRunState.Finished => "finished",
                    PaperRunState.Failed => "failed",
                    PaperRunState.Refused => "left alone",
                    _ => "not there",
                },
                Shown(run.Stored?.Summary.Steps, NumberFormat.Count), Shown(run.Stored?.Summary.MsPerStep.Median, NumberFormat.Milliseconds),
                run.Stored?.Summary.WallSeconds is { } seconds ? Duration(seconds) : None,
                run.Stored is { Summary: var summary } ? Escaped($"{summary.Threads}, {summary.Kernels}") : None,
                run.Stored is null ? None : $"<code>{Escaped(run.Stored.Summary.Commit[..Math.Min(10, run.Stored.Summary.Commit.Length)])}</code>",
            })));
        foreach (var run in runs.Where(run => run.Stored is not null))
        {
            html.Append(
                $"<details>\n<summary>Configuration of {Escaped(run.Planned.Title)}</summary>\n<p>Commit <code>{Escaped(run.Stored!.Summary.Commit)}</code></p>\n"
                + $"<pre>{Escaped(run.Stored!.Config)}</pre>\n</details>\n");
        }

        return html.ToString();
    }

    private static string Machine(int threads)
    {
        string processor = RuntimeInformation.ProcessArchitecture.ToString();
        const string Information = "/proc/cpuinfo";
        try
        {
            var lines = File.Exists(Information) ? File.ReadLines(Information) : [];
            if (lines.FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal)) is { } line)
                processor = line[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // The architecture says enough.
        }

        return $"{RuntimeInformation.OSDescription}, {processor}, {Environment.ProcessorCount} processors, {threads} threads, "
            + $"{RuntimeInformation.FrameworkDescription}";
    }
}
