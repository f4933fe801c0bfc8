using Microsoft.AspNetCore.Components;
using Spd.Runs.Pages;
using Spd.Runs.Reporting;
using Spd.Runs.Results;

namespace Spd.Runs.Activations;

/// <summary>The page of a site: what each of its subcomponents does.</summary>
public sealed partial class SitePage
{
    private const int TokensInTable = 4;

    // By it a page that somebody asked for is known.
    private const string Asked = "spd activations";

    /// <summary>What they do.</summary>
    [Parameter, EditorRequired]
    public required SiteReport Report { get; set; }

    /// <summary>Whether somebody asked for the page, with the length that it has; a run's own page says that there is a longer one.</summary>
    [Parameter]
    public bool IsAsked { get; set; }

    private bool HasPromoted => Report.Subcomponents.Any(one => one.Promoted is not null);

    private bool HasRead => Report.Subcomponents.Any(one => one.Read is not null);

    private bool HasTop => Report.Subcomponents.Any(one => one.TopToken is not null);

    private bool IsText => Report.Input == "token";

    private int Ablated => Report.Subcomponents.Count(one => one.Ablation is not null);

    /// <summary>The page of a report.</summary>
    /// <param name="report">The report.</param>
    /// <param name="isAsked">Whether somebody asked for it.</param>
    internal static RunPage Of(SiteReport report, bool isAsked = false) =>
        new($"activations/{report.Site}.html", report.Site, Html.Of<SitePage>((nameof(Report), report), (nameof(IsAsked), isAsked)));

    /// <summary>Whether a file is a page that somebody asked for.</summary>
    internal static bool IsAskedFor(string file) => File.Exists(file)
        && File.ReadLines(file).TakeWhile(line => !line.StartsWith("<title>", StringComparison.Ordinal)).Any(line => line.Contains($"content=\"{Asked}\"", StringComparison.Ordinal));

    private static bool HasAttention(SubcomponentReport one) => one.Contexts.Any(context => context.Attention is not null);

    private static bool HasChange(SubcomponentReport one) => one.Contexts.Any(context => context.Attention?.Any(each => each.Without is not null) == true);

    // What tells most of a context: the largest change, or the strongest attention.
    private static AttentionReport? Telling(ContextReport context) => context.Attention?.MaxBy(Change);

    private static double Change(AttentionReport? attention) => attention is null ? 0 : Math.Abs((attention.Without ?? 0) - attention.Weight);

    private static string Told(AttentionReport? attention) =>
        attention is null ? TableCell.None : Html.Invariant($"head {attention.Head}, {Line(attention.Token.Trim())}: {attention.Weight:F2}{(attention.Without is { } without ? $" → {without:F2}" : "")}");

    private static string TitleOf(IReadOnlyList<AttentionReport> attention) =>
        string.Join('\n', attention.Select(each => Html.Invariant($"head {each.Head}: {each.Weight:F2}{(each.Without is { } without ? $", without it {without:F2}" : "")}")));

    private static string? StyleOf(IReadOnlyList<AttentionReport> attention) =>
        attention.Count == 0 ? null : Html.Invariant($"--with:{attention.Max(each => each.Weight):P0};--without:{attention.Max(each => each.Without ?? 0):P0}").Replace(" %", "%", StringComparison.Ordinal);

    private string Error(AblationReport effect) => Report.Error == "KL" ? Html.Invariant($"{effect.Divergence:F4}") : Metric.Write(effect.Divergence, NumberFormat.Error);

    // Of a token that is the end of a line, nothing would be seen.
    private static string Line(string text) => Html.Shown(text.ReplaceLineEndings("↵"));
}
