using System.CommandLine;
using Spd.Runs;
using Spd.Runs.Configuration;

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
        var threads = SharedOptions.Threads();
        var quiet = SharedOptions.Quiet();
        var command = new Command("resume", "Go on with a run that was stopped or killed; the result has the same bits as if it had not been.")
        {
            run, steps, threads, quiet,
        };
        command.SetAction(parsed => Execute(
            parsed.GetValue(run)!, parsed.GetValue(steps) is { } text ? [ConfigOverride.Option("--steps", "steps", text)] : [],
            parsed.GetValue(threads), parsed.GetValue(quiet)));
        return command;
    }

    internal static int Execute(string path, IReadOnlyList<ConfigOverride> overrides, int threads, bool quiet)
    {
        var folder = RunFolder.Open(path);
        var loaded = ExperimentCatalog.BesideProgram().Load(folder.ConfigFile, overrides);
        if (folder.IsFinished(loaded.Config.Steps))
        {
            Screen.WriteLine($"The run in '{path}' has taken all of its {loaded.Config.Steps} steps; `spd resume {path} --steps N` prolongs it.");
            return CommandLine.Success;
        }

        if (folder.IsImported) throw new RunFolderException($"the run in '{path}' was imported: what it takes to go on with its training is not in it");
        using var interruption = new Interruption();
        var display = RunDisplay.Create(quiet, loaded.Config);
        var run = new ExperimentRun(loaded.Config, threads, RunCommand.Cache(), display);
        var summary = display.Show(() => run.Resume(folder, interruption.Token));
        RunCommand.WriteResults(loaded.Config, summary, folder);
        return summary.Status == RunStatus.Interrupted ? CommandLine.Interrupted : CommandLine.Success;
    }
}
