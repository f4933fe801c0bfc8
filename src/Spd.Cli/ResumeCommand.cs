using System.CommandLine;
using Spd.Formats;
using Spd.Runs;
using Spd.Runs.Configuration;
using Spd.Runs.Results;

namespace Spd.Cli;

/// <summary><c>spd resume</c>.</summary>
internal static class ResumeCommand
{
    public static Command Create()
    {
        var run = new Argument<string>("run") { Description = "The folder of a run." };
        var steps = new Option<string?>("--steps")
        {
            Description = "Optimisation steps in all, where the learning rate schedule allows more than were planned.",
            HelpName = "N",
        };
        var fromStart = new Option<bool>("--from-start")
        {
            Description = "Begin the run anew with its configuration as it is now; what it had written is moved aside, into a folder before-<time> in its own.",
        };
        var set = SharedOptions.SetOfRun();
        var threads = SharedOptions.Threads();
        var quiet = SharedOptions.Quiet();
        var command = new Command(
            "resume",
            "Go on with a run that was stopped or killed; the result has the same bits as if it had not been. "
            + "A run that would compute something else than its checkpoints is refused.")
        {
            run, steps, fromStart, set, threads, quiet,
        };
        command.SetAction(parsed => Execute(
            parsed.GetValue(run)!,
            [
                .. parsed.GetValue(set)!.Select(ConfigOverride.Parse),
                .. parsed.GetValue(steps) is { } text ? [ConfigOverride.Option("--steps", "steps", text)] : Array.Empty<ConfigOverride>(),
            ],
            parsed.GetValue(threads), parsed.GetValue(quiet), parsed.GetValue(fromStart)));
        return command;
    }

    internal static int Execute(string path, IReadOnlyList<ConfigOverride> overrides, int threads, bool quiet, bool isFromStart = false)
    {
        var folder = RunFolder.Open(path);
        var catalog = Catalog.Open();
        var loaded = catalog.Load(folder.ConfigFile, overrides);
        using var interruption = new Interruption();
        var display = RunDisplay.Create(quiet, loaded.Config, interruption);
        using var backend = SharedOptions.Backend(threads);
        var run = new ExperimentRun(loaded.Config, backend, RunCommand.Cache(), display);
        if (!isFromStart)
        {
            if (folder.IsFinished(loaded.Config.Steps))
            {
                if (!run.RestoreModel(folder))
                {
                    Screen.WriteLine($"The run in '{path}' has taken all of its {loaded.Config.Steps} steps; " + (loaded.Config.DependsOnSteps
                        ? "its learning rate, or a schedule of its losses, depends on how many there are, so that more take a new run."
                        : $"`spd resume {Quoted.Word(path)} --steps N` prolongs it."));
                }

                // Where it could not be written at the end.
                if (!File.Exists(folder.ReportFile)) SavedRun.Open(path, catalog, overrides).Report(backend, Screen.Complain);
                return CommandLine.Success;
            }

            if (folder.IsImported) throw new RunFolderException($"the run in '{path}' was imported: what it takes to go on with its training is not in it");
        }

        var summary = display.Show(() => isFromStart ? run.Restart(folder, interruption.Token) : run.Resume(folder, interruption.Token));
        RunCommand.WriteResults(loaded.Config, summary, folder);
        return summary.Status == RunStatus.Interrupted ? Interruption.ExitCode : CommandLine.Success;
    }
}
