using System.Globalization;
using System.Text;
using Spd.Runs.Reporting;

namespace Spd.Runs.Activations;

/// <summary>The page of a site: what each of its subcomponents does; one file that needs no other.</summary>
internal static class ActivationPage
{
    private const int TokensInTable = 4;

    private const string Style = """
        .tokens span, .context { white-space: pre-wrap; } .tokens span { background: #f1f1f1; border-radius: 3px; padding: 0 .2rem; margin-right: .3rem; }
        .context { font-family: ui-monospace, monospace; font-size: .82rem; } mark { background: #ffd76a; }
        .wide { overflow-x: auto; } .wide .tokens { white-space: nowrap; }
        section { border-top: 1px solid #ddd; margin-top: 1.6rem; } section p { margin: .3rem 0; }
        """;

    // By it a page that somebody asked for is known.
    private const string Asked = """<meta name="generator" content="spd activations">""";

    /// <summary>The page of a report.</summary>
    /// <param name="report">The report.</param>
    /// <param name="isAsked">Whether somebody asked for it, with the length that it has; a run's own page says that there is a longer one.</param>
    public static RunPage Of(SiteReport report, bool isAsked = false)
    {
        bool hasPromoted = report.Subcomponents.Any(one => one.Promoted is not null), hasRead = report.Subcomponents.Any(one => one.Read is not null);
        int ablated = report.Subcomponents.Count(one => one.Ablation is not null);
        var page = new StringBuilder();
        page.Append(Invariant($"""
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">{(isAsked ? $"\n{Asked}" : "")}
            <title>{Text(report.Site)}</title>
            <style>
            {HtmlReport.Style}
            {Style}
            </style>
            </head>
            <body>
            <h1>{Text(report.Site)}</h1>
            <p class="lead">What its subcomponents do, on {report.Sequences} held-out sequences ({report.Positions} tokens). <a href="../report.html">The run's report</a>{(isAsked ? "" : "; a longer look is taken by spd activations")}</p>
            <p>{report.Needed} of {report.C} subcomponents are needed anywhere (a causal importance above 0.01){(
                report.Needed > report.Subcomponents.Count ? $"; the {report.Subcomponents.Count} that are needed most often are shown" : "")}.
            {Text(report.Writes)} {Text(report.Reads)}
            A direction is shown with the sign that makes the inner activation positive in most of the contexts.
            Token is the one at which most of the contexts are; ablated, the model's prediction in these contexts differs by so many nats{(
                ablated < report.Subcomponents.Count ? $", which was measured of the first {ablated}" : "")}.</p>
            <div class="wide">
            <table>
            <tr><th>Subcomponent</th><th>above 0.01</th><th>above 0.5</th><th>mean</th><th>Token</th>{(hasPromoted ? "<th>Promotes</th>" : "")}{(hasRead ? "<th>Reads</th>" : "")}<th>Ablated: KL</th></tr>

            """));
        foreach (var one in report.Subcomponents)
        {
            page.Append(Invariant(
                $"<tr><td><a href=\"#c{one.Component}\">{one.Component}</a></td>{Number($"{100 * one.Frequency[0]:F1} %")}{Number($"{100 * one.Frequency[^1]:F1} %")}{Number($"{one.MeanImportance:F3}")}"));
            page.Append(Invariant($"<td class=\"tokens\">{(one.TopToken is { } token ? Token(token) : "")}</td>"));
            if (hasPromoted) page.Append($"<td class=\"tokens\">{Tokens(one.Promoted?.Take(TokensInTable))}</td>");
            if (hasRead) page.Append($"<td class=\"tokens\">{Tokens(one.Read?.Take(TokensInTable))}</td>");
            page.Append(Invariant($"{Number(one.Ablation is { } effect ? $"{effect.Divergence:F4}" : "–")}</tr>\n"));
        }

        page.Append("</table>\n</div>\n");
        foreach (var one in report.Subcomponents) WriteSubcomponent(page, one);
        page.Append("</body>\n</html>\n");
        return new RunPage($"activations/{report.Site}.html", report.Site, page.ToString());
    }

    /// <summary>Whether a file is a page that somebody asked for.</summary>
    public static bool IsAsked(string file) => File.Exists(file) && File.ReadLines(file).TakeWhile(line => line != "<body>").Contains(Asked);

    private static void WriteSubcomponent(StringBuilder page, SubcomponentReport one)
    {
        page.Append(Invariant($"<section id=\"c{one.Component}\">\n<h2>Subcomponent {one.Component}</h2>\n"));
        page.Append(Invariant(
            $"<p>Importance above 0.01 at {100 * one.Frequency[0]:F2} % of all tokens, above 0.1 at {100 * one.Frequency[1]:F2} %, above 0.5 at {100 * one.Frequency[2]:F2} %; mean {one.MeanImportance:F4}.</p>\n"));
        WriteTokens(page, "Promotes", one.Promoted);
        WriteTokens(page, "Suppresses", one.Suppressed);
        WriteTokens(page, "Reads", one.Read);
        WriteTokens(page, "Reads with the other sign", one.ReadNegative);
        if (one.Ablation is { } effect)
        {
            page.Append(Invariant(
                $"<p>Without it in these contexts (mean of {effect.Contexts}): KL {effect.Divergence:F4} nats, log-probability of the token that follows {effect.LogProbabilityChange:+0.0000;−0.0000;0}.</p>\n"));
            WriteTokens(page, "Tokens that lose", effect.Losing);
            WriteTokens(page, "Tokens that gain", effect.Gaining);
        }

        page.Append("<table>\n<tr><th>Importance</th><th>Inner activation</th><th>Context</th></tr>\n");
        foreach (var context in one.Contexts)
        {
            page.Append(Invariant(
                $"<tr>{Number($"{context.Importance:F3}")}{Number($"{context.Inner:F3}")}<td class=\"context\" title=\"sequence {context.Sequence}, position {context.Position}\">"));
            page.Append($"{Line(context.Before)}<mark>{Line(context.Token)}</mark>{Line(context.After)}</td></tr>\n");
        }

        page.Append("</table>\n</section>\n");
    }

    private static void WriteTokens(StringBuilder page, string title, IReadOnlyList<TokenScore>? tokens)
    {
        if (tokens?.Count > 0) page.Append($"<p class=\"tokens\">{title}: {Tokens(tokens)}</p>\n");
    }

    private static string Tokens(IEnumerable<TokenScore>? tokens) =>
        string.Concat((tokens ?? []).Select(token => Token(token.Token, Invariant($" title=\"{token.Score:G4}\""))));

    private static string Token(string token, string attributes = "") => $"<span{attributes}>{Line(token)}</span>";

    // Of a token that is the end of a line, nothing would be seen.
    private static string Line(string text) => Text(text.ReplaceLineEndings("↵"));

    private static string Number(FormattableString number) => Number(Invariant(number));

    private static string Number(string number) => $"<td class=\"number\">{number}</td>";

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private static string Text(string text) => HtmlText.Encode(text);
}
