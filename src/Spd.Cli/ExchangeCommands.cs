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
                parsed.GetValue(source)!, parsed.GetValue(config), parsed.GetValue(output)!, Catalog.Open(), backend, Screen.Complain);
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
        string standard = ExportFormat.All[0].Name;
        var format = new Option<string>("--format")
        {
            Description = $"The format, {string.Join("; ", ExportFormat.All.Select(each => $"{each.Name}: {each.Description}"))}.",
            HelpName = string.Join('|', ExportFormat.All.Select(each => each.Name)),
            DefaultValueFactory = _ => standard,
        };
        format.AcceptOnlyFromAmong([.. ExportFormat.All.Select(each => each.Name)]);
        var output = new Option<string?>("--out") { Description = "Folder to make; by default one with the format's name in the run's.", HelpName = "DIR" };
        var set = SharedOptions.SetOfRun();
        var command = new Command("export", "Write a run in a format of another program: a state dict as safetensors, and its final_config.yaml.") { run, format, output, set };
        command.SetAction(parsed =>
        {
            string folder = parsed.GetValue(run)!;
            var chosen = ExportFormat.Of(parsed.GetValue(format)!);
            string made = parsed.GetValue(output) ?? Path.Combine(folder, chosen.Name);
            var saved = SavedRun.Open(folder, Catalog.Open(), parsed.GetValue(set)!.Select(ConfigOverride.Parse));
            RunFolder.RequireWritable(made);
            string weights = chosen.Export(saved, made);
            Screen.WriteLine($"Weights: {RunCommand.Shown(weights)}");
            return CommandLine.Success;
        });
        return command;
    }
}
