using Microsoft.AspNetCore.Components;
using Spd.Runs.Pages;
using Spd.Runs.Results;

namespace Spd.Runs.Reporting;

/// <summary>The page of a run: results, figures with how to read them, configuration and files.</summary>
public sealed partial class ReportPage
{
    /// <summary>The results.</summary>
    [Parameter, EditorRequired]
    public required RunSummary Summary { get; set; }

    /// <summary>One line about the experiment.</summary>
    [Parameter]
    public string Description { get; set; } = "";

    /// <summary>Steps that were planned.</summary>
    [Parameter]
    public int Steps { get; set; }

    /// <summary>The figures, in order.</summary>
    [Parameter]
    public IReadOnlyList<RunFigure> Figures { get; set; } = [];

    /// <summary>The resolved configuration as text.</summary>
    [Parameter]
    public string Yaml { get; set; } = "";

    /// <summary>The pages that it links to.</summary>
    [Parameter]
    public IReadOnlyList<RunPage> Pages { get; set; } = [];

    /// <summary>The files of the run beside it, with slashes, and what each holds.</summary>
    [Parameter]
    public IReadOnlyList<(string File, string What)> Files { get; set; } = [];

    /// <summary>The page as a file that needs no other.</summary>
    /// <param name="summary">The results.</param>
    /// <param name="description">One line about the experiment.</param>
    /// <param name="steps">Steps that were planned.</param>
    /// <param name="figures">The figures, in order.</param>
    /// <param name="yaml">The resolved configuration as text.</param>
    /// <param name="pages">The pages that it links to.</param>
    /// <param name="files">The files of the run beside it, and what each holds.</param>
    public static string Of(
        RunSummary summary, string description, int steps, IReadOnlyList<RunFigure> figures, string yaml, IReadOnlyList<RunPage>? pages = null,
        IReadOnlyList<(string File, string What)>? files = null) => Html.Of<ReportPage>(
        (nameof(Summary), summary), (nameof(Description), description), (nameof(Steps), steps), (nameof(Figures), figures), (nameof(Yaml), yaml),
        (nameof(Pages), pages ?? []), (nameof(Files), files ?? []));

    private string Title => $"{Summary.Experiment}, seed {Summary.Seed}";

    private IReadOnlyList<ResultRow> Rows => ResultTable.Rows(Summary);

    private bool HasPaper => Rows.Any(row => row.Paper.Length > 0);

    private IReadOnlyList<(string Id, string Title)> Sections =>
    [
        ("results", "Results"), .. Pages.Count > 0 ? [("subcomponents", "What subcomponents do")] : Array.Empty<(string, string)>(),
        .. Figures.Select(figure => (IdOf(figure), figure.Title)), ("configuration", "Configuration"),
        .. Files.Count > 0 ? [("files", "Files")] : Array.Empty<(string, string)>(),
    ];

    private string Told => $"{Summary.Steps} steps of batch {Summary.BatchSize}{(
        Summary.Status == RunStatus.Imported ? ", taken by another program" : $" in {Metric.Write(Summary.StepSeconds, NumberFormat.Seconds)} s")}. {ToldOf(Summary.Target)}";

    private static string IdOf(RunFigure figure) => $"figure-{figure.Name}";

    private static string ToldOf(TargetOrigin target)
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
}
