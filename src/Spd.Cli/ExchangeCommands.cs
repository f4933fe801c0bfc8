using System.CommandLine;
using Spd.Runs;
using Spd.Runs.Configuration;
using Spd.Runs.Exchange;

namespace Spd.Cli;

/// <summary><c>spd import</c> and <c>spd export</c>: decompositions of the authors' released code, and for it.</summary>
internal static class ExchangeCommands
{
    public static Command CreateImport()
    {
        var source = new Argument<string>("source")
        {
            Description = "The folder of a run of the released code (model_<steps>.pth, final_config.yaml and the target's train config), or its weight file.",
        };
        var config = new Option<string?>("--config")
        {
            Description = "The final_config.yaml; by default the one beside the weights. The target's train config lies beside it.",
            HelpName = "FILE",
        };
        var output = new Option<string>("--out") { Description = "Folder of the run that is made, new or empty.", HelpName = "RUN", Required = true };
        var threads = SharedOptions.Threads();
        var command = new Command("import", "Make a run of a decomposition that the authors' released code saved, and measure it.")
        {
            source, config, output, threads,
        };
        command.SetAction(parsed =>
        {
            RunFolder.RequireWritable(parsed.GetValue(output)!);
            using var backend = SharedOptions.Backend(parsed.GetValue(threads));
            var (folder, summary, notes) = ReleasedImport.Import(
                parsed.GetValue(source)!, parsed.GetValue(config), parsed.GetValue(output)!, backend, Screen.Complain);
            foreach (string note in notes) Screen.WriteLine($"{note.TrimEnd('.')}.");
            ResultsDisplay.Write(summary);
            Screen.WriteLine($"Report:  {RunCommand.Shown(folder.ReportFile)}");
            return CommandLine.Success;
        });
        return command;
    }

    public static Command CreateExport()
    {
        var run = new Argument<string>("run") { Description = "The folder of a run." };
        var format = new Option<string>("--format")
        {
            Description = $"The format; {ReleasedExport.Format} is a state dict for the released code, as safetensors.",
            HelpName = ReleasedExport.Format,
            Required = true,
        };
        format.AcceptOnlyFromAmong(ReleasedExport.Format);
        var output = new Option<string?>("--out") { Description = $"Folder to make; by default <run>/{ReleasedExport.Format}.", HelpName = "DIR" };
        var set = SharedOptions.SetOfRun();
        var command = new Command("export", "Write a run in a format of another program.") { run, format, output, set };
        command.SetAction(parsed =>
        {
            string folder = parsed.GetValue(run)!, made = parsed.GetValue(output) ?? Path.Combine(folder, ReleasedExport.Format);
            var saved = SavedRun.Open(folder, Catalog.Open(), parsed.GetValue(set)!.Select(ConfigOverride.Parse));
            RunFolder.RequireWritable(made);
            string weights = ReleasedExport.Export(saved, made);
            Screen.WriteLine($"Weights: {RunCommand.Shown(weights)}");
            return CommandLine.Success;
        });
        return command;
    }
}
