using System.CommandLine;
using Spd.Runs;
using Spd.Runs.Configuration;

namespace Spd.Cli;

/// <summary><c>spd eval</c> and <c>spd report</c>: a saved run measured again.</summary>
internal static class EvalCommand
{
    public static Command CreateEval()
    {
        var run = Run();
        var batches = new Option<string?>("--batches") { Description = "Batches to measure on; instead of the configuration's n_eval_steps.", HelpName = "N" };
        var seed = new Option<string?>("--seed") { Description = "Seed of the batches; instead of the run's own.", HelpName = "N" };
        var json = new Option<bool>("--json") { Description = "Print the summary as JSON." };
        var set = SharedOptions.SetOfRun();
        var threads = SharedOptions.Threads();
        var command = new Command("eval", "Measure a saved run again, from its model: on more batches, or others. Nothing is written.")
        {
            run, batches, seed, set, json, threads,
        };
        command.SetAction(parsed =>
        {
            var overrides = Given(parsed, set);
            if (parsed.GetValue(batches) is { } count) overrides.Add(ConfigOverride.Option("--batches", "n_eval_steps", count));
            if (parsed.GetValue(seed) is { } number) overrides.Add(ConfigOverride.Option("--seed", "seed", number));
            using var backend = SharedOptions.Backend(parsed.GetValue(threads));
            var summary = SavedRun.Open(parsed.GetValue(run)!, Catalog.Open(), overrides).Measure(backend);
            if (parsed.GetValue(json)) Console.Write(summary.ToJson());
            else ResultsDisplay.Write(summary);
            return CommandLine.Success;
        });
        return command;
    }

    public static Command CreateReport()
    {
        var run = Run();
        var set = SharedOptions.SetOfRun();
        var threads = SharedOptions.Threads();
        var command = new Command("report", "Measure a saved run again, and write its summary, figures and page anew.") { run, set, threads };
        command.SetAction(parsed =>
        {
            using var backend = SharedOptions.Backend(parsed.GetValue(threads));
            var saved = SavedRun.Open(parsed.GetValue(run)!, Catalog.Open(), Given(parsed, set));
            ResultsDisplay.Write(saved.Report(backend, Screen.Complain));
            Screen.WriteLine($"Report:  {RunCommand.Shown(saved.Folder.ReportFile)}");
            return CommandLine.Success;
        });
        return command;
    }

    private static List<ConfigOverride> Given(ParseResult parsed, Option<string[]> set) => [.. parsed.GetValue(set)!.Select(ConfigOverride.Parse)];

    private static Argument<string> Run() => new("run") { Description = "The folder of a run." };
}
