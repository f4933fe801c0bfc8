using System.CommandLine;
using Spd.Decomposition;
using Spd.Runs;
using Spd.Runs.Configuration;
using Spd.Runs.Results;

namespace Spd.Cli;

/// <summary><c>spd compare</c>.</summary>
internal static class CompareCommand
{
    private const string Unknown = "–";

    public static Command Create()
    {
        var folders = new Argument<string[]>("runs") { Description = "The folders of two runs or more.", Arity = new ArgumentArity(2, 100) };
        var set = SharedOptions.SetOfRun();
        var json = new Option<bool>("--json") { Description = "Print all of it as JSON, with every pair of subcomponents." };
        var command = new Command(
            "compare", "Show runs side by side: metrics, how alike their subcomponents are, matched one to one, where their configurations differ.")
        {
            folders, set, json,
        };
        command.SetAction(parsed =>
        {
            var catalog = Catalog.Open();
            var compared = ComparedRuns.Of(
            [
                .. parsed.GetValue(folders)!.Select(folder => SavedRun.Open(folder, catalog, parsed.GetValue(set)!.Select(ConfigOverride.Parse)))
                    .Select(run => (Path.GetRelativePath(Environment.CurrentDirectory, run.Folder.Root), run)),
            ]);
            if (parsed.GetValue(json)) Console.Write(compared.ToJson());
            else Write(compared);
            return CommandLine.Success;
        });
        return command;
    }

    private static void Write(ComparedRuns compared)
    {
        // Paths are longer than the columns of numbers.
        foreach (var (index, run) in compared.Runs.Index()) Screen.WriteLine($"{Name(index)}: {run}");
        string[] runs = [.. compared.Runs.Index().Select(run => Name(run.Index))];
        Write("metrics", runs, [.. compared.Metrics.Select(metric => (string[])[metric.Label, .. metric.Rows.Select(row => row?.Value ?? Unknown)])]);
        foreach (var (index, matches) in compared.Matches.Index()) WriteMatches(index + 1, matches);
        if (compared.Configuration.Count == 0) Screen.WriteLine("No differences of configuration.");
        else Write("configuration", runs, [.. compared.Configuration.Select(entry => (string[])[entry.Key, .. entry.Values.Select(value => value ?? Unknown)])]);
    }

    private static void WriteMatches(int run, IReadOnlyList<MatrixMatch> matches)
    {
        if (matches.Count == 0)
        {
            Screen.WriteLine($"{Name(run)} and {Name(0)} have no matrix of the same name and shape, so no subcomponents are matched.");
            return;
        }

        var kinds = matches.Select(Kind).Distinct().ToList();
        var rows = matches.Select(match => Row(
            match.Matrix, $"{match.OfFirst} and {match.OfOther}{(kinds.Count > 1 ? $" {Kind(match)}" : "")}", match.Pairs, match.Same)).ToList();
        if (matches.Count > 1) rows.Add(Row("all of them", "", [.. matches.SelectMany(match => match.Pairs)], matches.Sum(match => match.Same)));
        Write($"{Name(0)} and {Name(run)}", [kinds.Count > 1 ? "subcomponents" : kinds[0], "mean cosine", $"above {SubcomponentMatch.SameAbove}"], rows);
        Screen.WriteLine("Matched one to one by the absolute cosine of their rank-one matrices, so that the mean is largest; those left over count nowhere.");
        if (matches.Any(match => !match.IsByUse))
            Screen.WriteLine("Significant (norm above 5 % of the site's largest) are matched where a summary does not tell which are alive; `spd report RUN` adds it.");

        static string Kind(MatrixMatch match) => match.IsByUse ? "alive" : "significant";

        static string[] Row(string matrix, string which, IReadOnlyList<SubcomponentMatch> pairs, int same) =>
        [
            matrix, which, Metric.Write(pairs.Select(pair => pair.Cosine).DefaultIfEmpty(double.NaN).Average(), NumberFormat.Ratio), $"{same} of {pairs.Count}",
        ];
    }

    private static string Name(int run) => $"run {run + 1}";

    private static void Write(string title, string[] columns, IReadOnlyList<string[]> rows)
    {
        var table = new Sheet([new(title) { Wraps = true }, .. columns.Select(column => new Column(column, IsNumber: true))]);
        foreach (string[] cells in rows) table.Add(cells);
        Screen.Write(table);
    }
}
