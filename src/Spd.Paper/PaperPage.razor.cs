using System.Runtime.InteropServices;
using Microsoft.AspNetCore.Components;
using Spd.Runs.Pages;
using Spd.Runs.Plans;
using Spd.Runs.Results;
using static Spd.Paper.PaperTable;

namespace Spd.Paper;

/// <summary>The page of the reproduction: every number and figure beside the paper's, and how each came about; one file that needs no other.</summary>
public sealed partial class PaperPage
{
    /// <summary>What a page that is ours says it was made by.</summary>
    internal const string Generator = "spd paper";

    private static readonly string[] RunsHeader = ["Run", "State", "Steps", "ms per step", "Time", "Threads, kernels", "Commit"];

    /// <summary>The plan.</summary>
    [Parameter, EditorRequired]
    public required PaperPlan Plan { get; set; }

    /// <summary>Its runs and where they stand.</summary>
    [Parameter, EditorRequired]
    public required IReadOnlyList<PlannedRun> Runs { get; set; }

    /// <summary>The folder of the page.</summary>
    [Parameter]
    public string Folder { get; set; } = "";

    /// <summary>Threads of the runs of this call.</summary>
    [Parameter]
    public int Threads { get; set; }

    private List<PlannedRun> Finished => [.. Runs.Where(run => run.State == PlannedRunState.Finished)];

    // Those of parts that nobody asked for are told as a number.
    private List<PlannedRun> Asked => [.. Runs.Where(run => run.State != PlannedRunState.NotAsked)];

    private List<PlannedRun> Problems => [.. Asked.Where(run => run.State != PlannedRunState.Finished)];

    private IReadOnlyList<(string Id, string Title)> Sections =>
    [
        .. new (PaperParts Parts, string Id, string Title)[]
        {
            (PaperParts.Tms | PaperParts.Apd, "table-1", "Table 1: known answers"), (PaperParts.Resid, "residual-mlps", "Residual MLPs"),
            (PaperParts.Fig8, "figure-8", "Figure 8"), (PaperParts.All, "evidence", "All the evidence"),
        }.Where(section => section.Parts == PaperParts.All || Has(section.Parts)).Select(section => (section.Id, section.Title)),
        .. PaperTables.Evidence(Runs).Select(entry => (entry.Group, $"· {entry.Group}")),
        ("figures", "Figures"), ("differences", "What differed from the paper"), ("runs", "Runs"), ("machine", "Machine"),
    ];

    private string Machine
    {
        get
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

            return $"{RuntimeInformation.OSDescription}, {processor}, {Environment.ProcessorCount} processors, {Threads} threads, {RuntimeInformation.FrameworkDescription}";
        }
    }

    /// <summary>The page as a file that needs no other.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="runs">Its runs and where they stand.</param>
    /// <param name="folder">The folder of the page.</param>
    /// <param name="threads">Threads of the runs of this call.</param>
    public static string Of(PaperPlan plan, IReadOnlyList<PlannedRun> runs, string folder, int threads) => Html.Of<PaperPage>(
        (nameof(Plan), plan), (nameof(Runs), runs), (nameof(Folder), folder), (nameof(Threads), threads));

    /// <summary>What became of a run that has not finished, in words.</summary>
    private static string Told(PlannedRun run) => run.State switch
    {
        PlannedRunState.Failed => $"failed: {run.Reason}",
        PlannedRunState.Missing => $"skipped: {run.Reason}",
        _ => run.Reason ?? "still to be run",
    };

    private bool Has(PaperParts parts) => Asked.Exists(run => (run.Parts & parts) != PaperParts.None);

    private string? ReportOf(PlannedRun run) => run.Stored is null
        ? null
        : Html.Link(Path.GetRelativePath(Folder, Path.Combine(run.Stored.Folder, "report.html")));

    private IReadOnlyList<TableCell> RowOf(PlannedRun run) =>
    [
        new(run.Plan.Title, PaperTables.Shortened([run]), ReportOf(run)),
        run.State switch
        {
            PlannedRunState.Finished => "finished",
            PlannedRunState.Failed => "failed",
            PlannedRunState.Refused => "left alone",
            _ => "not there",
        },
        Shown(run.Stored?.Summary.Steps, NumberFormat.Count), Shown(run.Stored?.Summary.MsPerStep.Median, NumberFormat.Milliseconds),
        run.Stored?.Summary.WallSeconds is { } seconds ? Duration(seconds) : TableCell.None,
        run.Stored is { Summary: var summary } ? $"{summary.Threads}, {summary.Kernels}" : TableCell.None,
        run.Stored is null ? TableCell.None : run.Stored.Summary.Commit[..Math.Min(10, run.Stored.Summary.Commit.Length)],
    ];
}
