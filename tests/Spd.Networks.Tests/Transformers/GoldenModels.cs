using System.Text.Json;
using Spd.Engine.Graphs;
using Spd.Formats;
using Spd.Networks.Transformers;
using static Spd.Networks.Tests.Transformers.GoldenFiles;

namespace Spd.Networks.Tests.Transformers;

/// <summary>Recorded models as networks.</summary>
internal static class GoldenModels
{
    private const string InductionKind = "induction";

    /// <summary>What a model is: its <c>model_type</c>, or what the authors' case is called.</summary>
    public static string Kind(JsonElement recorded, string name) => recorded.GetProperty("config").TryGetProperty("model_type", out var type) ? type.GetString()!
        : name switch
        {
            "llama_simple" or "llama_simple_adjacent_pairs" => "LlamaSimple",
            "llama_simple_mlp" => "LlamaSimpleMLP",
            "gpt2_simple" => name,
            "induction_attention_only" or "induction_ff_norm_two_heads" or "induction_no_positions" => InductionKind,
            _ => throw new NotSupportedException($"the model {name} is of no known kind"),
        };

    /// <summary>The network of a case, read from a folder of the files that it would come in; one of them is composed by hand.</summary>
    public static Transformer Network(JsonElement recorded, string name, TemporaryFolder folder, Func<TransformerConfig, TransformerConfig>? configure = null)
    {
        string kind = Kind(recorded, name);
        var tensors = recorded.GetProperty("weights").EnumerateObject().Select(entry => new TensorData(entry.Name, Shape(entry.Value), Singles(entry.Value)));
        Safetensors.Write(folder["model.safetensors"], tensors);
        if (kind == "gpt2_simple")
        {
            var network = Gpt2Simple(recorded.GetProperty("config"));
            ModuleWeights.Load(folder["model.safetensors"], network);
            return network;
        }

        if (kind == InductionKind) return Induction(recorded.GetProperty("config")).Load(folder["model.safetensors"]);
        string config = recorded.GetProperty("config").GetRawText();
        File.WriteAllText(folder["config.json"], config.Contains("model_type", StringComparison.Ordinal) ? config : $"{config.TrimEnd()[..^1]}, \"model_type\": \"{kind}\"}}");
        return TransformerFiles.Load(Path.GetDirectoryName(folder["config.json"])!, configure);
    }

    /// <summary>The residual stream after each part, and attention, under the recorded names.</summary>
    public static IEnumerable<(string Name, Value[] Values, Func<float[][], float[]> Arrange)> Trace(
        Transformer network, ForwardPass pass, Value tokens, JsonElement recorded)
    {
        var stream = network.Embed(pass, tokens);
        yield return ("embed", [stream], First);
        var paths = network.NamedModules().ToDictionary(entry => entry.Module, entry => entry.Path);
        foreach (var block in network.Blocks)
        {
            var input = block.AttentionInput(pass, stream);
            var attention = block.Attention;
            int[] shape = Shape(recorded.GetProperty($"{paths[attention]}.probs"));
            var (query, key, _) = attention.Projections(pass, input);
            yield return ($"{paths[attention]}.probs", [query, key], values => AttentionPatterns.Of(values[0], values[1], shape[0], shape[2], attention));
            yield return ($"{paths[attention]}.context", [attention.Context(pass, input)], values => AttentionPatterns.ByHeads(values[0], shape[0], shape[2], shape[1]));
            yield return ($"{paths[block]}.after_attn", [block.AfterAttention(pass, stream)], First);
            yield return ($"{paths[block]}.after_mlp", [stream = block.Forward(pass, stream)], First);
        }

        yield return (recorded.TryGetProperty("norm", out _) ? "norm" : "ln_f", [network.Hidden(pass, tokens)], First);

        static float[] First(float[][] values) => values[0];
    }

    /// <summary>Queries and keys of every block, whose attention was recorded of whole models.</summary>
    public static IEnumerable<(Attention Attention, Value Query, Value Key)> Heads(Transformer network, ForwardPass pass, Value tokens)
    {
        var stream = network.Embed(pass, tokens);
        foreach (var block in network.Blocks)
        {
            var (query, key, _) = block.Attention.Projections(pass, block.AttentionInput(pass, stream));
            yield return (block.Attention, query, key);
            stream = block.Forward(pass, stream);
        }
    }

    /// <summary>What each position but the last of its sequence has.</summary>
    public static float[] WithoutLast(float[] values, int length) => [.. values.Where((_, position) => position % length != length - 1)];

    private static InductionConfig Induction(JsonElement config)
    {
        int Number(string key) => config.GetProperty(key).GetInt32();
        bool Flag(string key) => config.GetProperty(key).GetBoolean();
        return new InductionConfig
        {
            VocabSize = Number("vocab_size"),
            SeqLen = Number("seq_len"),
            DModel = Number("d_model"),
            NHeads = Number("n_heads"),
            NLayers = Number("n_layers"),
            FfFanout = Number("ff_fanout"),
            UseFf = Flag("use_ff"),
            UsePosEncoding = Flag("use_pos_encoding"),
            UseLayerNorm = Flag("use_layer_norm"),
        };
    }

    /// <summary>The authors' GPT2Simple, of which no file says what it is, put together as anybody can.</summary>
    private static Transformer Gpt2Simple(JsonElement config)
    {
        int Number(string key) => config.GetProperty(key).GetInt32();
        int width = Number("n_embd");
        var embedding = new Embedding(Number("vocab_size"), width);
        return new Transformer(
            ("wte", embedding), ("wpe", new Embedding(Number("block_size"), width)),
            [.. Enumerable.Range(0, Number("n_layer")).Select(layer => ($"h.{layer}", new TransformerBlock(
                ("ln_1", new LayerNorm(width)),
                ("attn", new Attention(width, new AttentionOptions { Heads = Number("n_head"), HasBias = true, HasOutputBias = true })),
                ("ln_2", new LayerNorm(width)),
                ("mlp", new FeedForward(("c_fc", new Linear(width, 4 * width)), ActivationName.GeluTanh, ("down_proj", new Linear(4 * width, width)))))))],
            ("ln_f", new LayerNorm(width)), ("lm_head", Linear.TransposeOf(embedding, bias: false)), Number("block_size"));
    }
}
