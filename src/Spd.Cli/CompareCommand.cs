using System.CommandLine;
using Spd.Runs;
using Spd.Runs.Configuration;
using Spd.Runs.Results;
using Spectre.Console;

namespace Spd.Cli;

/// <summary><c>spd compare</c>.</summary>
internal static class CompareCommand
{
    public static Command Create()
    {
        var folders = new Argument<string[]>("runs") { Description = "The folders of two runs or more.", Arity = new ArgumentArity(2, 100) };
        var set = SharedOptions.SetOfRun();
        var command = new Command("compare", "Show runs side by side: metrics, how alike their subcomponents are, where their configurations differ.")
        {
            folders, set,
        };
        command.SetAction(parsed =>
        {
            var catalog = Catalog.Open();
            var runs = parsed.GetValue(folders)!.Select(folder => SavedRun.Open(folder, catalog, parsed.GetValue(set)!.Select(ConfigOverride.Parse))).ToList();
            string[] names = [.. runs.Select(run => Path.GetRelativePath(Environment.CurrentDirectory, run.Folder.Root))];
            Write("metrics", names, Metrics(runs));
            WriteLikeness(runs, names);
            Write("configuration", names, RunComparison.Differences([.. runs.Select(run => run.Experiment.ToYaml())]));
            return CommandLine.Success;
        });
        return command;
    }

    private static List<(string Key, IReadOnlyList<string> Values)> Metrics(List<SavedRun> runs)
    {
        var tables = runs.Select(run => ResultTable.AllRows(run.Summary)).ToList();
        return
        [
            ("steps", [.. runs.Select(run => $"{run.Summary.Steps}")]),
            .. from key in tables.SelectMany(table => table.Select(row => row.Key)).Distinct()
               let rows = tables.Select(table => table.FirstOrDefault(row => row.Key == key)).ToList()
               select (rows.First(row => row is not null)!.Quantity, (IReadOnlyList<string>)[.. rows.Select(row => row?.Value ?? "")]),
        ];
    }

    private static void WriteLikeness(List<SavedRun> runs, string[] names)
    {
        var first = runs[0].Components();
        var rows = new List<(string, IReadOnlyList<string>)>();
        var others = runs.Skip(1).Select(run => RunComparison.Likeness(first, run.Components())).ToList();
        foreach (var matrix in first)
        {
            rows.Add((matrix.Name,
            [
                "", .. others.Select(other => other.FirstOrDefault(likeness => likeness.Matrix == matrix.Name) is { } found
                    ? $"{Metric.Write(found.MeanMaxCosine, NumberFormat.Ratio)} ({found.Significant} with {found.OfOther})"
                    : "no such matrix"),
            ]));
        }

        Write($"mean max cosine of significant subcomponents with {names[0]}", names, rows);
    }

    private static void Write(string title, string[] names, IReadOnlyList<(string Key, IReadOnlyList<string> Values)> rows)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumn(new TableColumn(Screen.Cell(title)));
        foreach (string name in names) table.AddColumn(new TableColumn(Screen.Cell(name)).RightAligned());
        foreach (var (key, values) in rows) table.AddRow([Screen.Cell(key), .. values.Select(value => Screen.Cell(value))]);
        if (rows.Count == 0) Screen.WriteLine($"No differences of {title}.");
        else AnsiConsole.Write(table);
    }
}
