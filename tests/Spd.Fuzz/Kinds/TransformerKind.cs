using System.Text;
using Spd.Networks;
using Spd.Networks.Transformers;

namespace Spd.Fuzz.Kinds;

/// <summary>The configurations of transformers, each in a folder with the weights of what it says unharmed.</summary>
internal sealed class TransformerKind() : FuzzKind("transformer")
{
    private static readonly (string Name, string Config)[] Good =
    [
        ("gpt2.json", """{"model_type": "gpt2", "vocab_size": 5, "n_positions": 6, "n_embd": 4, "n_layer": 2, "n_head": 2, "n_inner": null, "resid_pdrop": 0.1}"""),
        ("gpt_neo.json", """{"model_type": "gpt_neo", "vocab_size": 5, "max_position_embeddings": 6, "hidden_size": 4, "num_layers": 2, "num_heads": 2, "window_size": 3, "attention_layers": ["global", "local"], "attention_types": [[["global", "local"], 1]]}"""),
        ("llama.json", """{"model_type": "llama", "vocab_size": 5, "max_position_embeddings": 6, "hidden_size": 4, "intermediate_size": 3, "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 2, "rope_theta": 10000.0, "rope_scaling": null, "hidden_act": "silu", "tie_word_embeddings": true, "rope_parameters": {"rope_type": "default"}}"""),
        ("simple.json", """{"model_type": "LlamaSimpleMLP", "vocab_size": 5, "block_size": 6, "n_ctx": 6, "n_embd": 4, "n_intermediate": 3, "n_layer": 1, "n_head": 2, "rotary_dim": 2, "flash_attention": true}"""),
    ];

    protected override IReadOnlyList<byte[]> Words { get; } = Texts(
        "{", "}", "[", "]", ",", ":", "null", "true", "false", "0", "-1", "1", "1e999", "2147483648", "1048576", "0.5", "\"gpt2\"", "\"llama\"", "\"gpt_neo\"", "\"LlamaSimple\"",
        "\"model_type\":", "\"n_layer\":", "\"n_embd\":", "\"hidden_size\":", "\"head_dim\":", "\"attention_types\":", "[[[\"global\"],2147483647]]", "\"rope_scaling\":", "\"\\ud800\"",
        "\\u001b[2J", "\u202e", "\"tie_word_embeddings\":false", "\"pruned_heads\":{}", "\"more\":1");

    protected override IEnumerable<Sample> MakeCorpus()
    {
        foreach (var (name, config) in Good)
        {
            var sample = new Sample(name, Encoding.UTF8.GetBytes(config));
            string folder = FolderOf(sample);
            Directory.CreateDirectory(folder);
            File.WriteAllBytes(Path.Combine(folder, "config.json"), sample.Bytes);
            ModuleWeights.Save(Path.Combine(folder, "model.safetensors"), TransformerFiles.ReadConfig(folder).Build());
            yield return sample;
        }
    }

    public override void Try(Sample sample)
    {
        _ = Corpus;
        File.WriteAllBytes(Path.Combine(FolderOf(sample), "config.json"), sample.Bytes);
        Read(FolderOf(sample));
    }

    protected override void Read(string path) => TransformerFiles.Load(path);

    private string FolderOf(Sample sample) => Path.Combine(Folder, Path.GetFileNameWithoutExtension(sample.Name));
}
