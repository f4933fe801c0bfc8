using System.CommandLine;
using Spd.Formats;
using Spd.Networks.Transformers;
using Spd.Runs;
using Spd.Runs.Configuration;
using Spd.Runs.Pretraining;
using Spd.Runs.Targets;

namespace Spd.Cli;

/// <summary><c>spd init</c>: the configuration of an MLP, drafted from its weight file, or of a language model, from its folder.</summary>
internal static class InitCommand
{
    public static Command Create()
    {
        var weights = new Argument<string>("weights")
        {
            Description = "The weight file of an MLP (safetensors, PyTorch's .pt or .pth, NumPy's .npz), or of a language model its folder, its file of llama2.c, or hub:owner/name[@revision].",
        };
        var data = new Option<string?>("--data") { Description = "The file of inputs, of an MLP.", HelpName = "FILE" };
        var labels = new Option<string?>("--labels") { Description = "The file of labels, of a classifier.", HelpName = "FILE" };
        var text = new Option<string?>("--text") { Description = "The text, of a language model: a file, a folder of files, or a pattern.", HelpName = "PATH" };
        var column = new Option<string?>("--column") { Description = "The column or key with the texts, where it has no usual name.", HelpName = "NAME" };
        var output = new Option<string?>("--out")
        {
            Description = "The file to write, a new one; by default that of the weights, or their folder, with .yaml at its end, in this folder.",
            HelpName = "FILE",
        };
        var prefix = new Option<string?>("--prefix") { Description = "What stands before the names of the network, where the file holds several: --prefix ema.", HelpName = "NAME" };
        var ignore = new Option<string[]>("--ignore")
        {
            Description = "What is no part of the network; * is any text. May be given several times.",
            HelpName = "NAME",
            DefaultValueFactory = _ => [],
        };
        var command = new Command("init", "Write the configuration of an experiment from the names and shapes of a weight file, or from the folder of a language model.")
        {
            weights, data, labels, text, column, output, prefix, ignore,
        };
        command.SetAction(parsed =>
        {
            string path = parsed.GetValue(weights)!;
            PretrainingRun.RequireFinished(path);
            bool isLanguageModel = HubName.IsMeantBy(path) || TransformerFiles.IsModel(path);
            Option[] others = isLanguageModel ? [data, labels, prefix, ignore] : [text, column];
            if (Array.Find(others, option => parsed.GetResult(option) is { Implicit: false }) is { } other)
            {
                throw new ConfigException(isLanguageModel
                    ? $"{other.Name} is for MLPs, but {Quoted.Path(path)} holds a language model"
                    : $"{other.Name} is for a language model, but {Quoted.Path(path)} is neither a folder with a {TransformerFiles.ConfigName} nor a model of llama2.c");
            }

            return isLanguageModel
                ? OfLanguageModel(path, parsed.GetValue(text), parsed.GetValue(column), parsed.GetValue(output))
                : OfMlp(path, parsed.GetValue(data), parsed.GetValue(labels), parsed.GetValue(output), parsed.GetValue(prefix), parsed.GetValue(ignore)!);
        });
        return command;
    }

    private static int OfMlp(string weights, string? data, string? labels, string? output, string? prefix, string[] ignore)
    {
        output = NewFile(output, Path.GetFileNameWithoutExtension(weights));
        foreach (string? file in new[] { weights, data is null ? null : ArrayFile.FileOf(data), labels is null ? null : ArrayFile.FileOf(labels) })
            if (file is not null && !File.Exists(file) && !Directory.Exists(file)) throw new ConfigException($"there is no file {Quoted.Path(file)}");

        var draft = MlpDraft.Of(weights, prefix, ignore, data is null ? null : MlpDraft.InputsIn(data, labels));
        string yaml = draft.At(Placed(weights, output)!).ToYaml(Placed(data, output), Placed(labels, output));
        return Write(yaml, output, $"{string.Join(" → ", draft.LayerSizes)}, from {Quoted.List(draft.Weights)}");
    }

    private static int OfLanguageModel(string model, string? text, string? column, string? output)
    {
        string path = Catalog.ModelAt(model);
        bool isAtHub = path != model;
        string name = Path.GetFileName(Path.TrimEndingDirectorySeparator(isAtHub ? HubName.Parse(model).Repository : Path.GetFullPath(model)));
        output = NewFile(output, File.Exists(model) ? Path.GetFileNameWithoutExtension(name) : name);
        if (column is not null && text is null) throw new ConfigException("--column is of a text: add --text PATH");
        var draft = LanguageModelDraft.Of(path, Catalog.Open().Find(LanguageModelDraft.Example));
        if (text is not null) draft.RequireText(text, column);
        string yaml = draft.ToYaml(isAtHub ? model : Placed(model, output)!, isAtHub && draft.Tokenizer is not null ? model : Placed(draft.Tokenizer, output), Placed(text, output), column);
        return Write(yaml, output, Quoted.List(draft.Sites));
    }

    private static string NewFile(string? output, string stem)
    {
        output ??= $"{stem}.yaml";
        if (output.Length == 0) throw new ConfigException("--out is empty, but the path of a file is needed");
        if (File.Exists(output) || Directory.Exists(output)) throw new ConfigException($"{Quoted.Path(output)} exists already: name a new file with --out");
        RunFolder.RequireWritable(output);
        return output;
    }

    // Paths in a configuration are looked for beside it first; as full ones, they are found wherever it lies.
    private static string? Placed(string? path, string output) =>
        path is null || Path.GetDirectoryName(Path.GetFullPath(output)) == Environment.CurrentDirectory ? path : Path.GetFullPath(path);

    private static int Write(string yaml, string output, string what)
    {
        // What was drafted is what the program reads.
        ExperimentConfig.Parse(yaml, output, [], Catalog.Open());
        if (Path.GetDirectoryName(Path.GetFullPath(output)) is { } folder) Directory.CreateDirectory(folder);
        using (var stream = new FileStream(output, FileMode.CreateNew, FileAccess.Write))
        using (var writer = new StreamWriter(stream))
            writer.Write(yaml);

        Screen.WriteLine($"Wrote {Quoted.Path(output)}: {what}.");
        int open = yaml.Split('\n').Count(line => line.Contains("# TO DECIDE", StringComparison.Ordinal));
        Screen.WriteLine($"{(open == 0 ? "Then" : $"{open} {(open == 1 ? "line" : "lines")} to decide (TO DECIDE); then")}: spd run {Quoted.Word(output)}");
        return CommandLine.Success;
    }
}
