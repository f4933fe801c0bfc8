using System.CommandLine;
using System.Globalization;
using Spd.Engine;
using Spd.Formats;
using Spd.Networks;
using Spd.Networks.Transformers;
using Spd.Runs;
using Spd.Runs.Configuration;
using Spd.Text;

namespace Spd.Cli;

/// <summary><c>spd sample</c>: what a language model writes.</summary>
internal static class SampleCommand
{
    private const int Tokens = 256, MostTokens = 1 << 20, Hottest = 100;

    public static Command Create()
    {
        var model = new Argument<string>("model") { Description = "A folder of Hugging Face's files, a model of llama2.c, or hub:owner/name[@revision]." };
        var text = new Argument<string>("text") { Description = "How the text begins; by default there is nothing before.", DefaultValueFactory = _ => "" };
        var tokens = SharedOptions.WholeNumber("--tokens", MostTokens, Tokens, "Tokens to write at most.");
        var temperature = new Option<double>("--temperature")
        {
            Description = "What logits are divided by before tokens are drawn; 0 for the likeliest token each time. 1 by default.",
            HelpName = "T",
            DefaultValueFactory = _ => 1,
            CustomParser = result =>
            {
                string given = result.Tokens[0].Value;
                if (double.TryParse(given, NumberStyles.Float, CultureInfo.InvariantCulture, out double number) && number is >= 0 and <= Hottest) return number;
                result.AddError($"--temperature is '{given}', but a number from 0 to {Hottest} is needed");
                return 0;
            },
        };
        var seed = new Option<ulong>("--seed")
        {
            Description = "Seed of the tokens that are drawn; 0 by default.",
            HelpName = "N",
            CustomParser = result =>
            {
                if (ulong.TryParse(result.Tokens[0].Value, NumberStyles.None, CultureInfo.InvariantCulture, out ulong number)) return number;
                result.AddError($"--seed is '{result.Tokens[0].Value}', but a whole number from 0 is needed");
                return 0;
            },
        };
        var tokenizer = new Option<string?>("--tokenizer") { Description = "The tokenizer's file, or its folder, where it does not lie beside the model.", HelpName = "PATH" };
        var threads = SharedOptions.Threads();
        var command = new Command("sample", "Let a language model go on with a text, and show it as it comes.") { model, text, tokens, temperature, seed, tokenizer, threads };
        command.SetAction(parsed =>
        {
            var (network, reader) = Load(parsed.GetValue(model)!, parsed.GetValue(tokenizer));
            int[] beginning = Beginning(parsed.GetValue(text)!, reader, network);
            using var backend = SharedOptions.Backend(parsed.GetValue(threads));
            int count = parsed.GetValue(tokens);
            var generator = new TextGenerator(network, backend, (int)Math.Min(int.MaxValue, (long)beginning.Length + count - 1));
            var random = new RandomSequence(parsed.GetValue(seed), NetworkStreams.Tokens);
            var sampler = new TextSampler(generator, reader);
            bool isBegun = false;
            try
            {
                foreach (string part in sampler.Write(beginning, count, parsed.GetValue(temperature), random))
                {
                    Screen.Write(part);
                    isBegun = true;
                }
            }
            finally
            {
                // What comes next, be it a complaint or a prompt, begins a line.
                if (isBegun) Screen.WriteLine("");
            }

            if (sampler.IsFull) Screen.Complain($"the context is full: the model reads at most {network.ContextLength} tokens");
            return CommandLine.Success;
        });
        return command;
    }

    private static (Transformer Network, Tokenizer Tokenizer) Load(string model, string? tokenizer)
    {
        if (tokenizer is not null && !Path.Exists(tokenizer)) throw new ConfigException($"there is no tokenizer {Quoted.Path(tokenizer)}");
        string path = Catalog.ModelAt(model);
        if (!Path.Exists(path))
            throw new ConfigException($"there is no model {Quoted.Path(path)}: name a folder that holds a config.json, a model of llama2.c, or {HubName.Prefix}owner/name");
        var network = TransformerFiles.Load(path);
        tokenizer ??= Tokenizer.Find(path, network.VocabularySize)
            ?? throw new ConfigException($"no tokenizer lies beside the model {Quoted.Path(path)}: name its file with --tokenizer");
        var reader = Tokenizer.Load(tokenizer);
        return reader.VocabularySize <= network.VocabularySize
            ? (network, reader)
            : throw new ConfigException(
                $"the tokenizer gives tokens up to {reader.VocabularySize - 1}, but the model knows {network.VocabularySize}, numbered from 0: name the tokenizer that belongs to it with --tokenizer");
    }

    private static int[] Beginning(string text, Tokenizer tokenizer, Transformer network)
    {
        int[] beginning = [.. tokenizer.Prepended, .. text.Length == 0 ? [] : tokenizer.Encode(text, addSpecialTokens: false)];
        if (beginning.Length == 0 && tokenizer.BeginningId is { } start) beginning = [start];
        if (beginning.Length == 0) throw new ConfigException("the text is empty, and the tokenizer has no token for a beginning: give some words");
        return beginning.Length <= network.ContextLength
            ? beginning
            : throw new ConfigException($"the text has {beginning.Length} tokens, but the model reads at most {network.ContextLength}: shorten it");
    }
}
