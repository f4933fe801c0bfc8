using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using Spd.Runs.Results;
using Spd.Runs;

namespace Spd.Cli;

/// <summary><c>spd runs</c>.</summary>
internal static class RunsCommand
{
    public static Command Create()
    {
        var folder = new Argument<string>("folder") { Description = "The folder of runs.", DefaultValueFactory = _ => RunCommand.RunsFolder };
        string orders = string.Join(", ", RunList.Orders.Keys);
        var sort = new Option<string>("--sort") { Description = $"Order the rows by {orders}.", HelpName = "COLUMN", DefaultValueFactory = _ => "time" };
        sort.CompletionSources.Add([.. RunList.Orders.Keys]);
        sort.Validators.Add(result =>
        {
            string given = result.Tokens is [var token, ..] ? token.Value : "time";
            if (!RunList.Orders.ContainsKey(given)) result.AddError($"--sort is '{given}', but one of {orders} is needed");
        });
        var json = new Option<bool>("--json") { Description = "Print the runs as JSON." };
        var command = new Command("runs", "Show the runs of a folder: experiment, seed, status, key metrics, time. Links to folders are not followed.") { folder, sort, json };
        command.SetAction(parsed =>
        {
            var runs = RunList.Of(parsed.GetValue(folder)!)
                .OrderBy(RunList.Orders[parsed.GetValue(sort)!]).ThenBy(run => run.Folder, StringComparer.Ordinal).ToList();
            if (parsed.GetValue(json))
                Console.WriteLine(new JsonArray([.. runs.Select(run => run.ToJson())]).ToJsonString(new JsonSerializerOptions { WriteIndented = true }));
            else Write(runs, parsed.GetValue(folder)!);
            return CommandLine.Success;
        });
        return command;
    }

    private static void Write(List<RunEntry> runs, string folder)
    {
        if (runs.Count == 0)
        {
            Screen.WriteLine($"There are no runs in '{folder}'.");
            return;
        }

        var table = new Sheet(
            new("folder"), new("experiment") { Spare = 3 }, new("seed", IsNumber: true) { Spare = 2 }, new("steps", IsNumber: true), new("status"),
            new("key metrics") { Wraps = true }, new("total loss", IsNumber: true) { Spare = 1 }, new("seconds", IsNumber: true) { Spare = 4 });
        foreach (var run in runs)
        {
            string metrics = string.Join("  ", run.Metrics.Select(metric => $"{Metric.Of(metric.Name).Short} {Metric.Write(metric.Value, Metric.Of(metric.Name).Format)}"));
            string status = run.Program is { } program ? $"{run.Status}, step {run.Steps} of {run.StepsPlanned} ({program})" : run.Status;
            string steps = run is { Program: null, Steps: { } taken } ? Metric.Write(taken, NumberFormat.Count) : "";
            string seconds = run.Seconds is { } time ? Metric.Write(time, NumberFormat.Count) : "";
            string loss = run.TotalLoss is { } total ? Metric.Write(total, NumberFormat.Error) : "";
            table.Add(run.Folder, run.Experiment, run.Seed, steps, status, metrics, loss, seconds);
        }

        Screen.Write(table);
    }
}
