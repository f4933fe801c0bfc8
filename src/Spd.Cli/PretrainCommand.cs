using System.CommandLine;
using System.Globalization;
using Spd.Runs;
using Spd.Runs.Configuration;
using Spd.Runs.Pretraining;

namespace Spd.Cli;

/// <summary><c>spd pretrain</c>: a small language model of one's own.</summary>
internal static class PretrainCommand
{
    public static Command Create()
    {
        var standard = new PretrainingConfig();
        var output = new Argument<string>("out") { Description = "The folder of the model: new, empty, or of a training that was stopped, which goes on." };
        (Option<string?> Option, string Key)[] settings =
        [
            Setting("--text", "The text: a file, a folder of files, or a pattern; plain text, a JSON array, JSON lines or Parquet.", "PATH", isRequired: true),
            Setting("--tokenizer", "The tokenizer.json, whose size is that of the vocabulary, or its folder.", "FILE", isRequired: true),
            Setting("--column", "The column or key with the texts, where it has no usual name.", "NAME"),
            Setting("--architecture", "llama_simple_mlp, llama or gpt2; the first by default.", "NAME"),
            Setting("--layers", $"Blocks; {standard.Layers} by default."),
            Setting("--width", $"Width of the residual stream; {standard.Width} by default."),
            Setting("--heads", $"Heads; {standard.Heads} by default."),
            Setting("--kv-heads", "Heads of keys and values, not of a GPT-2; half as many as heads by default."),
            Setting("--ff", "Neurons of a block's MLP; four times the width by default."),
            Setting("--context", $"Tokens of a sequence; {standard.Context} by default."),
            Setting("--steps", $"Steps; {standard.Steps} by default."),
            Setting("--batch", $"Sequences of a step; {standard.Batch} by default."),
            Setting("--lr", Invariant($"Full learning rate; {standard.Lr} by default."), "X"),
            Setting("--min-lr-ratio", Invariant($"The share of it that the last step has; {standard.MinLrRatio} by default."), "X"),
            Setting("--warmup", "Steps in which the learning rate rises; a twentieth of the steps by default."),
            Setting("--weight-decay", Invariant($"AdamW's decay of matrices; {standard.WeightDecay} by default."), "X"),
            Setting("--clip", Invariant($"The norm that gradients are cut to; {standard.Clip} by default."), "X"),
            Setting("--seed", "Seed of the first weights and of the order of the text; 0 by default."),
        ];
        var threads = SharedOptions.Threads();
        var quiet = SharedOptions.Quiet();
        var command = new Command(
            "pretrain", "Train a small language model on a text, and write it as a folder of Hugging Face's files. The same command goes on with a training that was stopped.")
        {
            output, threads, quiet,
        };
        foreach (var (option, _) in settings) command.Add(option);
        command.SetAction(parsed =>
        {
            var config = PretrainingConfig.Of(settings.Where(setting => parsed.GetValue(setting.Option) is not null)
                .Select(setting => ValueOf(setting.Option.Name, setting.Key, parsed.GetValue(setting.Option)!)));
            return Execute(parsed.GetValue(output)!, config, parsed.GetValue(threads), parsed.GetValue(quiet));
        });
        return command;
    }

    private static (Option<string?> Option, string Key) Setting(string name, string description, string value = "N", bool isRequired = false) =>
        (new Option<string?>(name) { Description = description, HelpName = value, Required = isRequired }, name.TrimStart('-').Replace('-', '_'));

    private static ConfigOverride ValueOf(string option, string key, string value) =>
        key is "text" or "tokenizer" or "column" ? ConfigOverride.Literal(option, key, value) : ConfigOverride.Option(option, key, value);

    private static int Execute(string output, PretrainingConfig config, int threads, bool quiet)
    {
        if (output.Length == 0) throw new ConfigException("the folder of the model has no name");
        RunFolder.RequireWritable(output, "name another folder");
        using var interruption = new Interruption();
        var display = RunDisplay.CreateForPretraining(quiet, config, interruption);
        using var backend = SharedOptions.Backend(threads);
        var result = new PretrainingRun(config, backend, Catalog.TokenFolder, display, quiet ? null : new Catalog.TokenProgress()).Execute(Path.GetFullPath(output), interruption.Token);
        if (result.ValidationLoss is not { } loss)
        {
            Screen.Complain($"stopped after step {result.Steps} of {config.Steps}; the same command goes on from there");
            return Interruption.ExitCode;
        }

        Screen.WriteLine(Invariant(
            $"{result.Steps} steps in {result.Seconds:F1} s: {result.Weights} weights, a cross-entropy of {loss:F4} nats a token on {result.HeldOut} held-out sequences of {config.Context} tokens."));
        Screen.WriteLine($"Model:  {RunCommand.Shown(Path.GetFullPath(output))}");
        return CommandLine.Success;
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
