using System.Text.RegularExpressions;
using Spd.Formats;
using Spd.Networks;
using Spd.Networks.Transformers;
using Spd.Runs.Configuration;
using Spd.Text;

namespace Spd.Runs.Targets;

/// <summary>The configuration of an experiment on a language model: that of the shipped one, with the model, the matrices of its middle block, and its sizes.</summary>
public sealed class LanguageModelDraft
{
    /// <summary>The shipped experiment that it is drafted after.</summary>
    public const string Example = "lm_stories260K";

    private const int SubcomponentsPerRank = 3, LongestSequence = 256, Sequences = 2;

    private readonly string _example;
    private readonly Transformer _network;
    private readonly IReadOnlyList<(string Site, Linear Linear)> _maps;

    private LanguageModelDraft(string example, Transformer network, string? tokenizer)
    {
        (_example, _network, Tokenizer) = (example, network, tokenizer);
        var middle = network.Blocks[network.Blocks.Count / 2];
        string block = network.NamedModules().Single(entry => entry.Module == middle).Path;
        _maps = [.. middle.LinearMaps().Select(map => ($"{block}.{map.Path}", map.Linear))];
    }

    private int Length => Math.Min(LongestSequence, _network.ContextLength);

    /// <summary>The linear maps that are decomposed.</summary>
    public IReadOnlyList<string> Sites => [.. _maps.Select(map => map.Site)];

    /// <summary>The tokenizer that lies beside the model; null where there is none.</summary>
    public string? Tokenizer { get; }

    /// <summary>Looks at a model.</summary>
    /// <param name="path">The model's folder, or its file of llama2.c.</param>
    /// <param name="example">The file of <see cref="Example"/>.</param>
    /// <exception cref="FileContentException">It is no model that can be loaded; one sentence says why.</exception>
    /// <exception cref="IOException">A file is missing or cannot be read.</exception>
    public static LanguageModelDraft Of(string path, string example)
    {
        var network = TransformerFiles.Load(path);
        return new LanguageModelDraft(File.ReadAllText(example).ReplaceLineEndings("\n"), network, Text.Tokenizer.Find(path, network.VocabularySize));
    }

    /// <summary>Makes sure that a text can be read and is long enough: some of it held out, and some left. No more of it is read than that takes.</summary>
    /// <param name="text">The text.</param>
    /// <param name="column">The column or key with the texts; null for the usual.</param>
    /// <exception cref="FileContentException">It cannot be read, has no such column, or is too short; one sentence says which.</exception>
    /// <exception cref="IOException">It is missing.</exception>
    public void RequireText(string text, string? column)
    {
        int needed = Sequences * Length;
        var tokenizer = Tokenizer is null ? null : Spd.Text.Tokenizer.Load(Tokenizer);
        long found = 0;
        foreach (var part in TextFiles.Read(TextFiles.Find(text), column))
        {
            // A token has a letter at least, where it is not known how many.
            found += tokenizer?.Encode(part.Text, addSpecialTokens: true).Length ?? part.Text.Length;
            if (found >= needed) return;
        }

        throw new FileContentException(found == 0
            ? $"there is no text in {Quoted.Path(text)}: name another file with --text"
            : $"the text in {Quoted.Path(text)} has {found} {(tokenizer is null ? "letters" : "tokens")}, fewer than {Sequences} sequences of {Length} tokens, one to train on and one to measure on: use more text");
    }

    /// <summary>The configuration as YAML, with comments where something is to be decided.</summary>
    /// <param name="model">The path or hub's name by which it is to name the model.</param>
    /// <param name="tokenizer">That of the tokenizer; null where it is to be filled in.</param>
    /// <param name="text">That of the text; null where it is to be filled in.</param>
    /// <param name="column">The column or key with the texts; null for the usual.</param>
    public string ToYaml(string model, string? tokenizer, string? text, string? column = null)
    {
        string yaml = _example;
        Put("description: ", MlpDraft.Scalar($"a language model of {_network.NamedParameters().Sum(entry => (long)entry.Parameter.Count)} weights, the matrices of one block"));
        Put("C: ", $"# C of each: {SubcomponentsPerRank} times the largest rank that it can have, about what the shipped experiment has for its own.\nC: {Counts()}", isWhole: true);
        Put("- ", string.Join("\n- ", Sites.Select(MlpDraft.Scalar)));
        Put("  max_seq_len: ", $"{Length}");
        Put("  model: ", MlpDraft.Scalar(model));
        Put("  tokenizer: ", tokenizer is null ? "path/to/tokenizer.json   # TO DECIDE: none lies beside the model" : MlpDraft.Scalar(tokenizer));
        Put("    text: ", text is null ? "path/to/text   # TO DECIDE: a file, a folder of files, or a pattern" : MlpDraft.Scalar(text) + (column is null ? "" : $"\n    column: {MlpDraft.Scalar(column)}"));
        return $"# Drafted after the shipped experiment {Example}, for whose model the numbers were chosen: try others.\n{yaml}";

        void Put(string key, string value, bool isWhole = false)
        {
            var line = new Regex($"^{Regex.Escape(key)}.*$", RegexOptions.Multiline);
            if (line.Count(yaml) != 1) throw new ConfigException($"the shipped experiment {Example} has been changed: it must have one line that begins with {Quoted.Of(key)}");
            yaml = line.Replace(yaml, _ => isWhole ? value : key + value);
        }
    }

    private string Counts()
    {
        var counts = _maps.Select(map => (map.Site, C: SubcomponentsPerRank * Math.Min(map.Linear.Inputs, map.Linear.Outputs))).ToList();
        return counts.TrueForAll(each => each.C == counts[0].C)
            ? $"{counts[0].C}"
            : $"{{{string.Join(", ", counts.Select(each => $"{MlpDraft.Scalar(each.Site)}: {each.C}"))}}}";
    }
}
