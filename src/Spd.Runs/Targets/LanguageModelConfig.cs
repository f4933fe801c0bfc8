using System.ComponentModel.DataAnnotations;
using Spd.Formats;
using Spd.Networks;
using Spd.Networks.Transformers;
using Spd.Text;

namespace Spd.Runs.Targets;

/// <summary>The text that a language model is decomposed on (<c>target: data:</c>).</summary>
public sealed record TextConfig
{
    /// <summary>A file, a folder of files, or a pattern: plain text, a JSON array, JSON lines or Parquet.</summary>
    public string Text { get; init; } = "";

    /// <summary>The column or key with the texts; null for the usual.</summary>
    public string? Column { get; init; }

    /// <summary>The share of the sequences that the decomposition is measured on and not trained on.</summary>
    [Range(0.0, 1.0, MinimumIsExclusive = true, MaximumIsExclusive = true)]
    public double HeldOutShare { get; init; } = 0.1;
}

/// <summary>A language model that was trained elsewhere: its weights, its tokenizer and its text are read from files.</summary>
public sealed record LanguageModelConfig : TargetConfig
{
    /// <summary>The dotted key of the text.</summary>
    internal const string TextKey = "target.data.text";

    /// <summary>What the classes of Hugging Face's library begin with.</summary>
    internal const string HuggingFace = "transformers.";

    public override TargetKind Kind => LanguageModelTarget.Instance;

    /// <summary>The hub's name of the model, where it came from one.</summary>
    public string? Hub { get; init; }

    /// <summary>The tokenizer's file, or a folder that holds it; null for the model's folder.</summary>
    public string? Tokenizer { get; init; }

    /// <summary>
    /// Whether the matrix that makes queries, keys and values in one, as GPT-2 has it, is taken for three: where a pattern of <c>target_module_patterns</c> names
    /// <c>c_attn.q</c>, <c>.k</c> or <c>.v</c>.
    /// </summary>
    public bool SplitAttention { get; init; }

    /// <summary>The text.</summary>
    public TextConfig Data { get; init; } = new();

    /// <summary>Tokens of a sequence that the network is tried on; those of <c>task_config.max_seq_len</c>.</summary>
    public int TriedLength { get; init; } = new TaskConfig().MaxSeqLen;

    /// <summary>Where the tokens of the text are kept.</summary>
    public string TokenFolder { get; init; } = "";

    /// <summary>Is told how far the making of tokens is.</summary>
    public IProgress<TokenCacheProgress>? Tokenizing { get; init; }

    /// <summary>What Hugging Face's library loads the model by: its name at a hub, or its folder; null for a file of llama2.c.</summary>
    internal string? PyTorchName => Hub is not null ? HubName.Parse(Hub).Repository : Directory.Exists(Load) ? Load : null;

    /// <summary>What it loads the tokenizer by.</summary>
    internal string? PyTorchTokenizer => Tokenizer ?? PyTorchName;

    // Tokens are one feature: their number.
    public override int Features => 1;

    public override IReadOnlyDictionary<string, string> Files
    {
        get
        {
            var files = new Dictionary<string, string>();
            // The weights are kept in the run; what they are the weights of, is not.
            if (Load is not null) files["target.model"] = Directory.Exists(Load) ? Path.Combine(Load, TransformerFiles.ConfigName) : Load;
            string tokenizer = Tokenizer ?? Load ?? "";
            files["target.tokenizer"] = Directory.Exists(tokenizer) ? Path.Combine(tokenizer, Spd.Text.Tokenizer.FileName) : tokenizer;
            var texts = TextFiles.AreNamedBy(Data.Text) ? TextFiles.Find(Data.Text) : [Data.Text];
            foreach (var (i, path) in texts.Index()) files[texts.Count == 1 ? TextKey : $"{TextKey}.{i}"] = path;
            return files;
        }
    }

    public override Module Build() => Changed(TransformerFiles.ReadConfig(Load!)).Build();

    /// <summary>A configuration as the network is to be built.</summary>
    internal TransformerConfig Changed(TransformerConfig config) => config is Gpt2Config gpt2 ? gpt2 with { HasSplitAttention = SplitAttention } : config;

    public bool Equals(LanguageModelConfig? other) => base.Equals(other);

    public override int GetHashCode() => base.GetHashCode();
}
