using System.CommandLine;
using Spd.Paper;
using Spd.Runs.Plans;

namespace Spd.Cli;

/// <summary><c>spd paper</c>.</summary>
internal static class PaperCommand
{
    private const int MostSeeds = 1000, DefaultSeeds = 3;

    public static Command Create()
    {
        var only = new Option<PaperParts?>("--only")
        {
            Description = "Runs one part only: tms, resid (residual MLPs), apd (the method the paper compares with) or fig8; "
                + "the page shows what is there of the others. By default all are run.",
            HelpName = "tms|resid|apd|fig8",
            CustomParser = result =>
            {
                switch (result.Tokens[0].Value)
                {
                    case "tms": return PaperParts.Tms;
                    case "resid": return PaperParts.Resid;
                    case "apd": return PaperParts.Apd;
                    case "fig8": return PaperParts.Fig8;
                }

                result.AddError($"--only is '{result.Tokens[0].Value}', but one of tms, resid, apd and fig8 is needed");
                return null;
            },
        };
        only.CompletionSources.Clear();
        only.CompletionSources.Add("tms", "resid", "apd", "fig8");
        var seeds = SharedOptions.WholeNumber(
            "--seeds", MostSeeds, DefaultSeeds, "Seeds of each experiment that the paper repeats: the experiment's own and those that follow it.");
        var quick = new Option<bool>("--quick") { Description = "Shortens every run, for a look at the whole in a few minutes; the page says so." };
        var threads = SharedOptions.Threads();
        var output = new Option<string?>("--out")
        {
            Description = "Folder of the page and of all runs; what is finished there is not run again. By default runs/paper, or runs/paper-quick.",
            HelpName = "DIR",
        };
        var quiet = SharedOptions.Quiet();
        var command = new Command(
            "paper", "Reproduce the whole paper: run what is missing, and write a page with its tables and figures beside the paper's numbers.")
        {
            only, seeds, quick, threads, output, quiet,
        };
        command.SetAction(parsed =>
        {
            bool isQuick = parsed.GetValue(quick);
            return Execute(
                parsed.GetValue(only) ?? PaperParts.All, parsed.GetValue(seeds), isQuick, parsed.GetValue(threads),
                parsed.GetValue(output) ?? Path.Combine("runs", isQuick ? "paper-quick" : "paper"), parsed.GetValue(quiet));
        });
        return command;
    }

    private static int Execute(PaperParts parts, int seeds, bool isQuick, int threads, string output, bool quiet)
    {
        var plan = PaperPlan.Create(Catalog.Open(), seeds, isQuick);
        using var folder = PaperPlan.Open(output);
        using var interruption = new Interruption { IsAtWork = true };
        var display = PlanDisplay.Create(quiet);
        var execution = plan.Prepare(parts, folder, RunCommand.Cache(), display, threads);
        display.Show(() => execution.Execute(() => SharedOptions.Backend(threads), atOnce: 1, interruption.Token));

        var selected = execution.Standing.Runs.Where(run => run.IsSelected).ToList();
        PlanDisplay.Complain(selected);
        foreach (var run in selected.Where(run => run.State == PlannedRunState.Missing))
            Screen.Complain($"{run.Plan.Group}: skipped, {run.Reason}");
        PlanDisplay.WriteFinished(selected, isQuick ? "; all are shortened (--quick)" : "");
        Screen.WriteLine($"Page: {RunCommand.Shown(folder.PageFile)}");
        if (interruption.Token.IsCancellationRequested && !execution.IsComplete) return Interruption.ExitCode;
        return execution.IsComplete ? CommandLine.Success : CommandLine.Failure;
    }
}
