using System.CommandLine;
using Spd.Formats;
using Spd.Runs;
using Spd.Runs.Configuration;
using Spd.Runs.Results;

namespace Spd.Cli;

/// <summary><c>spd run</c>.</summary>
internal static class RunCommand
{
    internal const string RunsFolder = "runs";

    private static ConfigOverride TensorBoardOn => new("tensorboard", "true", "--tensorboard");

    public static Command Create()
    {
        var experiment = SharedOptions.Experiment(
            "The name of an experiment (see `spd list`), or the path of a config.yaml; the configs of the authors' released code are accepted too.");
        var seed = new Option<string?>("--seed") { Description = "Seed of the decomposition; instead of the configuration's.", HelpName = "N" };
        var steps = new Option<string?>("--steps") { Description = "Optimisation steps; instead of the configuration's.", HelpName = "N" };
        var threads = SharedOptions.Threads();
        var output = new Option<string?>("--out")
        {
            Description = $"Folder of the run, new or empty; by default {RunsFolder}/<experiment>/<time>-seed<N>.",
            HelpName = "DIR",
        };
        var set = SharedOptions.Set("Sets a key of the configuration, and may be given several times: --set task_config.feature_probability=0.1");
        var resume = new Option<bool>("--resume")
        {
            Description = "Go on with the newest run of this configuration that did not come to its end (the one in --out, if given); or else begin one.",
        };
        var tensorBoard = new Option<bool>("--tensorboard")
        {
            Description = "Write event files for TensorBoard too, into the run's folder; like --set tensorboard=true.",
        };
        var quiet = SharedOptions.Quiet();

        var command = new Command("run", "Train a target network, or take it from the cache, decompose it, and write figures and a report.")
        {
            experiment, seed, steps, threads, output, resume, set, tensorBoard, quiet,
        };
        command.SetAction(parsed => Execute(
            parsed.GetValue(experiment)!,
            [
                .. parsed.GetValue(set)!.Select(ConfigOverride.Parse),
                .. parsed.GetValue(seed) is { } seedText ? [ConfigOverride.Option("--seed", "seed", seedText)] : Array.Empty<ConfigOverride>(),
                .. parsed.GetValue(steps) is { } stepsText ? [ConfigOverride.Option("--steps", "steps", stepsText)] : Array.Empty<ConfigOverride>(),
                .. parsed.GetValue(tensorBoard) ? [TensorBoardOn] : Array.Empty<ConfigOverride>(),
            ],
            parsed.GetValue(threads), parsed.GetValue(output), parsed.GetValue(resume), parsed.GetValue(quiet)));
        return command;
    }

    private static int Execute(
        string experiment, IReadOnlyList<ConfigOverride> overrides, int threads, string? output, bool resume, bool quiet)
    {
        var catalog = Catalog.Open();
        var loaded = catalog.Load(experiment, overrides);
        var config = loaded.Config;
        Catalog.RequireModel(config);
        if (resume && SavedRun.Unfinished(output is null ? Path.Combine(RunsFolder, config.Name) : null, output, config, catalog) is { } begun)
        {
            // Data may lie elsewhere by now.
            return ResumeCommand.Execute(begun, [.. SavedRun.PathsOf(config), .. config.TensorBoard ? [TensorBoardOn] : Array.Empty<ConfigOverride>()], threads, quiet);
        }

        using var interruption = new Interruption();

        // The folder is made late, but a name that cannot be used is told before anything is computed.
        var named = output is null ? null : RunFolder.CreateAt(output);
        if (named is null) RunFolder.RequireWritable(Path.Combine(RunsFolder, config.Name));
        RunFolder MakeFolder() => named ?? RunFolder.Create(RunsFolder, config.Name, config.Seed, TimeProvider.System);

        var display = RunDisplay.Create(quiet, config, interruption);
        foreach (string note in loaded.Notes) display.Note(note);
        RunSummary summary;
        RunFolder folder;
        try
        {
            using var backend = SharedOptions.Backend(threads);
            var run = new ExperimentRun(config, backend, Cache(), display);
            (summary, folder) = display.Show(() => run.Execute(MakeFolder, interruption.Token));
        }
        catch when (named is not null && !Directory.EnumerateFileSystemEntries(named.Root).Any())
        {
            Directory.Delete(named.Root);
            throw;
        }

        WriteResults(config, summary, folder);
        return summary.Status == RunStatus.Interrupted ? Interruption.ExitCode : CommandLine.Success;
    }

    internal static TargetCache Cache() => new(TargetCache.DefaultFolder(Environment.GetEnvironmentVariable));

    internal static void WriteResults(IExperiment config, RunSummary summary, RunFolder folder)
    {
        string state = summary.Status == RunStatus.Interrupted
            ? $"stopped after {summary.Steps} of {config.Steps} steps"
            : $"{summary.Steps} steps in {Metric.Write(summary.StepSeconds, NumberFormat.Seconds)} s";
        Screen.WriteTitle($"{summary.Experiment}, seed {summary.Seed}: {state}");
        ResultsDisplay.Write(summary);

        // Paths are written plainly: a console that wraps them breaks copying.
        Screen.WriteLine($"Report:  {Shown(folder.ReportFile)}");
        Screen.WriteLine($"Summary: {Shown(folder.SummaryFile)}");
        Screen.WriteLine($"Figures: {Shown(folder.FiguresFolder)}");
        if (summary.Status == RunStatus.Interrupted) Screen.WriteLine($"Go on:   spd resume {Quoted.Word(Shown(folder.Root))}");
    }

    internal static string Shown(string path)
    {
        string relative = Path.GetRelativePath(Environment.CurrentDirectory, path);
        return relative.StartsWith("..", StringComparison.Ordinal) ? path : relative;
    }
}
