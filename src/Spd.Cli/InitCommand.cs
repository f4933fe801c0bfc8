using System.CommandLine;
using Spd.Formats;
using Spd.Runs;
using Spd.Runs.Configuration;
using Spd.Runs.Targets;

namespace Spd.Cli;

/// <summary><c>spd init</c>: the configuration of an MLP, drafted from its weight file.</summary>
internal static class InitCommand
{
    public static Command Create()
    {
        var weights = new Argument<string>("weights") { Description = "The weight file of an MLP: safetensors, PyTorch's (.pt, .pth), NumPy's (.npz)." };
        var data = new Option<string?>("--data") { Description = "The file of inputs.", HelpName = "FILE" };
        var labels = new Option<string?>("--labels") { Description = "The file of labels, of a classifier.", HelpName = "FILE" };
        var output = new Option<string?>("--out") { Description = "The file to write, a new one; by default that of the weights with .yaml at its end, in this folder.", HelpName = "FILE" };
        var prefix = new Option<string?>("--prefix") { Description = "What stands before the names of the network, where the file holds several: --prefix ema.", HelpName = "NAME" };
        var ignore = new Option<string[]>("--ignore")
        {
            Description = "What is no part of the network; * is any text. May be given several times.",
            HelpName = "NAME",
            DefaultValueFactory = _ => [],
        };
        var command = new Command("init", "Write the configuration of an experiment from the names and shapes of a weight file.") { weights, data, labels, output, prefix, ignore };
        command.SetAction(parsed => Execute(
            parsed.GetValue(weights)!, parsed.GetValue(data), parsed.GetValue(labels), parsed.GetValue(output), parsed.GetValue(prefix), parsed.GetValue(ignore)!));
        return command;
    }

    private static int Execute(string weights, string? data, string? labels, string? output, string? prefix, string[] ignore)
    {
        output ??= $"{Path.GetFileNameWithoutExtension(weights)}.yaml";
        if (output.Length == 0) throw new ConfigException("--out is empty, but the path of a file is needed");
        if (File.Exists(output) || Directory.Exists(output)) throw new ConfigException($"{Quoted.Path(output)} exists already: name a new file with --out");
        foreach (string? file in new[] { weights, data is null ? null : ArrayFile.FileOf(data), labels is null ? null : ArrayFile.FileOf(labels) })
            if (file is not null && !File.Exists(file) && !Directory.Exists(file)) throw new ConfigException($"there is no file {Quoted.Path(file)}");

        var draft = MlpDraft.Of(weights, prefix, ignore, data is null ? null : MlpDraft.InputsIn(data, labels));
        // Paths in a configuration are looked for beside it first; as full ones, they are found wherever it lies.
        bool isHere = Path.GetDirectoryName(Path.GetFullPath(output)) == Environment.CurrentDirectory;
        string yaml = draft.At(Placed(weights)!).ToYaml(Placed(data), Placed(labels));
        // What was drafted is what the program reads.
        ExperimentConfig.Parse(yaml, output, [], Catalog.Open());
        if (Path.GetDirectoryName(Path.GetFullPath(output)) is { } folder) Directory.CreateDirectory(folder);
        using (var stream = new FileStream(output, FileMode.CreateNew, FileAccess.Write))
        using (var writer = new StreamWriter(stream))
            writer.Write(yaml);

        Screen.WriteLine($"Wrote {Quoted.Path(output)}: {string.Join(" → ", draft.LayerSizes)}, from {Quoted.List(draft.Weights)}.");
        int open = yaml.Split('\n').Count(line => line.Contains("# TO DECIDE", StringComparison.Ordinal));
        Screen.WriteLine($"{open} {(open == 1 ? "line" : "lines")} to decide (TO DECIDE); then: spd run {output}");
        return CommandLine.Success;

        string? Placed(string? path) => path is null || isHere ? path : Path.GetFullPath(path);
    }
}
