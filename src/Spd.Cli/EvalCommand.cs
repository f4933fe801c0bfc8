using System.CommandLine;
using Spd.Formats;
using Spd.Runs;
using Spd.Runs.Configuration;

namespace Spd.Cli;

/// <summary><c>spd eval</c> and <c>spd report</c>: a saved run measured again.</summary>
internal static class EvalCommand
{
    private const int MostExamples = 100_000_000;

    public static Command CreateEval()
    {
        var run = Run();
        var batches = new Option<string?>("--batches") { Description = "Batches to measure on; instead of the configuration's n_eval_steps.", HelpName = "N" };
        var seed = new Option<string?>("--seed") { Description = "Seed of the batches; instead of the run's own.", HelpName = "N" };
        var json = new Option<bool>("--json") { Description = "Print the summary as JSON." };
        var dump = new Option<string?>("--dump")
        {
            Description = "Instead of measuring, write importances, inner activations and outputs of every example for NumPy.",
            HelpName = "FILE.npz",
        };
        var examples = SharedOptions.WholeNumber("--examples", MostExamples, 0, "With --dump: how many inputs, or sequences of text; 4096, or 64, without it.");
        var outputs = new Option<bool>("--outputs") { Description = "With --dump: the outputs of a language model too, a number for each token of its vocabulary." };
        var set = SharedOptions.SetOfRun();
        var threads = SharedOptions.Threads();
        var command = new Command("eval", "Measure a saved run again, from its model: on more batches, or others. Nothing is written but what --dump asks for.")
        {
            run, batches, seed, dump, examples, outputs, set, json, threads,
        };
        command.SetAction(parsed =>
        {
            var overrides = Given(parsed, set);
            if (parsed.GetValue(batches) is { } many) overrides.Add(ConfigOverride.Option("--batches", "n_eval_steps", many));
            if (parsed.GetValue(seed) is { } number) overrides.Add(ConfigOverride.Option("--seed", "seed", number));
            int count = parsed.GetValue(examples);
            string? file = parsed.GetValue(dump);
            if (file is null && (count > 0 || parsed.GetValue(outputs))) throw new ConfigException("--examples and --outputs go with --dump: add --dump FILE.npz");
            if (file is not null && (parsed.GetValue(json) || parsed.GetValue(batches) is not null))
                throw new ConfigException("--dump writes arrays and measures nothing: leave out --json and --batches");
            if (file is not null) Require(file);
            using var backend = SharedOptions.Backend(parsed.GetValue(threads));
            var saved = SavedRun.Open(parsed.GetValue(run)!, Catalog.Open(), overrides);
            if (file is not null)
            {
                long written = saved.Dump(file, count > 0 ? count : null, parsed.GetValue(outputs) ? true : null, backend, new Pace().Report);
                Screen.WriteLine($"Dump:    {RunCommand.Shown(Path.GetFullPath(file))}, {written} examples");
                return CommandLine.Success;
            }

            var summary = saved.Measure(backend);
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
            RunFolder.RequireWritable(saved.Folder.Root, "`spd eval` measures a run and writes nothing");
            ResultsDisplay.Write(saved.Report(backend, Screen.Complain));
            Screen.WriteLine($"Report:  {RunCommand.Shown(saved.Folder.ReportFile)}");
            return CommandLine.Success;
        });
        return command;
    }

    // Before anything is computed.
    private static void Require(string file)
    {
        if (!file.EndsWith(".npz", StringComparison.OrdinalIgnoreCase)) throw new ConfigException($"--dump is {Quoted.Path(file)}, but NumPy reads such a file only where its name ends in .npz");
        if (Directory.Exists(file)) throw new ConfigException($"--dump is {Quoted.Path(file)}, which is a folder: name a file");
        if (Path.GetDirectoryName(Path.GetFullPath(file)) is { } folder && !Directory.Exists(folder))
            throw new ConfigException($"--dump is {Quoted.Path(file)}, but there is no folder {Quoted.Path(folder)}: make it first");
        RunFolder.RequireWritable(file, "name another file with --dump");
    }

    private static List<ConfigOverride> Given(ParseResult parsed, Option<string[]> set) => [.. parsed.GetValue(set)!.Select(ConfigOverride.Parse)];

    private static Argument<string> Run() => new("run") { Description = "The folder of a run." };
}
