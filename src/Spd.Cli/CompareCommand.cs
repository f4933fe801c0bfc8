using System.CommandLine;
using System.Text.Json;
using Spd.Runs;
using Spd.Runs.Configuration;
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
            var catalog = ExperimentCatalog.BesideProgram();
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
        string[][] groups = [["metrics"], ["metrics", "significant_subcomponents"], ["losses"], ["ms_per_step"]];
        var rows = new List<(string Key, IReadOnlyList<string> Values)> { ("steps", [.. runs.Select(run => $"{run.Stored.Number("steps")}")]) };
        foreach (string[] group in groups)
        {
            var keys = runs.SelectMany(run => run.Stored.Entries(group)).Where(entry => entry.Value.ValueKind != JsonValueKind.Object)
                .Select(entry => entry.Name).Distinct();
            foreach (string key in keys)
            {
                string label = group[^1] == "metrics" ? key : $"{group[^1]} {key}";
                rows.Add((label.Replace('_', ' '), [.. runs.Select(run => Shown(run, [.. group, key]))]));
            }
        }

        return rows;

        static string Shown(SavedRun run, string[] path) =>
            run.Stored.Number(path) is { } number ? $"{number:G5}" : run.Stored.Truth(path) is { } truth ? truth ? "yes" : "no" : "";
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
                    ? $"{found.MeanMaxCosine:F4} ({found.Significant} with {found.OfOther})"
                    : "not there"),
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
