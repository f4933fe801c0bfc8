using System.CommandLine;
using System.Globalization;
using Spd.Runs;
using Spd.Runs.Activations;
using Spd.Runs.Configuration;
using Spd.Runs.Results;

namespace Spd.Cli;

/// <summary><c>spd activations</c>: what the subcomponents of a network do.</summary>
internal static class ActivationsCommand
{
    private const int MostSequences = 1_000_000, MostContexts = 1000, TokensInTable = 5, NamesInTable = 3, LettersBefore = 60, LettersAfter = 25;

    public static Command Create()
    {
        var standard = new ActivationOptions();
        var run = new Argument<string>("run") { Description = "The folder of a run." };
        var site = new Option<string?>("--site") { Description = "The site, a matrix that is decomposed; without it, a page is written for each.", HelpName = "NAME" };
        var component = new Option<int?>("--component")
        {
            Description = "A subcomponent of the site: the places where it is needed most.",
            HelpName = "c",
            CustomParser = result =>
            {
                if (int.TryParse(result.Tokens[0].Value, NumberStyles.None, CultureInfo.InvariantCulture, out int given)) return given;
                result.AddError($"--component is '{result.Tokens[0].Value}', but the number of a subcomponent is needed, from 0");
                return null;
            },
        };
        var top = SharedOptions.WholeNumber("--top", MostContexts, standard.Top, "Places that are kept of a subcomponent, one of a sequence at most, or inputs.");
        var sequences = SharedOptions.WholeNumber(
            "--sequences", MostSequences, 0, "Sequences of held-out text to look at, or inputs of another network, as many as there are at most; 64, or 4096, without it.");
        var json = new Option<bool>("--json") { Description = "Print everything as JSON; nothing is written." };
        var set = SharedOptions.SetOfRun();
        var threads = SharedOptions.Threads();
        var command = new Command(
            "activations", "Show what subcomponents do: on which inputs or where in a text they are needed, what they read and write, and what happens without them.")
        {
            run, site, component, top, sequences, set, json, threads,
        };
        command.SetAction(parsed =>
        {
            string? name = parsed.GetValue(site);
            int? number = parsed.GetValue(component);
            if (number is not null && name is null) throw new ConfigException("--component needs the site that it is of: add --site NAME");
            var saved = SavedRun.Open(parsed.GetValue(run)!, Catalog.Open(), parsed.GetValue(set)!.Select(ConfigOverride.Parse));
            using var backend = SharedOptions.Backend(parsed.GetValue(threads));
            var options = standard with { Sequences = parsed.GetValue(sequences) is var count and > 0 ? count : null, Top = parsed.GetValue(top) };
            bool isWriting = name is null && !parsed.GetValue(json);
            if (isWriting) RunFolder.RequireWritable(saved.Folder.Root, "--json or --site shows the same, and writes nothing");
            var reports = saved.Activations(name, number, options, backend, new Pace().Report);
            if (parsed.GetValue(json)) Console.Write(SiteReport.ToJson(reports));
            else if (name is null) WritePages(saved, reports);
            else if (number is null) WriteSite(reports[0]);
            else WriteComponent(reports[0], reports[0].Subcomponents[0]);
            return CommandLine.Success;
        });
        return command;
    }

    private static void WritePages(SavedRun saved, IReadOnlyList<SiteReport> reports)
    {
        foreach (string file in saved.WriteActivations(reports)) Screen.WriteLine($"Page:  {RunCommand.Shown(file)}");
    }

    private static void WriteSite(SiteReport report)
    {
        Screen.WriteLine(Invariant($"{report.Site}: {report.Needed} of {report.C} subcomponents are needed anywhere in {report.Examples}."));
        bool hasPromoted = report.Subcomponents.Any(one => one.Promoted is not null), hasRead = report.Subcomponents.Any(one => one.Read is not null);
        bool hasTop = report.Subcomponents.Any(one => one.TopToken is not null);
        var table = new Sheet(
        [
            new("c", IsNumber: true), new("norm", IsNumber: true), new("above 0.01", IsNumber: true), new("above 0.5", IsNumber: true) { Spare = 3 },
            new("mean", IsNumber: true) { Spare = 2 }, .. hasTop ? [new(IsText(report) ? "token" : "class")] : Array.Empty<Column>(), new($"{report.Error} without", IsNumber: true),
            .. hasRead ? [new("reads") { Wraps = true, Spare = 1 }] : Array.Empty<Column>(),
            .. hasPromoted ? [new(IsText(report) ? "promotes" : "raises") { Wraps = true }] : Array.Empty<Column>(),
        ]);
        foreach (var one in report.Subcomponents)
        {
            List<string> cells =
            [
                Invariant($"{one.Component}"), Metric.Write(one.Norm, NumberFormat.Mean), Invariant($"{100 * one.Frequency[0]:F1} %"), Invariant($"{100 * one.Frequency[^1]:F1} %"), Invariant($"{one.MeanImportance:F3}"),
            ];
            if (hasTop) cells.Add(one.TopToken is { } token ? Named(report, token) : "");
            cells.Add(one.Ablation is { } effect ? Error(report, effect) : "");
            if (hasRead) cells.Add(Tokens(report, report.Shortly(one.Read, one.ReadNegative)));
            if (hasPromoted) cells.Add(Tokens(report, report.Shortly(one.Promoted, one.Suppressed)));
            table.Add(cells);
        }

        Screen.Write(table);
        if (report.Needed > report.Subcomponents.Count) Screen.WriteLine($"… and {report.Needed - report.Subcomponents.Count} that are needed less often; --component shows any.");
        WriteHowToRead(report);
    }

    private static void WriteComponent(SiteReport report, SubcomponentReport one)
    {
        Screen.WriteLine(Invariant(
            $"{report.Site}, subcomponent {one.Component}: norm {one.Norm:G4}, importance above 0.01 at {100 * one.Frequency[0]:F2} % of {report.Positions} {report.Input}s, above 0.1 at {100 * one.Frequency[1]:F2} %, above 0.5 at {100 * one.Frequency[2]:F2} %; mean {one.MeanImportance:F4}."));
        bool isText = IsText(report);
        WriteTokens(report, "reads", one.Read);
        WriteTokens(report, "reads with the other sign", one.ReadNegative);
        WriteTokens(report, isText ? "promotes" : "raises", one.Promoted);
        WriteTokens(report, isText ? "suppresses" : "lowers", one.Suppressed);
        if (one.Ablation is { } effect)
        {
            Screen.WriteLine(Invariant(
                $"without it {(isText ? "in these contexts" : "on these inputs")} (mean of {effect.Contexts}): {report.Error} {Error(report, effect)}{(report.Error == "KL" ? " nats" : "")}{(effect.LogProbabilityChange is { } change ? Invariant($", log-probability of the {report.Asked} {change:+0.0000;-0.0000;0}") : "")}"));
            WriteTokens(report, isText ? "tokens that lose" : "outputs that fall", effect.Losing);
            WriteTokens(report, isText ? "tokens that gain" : "outputs that rise", effect.Gaining);
        }

        if (one.Contexts.Count == 0)
        {
            Screen.WriteLine($"It is needed {(isText ? "nowhere in these sequences" : "on none of these inputs")}: its importance never exceeds 0.01.");
            return;
        }

        var table = new Sheet(new("importance", IsNumber: true), new("inner", IsNumber: true), new(isText ? "context" : "input") { Wraps = true });
        foreach (var context in one.Contexts)
        {
            string before = context.Before.Length > LettersBefore ? $"…{context.Before[^LettersBefore..]}" : context.Before;
            string after = context.After.Length > LettersAfter ? $"{context.After[..LettersAfter]}…" : context.After;
            table.Add(Invariant($"{context.Importance:F3}"), Invariant($"{context.Inner:F3}"), isText ? $"{before}»{Line(context.Token)}«{after}" : context.Token + context.After);
        }

        Screen.Write(table);
        WriteHowToRead(report);
    }

    private static void WriteHowToRead(SiteReport report)
    {
        Screen.WriteLine(report.Writes);
        Screen.WriteLine(report.Reads);
    }

    private static void WriteTokens(SiteReport report, string title, IReadOnlyList<TokenScore>? tokens)
    {
        if (tokens?.Count > 0) Screen.WriteLine($"{title}: {string.Join("  ", tokens.Select(token => Invariant($"{Named(report, token.Token)} {token.Score:G3}")))}");
    }

    private static string Tokens(SiteReport report, IEnumerable<TokenScore> tokens) =>
        string.Join(IsText(report) ? " " : ", ", tokens.Take(IsText(report) ? TokensInTable : NamesInTable).Select(token => Named(report, token.Token)));

    private static bool IsText(SiteReport report) => report.Input == "token";

    private static string Error(SiteReport report, AblationReport effect) =>
        report.Error == "KL" ? Invariant($"{effect.Divergence:F4}") : Metric.Write(effect.Divergence, NumberFormat.Error);

    // A name needs no quotes; of a token they show where it begins and ends.
    private static string Named(SiteReport report, string token) => IsText(report) ? Quoted(token) : token;

    private static string Quoted(string token) => $"'{Line(token)}'";

    private static string Line(string token) => token.ReplaceLineEndings("↵");

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
