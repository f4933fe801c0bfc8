using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Spd.Formats;

namespace Spd.Networks.Transformers;

/// <summary>
/// The shape of a Llama of Hugging Face (<c>model_type: llama</c>): <c>model.layers.N.self_attn.q_proj</c>, <c>mlp.gate_proj</c>; RMSNorm, rotary positions,
/// heads that share keys and values, SwiGLU.
/// </summary>
public sealed record LlamaConfig : TransformerConfig
{
    /// <summary>Tokens of the vocabulary.</summary>
    [Range(1, 1 << 24)]
    public required int VocabSize { get; init; }

    /// <summary>The longest sequence.</summary>
    [Range(1, 1 << 24)]
    public required int MaxPositionEmbeddings { get; init; }

    /// <summary>Width of the residual stream.</summary>
    [Range(1, 1 << 20)]
    public required int HiddenSize { get; init; }

    /// <summary>Neurons of a block's MLP.</summary>
    [Range(1, 1 << 20)]
    public required int IntermediateSize { get; init; }

    /// <summary>Blocks.</summary>
    [Range(1, 10_000)]
    public required int NumHiddenLayers { get; init; }

    /// <summary>Heads.</summary>
    [Range(1, 100_000)]
    public required int NumAttentionHeads { get; init; }

    /// <summary>Heads of keys and values; null for as many as heads.</summary>
    [Range(1, 100_000)]
    public int? NumKeyValueHeads { get; init; }

    /// <summary>Features of a head; null for the width divided among the heads.</summary>
    [Range(1, 1 << 20)]
    public int? HeadDim { get; init; }

    /// <summary>ε of the norms.</summary>
    [Positive]
    public double RmsNormEps { get; init; } = 1e-6;

    /// <summary>The base of rotary positions.</summary>
    [Positive]
    public double RopeTheta { get; init; } = 10_000;

    /// <summary>The activation function of the gates.</summary>
    public ActivationName HiddenAct { get; init; } = ActivationName.Silu;

    /// <summary>Whether the head's matrix is the embedding's.</summary>
    public bool TieWordEmbeddings { get; init; }

    /// <summary>Whether the linear maps of attention have biases.</summary>
    public bool AttentionBias { get; init; }

    /// <summary>Whether those of the MLPs have.</summary>
    public bool MlpBias { get; init; }

    /// <inheritdoc/>
    public override string ClassName => "transformers.LlamaForCausalLM";

    private protected override string Prefix => "model.";

    private protected override IReadOnlyList<string> Buffers => [".rotary_emb.inv_freq"];

    private protected override double Weights => (TieWordEmbeddings ? 1.0 : 2.0) * VocabSize * HiddenSize + (double)NumHiddenLayers * HiddenSize
        * (2.0 * HeadWidth * NumAttentionHeads + 2.0 * HeadWidth * KeyHeads + 3.0 * IntermediateSize);

    private int KeyHeads => NumKeyValueHeads ?? NumAttentionHeads;

    private int HeadWidth => HeadDim ?? HiddenSize / NumAttentionHeads;

    /// <inheritdoc/>
    public override Transformer Build()
    {
        Check();
        var embedding = new Embedding(VocabSize, HiddenSize);
        var attention = new AttentionOptions
        {
            Heads = NumAttentionHeads,
            KeyHeads = KeyHeads,
            HeadWidth = HeadWidth,
            RotaryBase = RopeTheta,
            HasBias = AttentionBias,
            HasOutputBias = AttentionBias,
        };
        return new Transformer(
            ("model.embed_tokens", embedding), null,
            [.. Enumerable.Range(0, NumHiddenLayers).Select(layer => ($"model.layers.{layer}", new TransformerBlock(
                ("input_layernorm", new RmsNorm(HiddenSize, RmsNormEps)), ("self_attn", new Attention(HiddenSize, attention)),
                ("post_attention_layernorm", new RmsNorm(HiddenSize, RmsNormEps)), ("mlp", new GatedMlp(HiddenSize, IntermediateSize, HiddenAct, MlpBias)))))],
            ("model.norm", new RmsNorm(HiddenSize, RmsNormEps)), ("lm_head", Head(embedding, TieWordEmbeddings)), MaxPositionEmbeddings);
    }

    internal override void Check()
    {
        base.Check();
        if (HeadDim is null) ThrowIfIndivisible("hidden_size", HiddenSize, "num_attention_heads", NumAttentionHeads);
        ThrowIfIndivisible("num_attention_heads", NumAttentionHeads, "num_key_value_heads", KeyHeads);
        ThrowIfOdd("head_dim", HeadWidth);
    }

    internal static LlamaConfig Read(ConfigFields fields)
    {
        // In how many parts a matrix was multiplied, and what other programs note.
        fields.Ignore("pretraining_tp", "is_llama_config", "transformers.js_config");
        fields.Expect("rope_interleaved", "false");
        return new LlamaConfig
        {
            VocabSize = fields.Integer("vocab_size"),
            MaxPositionEmbeddings = fields.Integer("max_position_embeddings"),
            HiddenSize = fields.Integer("hidden_size"),
            IntermediateSize = fields.Integer("intermediate_size"),
            NumHiddenLayers = fields.Integer("num_hidden_layers"),
            NumAttentionHeads = fields.Integer("num_attention_heads"),
            NumKeyValueHeads = fields.OptionalInteger("num_key_value_heads"),
            HeadDim = fields.OptionalInteger("head_dim"),
            RmsNormEps = fields.Number("rms_norm_eps", 1e-6),
            RopeTheta = RotaryBase(fields),
            HiddenAct = fields.Activation("hidden_act", "silu"),
            TieWordEmbeddings = fields.Flag("tie_word_embeddings", false),
            AttentionBias = fields.Flag("attention_bias", false),
            MlpBias = fields.Flag("mlp_bias", false),
        };
    }

    internal override JsonObject ToJson() => new()
    {
        ["architectures"] = new JsonArray("LlamaForCausalLM"),
        ["model_type"] = "llama",
        ["vocab_size"] = VocabSize,
        ["max_position_embeddings"] = MaxPositionEmbeddings,
        ["hidden_size"] = HiddenSize,
        ["intermediate_size"] = IntermediateSize,
        ["num_hidden_layers"] = NumHiddenLayers,
        ["num_attention_heads"] = NumAttentionHeads,
        ["num_key_value_heads"] = KeyHeads,
        ["head_dim"] = HeadWidth,
        ["rms_norm_eps"] = ConfigFields.Real(RmsNormEps),
        ["rope_theta"] = ConfigFields.Real(RopeTheta),
        ["hidden_act"] = ConfigFields.NameOf(HiddenAct),
        ["tie_word_embeddings"] = TieWordEmbeddings,
        ["attention_bias"] = AttentionBias,
        ["mlp_bias"] = MlpBias,
    };

    /// <summary>The configuration of a model of llama2.c, whose file says the sizes; the rest is fixed in that program.</summary>
    internal static LlamaConfig Of(WeightFile file)
    {
        var shapes = file.Tensors.ToDictionary(tensor => tensor.Name, tensor => tensor.Shape);
        return new LlamaConfig
        {
            VocabSize = shapes["model.embed_tokens.weight"][0],
            MaxPositionEmbeddings = Number("seq_len"),
            HiddenSize = shapes["model.embed_tokens.weight"][1],
            IntermediateSize = shapes["model.layers.0.mlp.gate_proj.weight"][0],
            NumHiddenLayers = shapes.Keys.Count(name => name.EndsWith(".mlp.gate_proj.weight", StringComparison.Ordinal)),
            NumAttentionHeads = Number("n_heads"),
            NumKeyValueHeads = Number("n_kv_heads"),
            RmsNormEps = 1e-5,
            TieWordEmbeddings = !shapes.ContainsKey("lm_head.weight"),
        };

        int Number(string key) => int.Parse(file.Metadata[key], CultureInfo.InvariantCulture);
    }

    /// <summary>The base of rotary positions, which newer configurations have among <c>rope_parameters</c>; positions that are scaled are refused.</summary>
    private static double RotaryBase(ConfigFields fields)
    {
        double rotaryBase = fields.Number("rope_theta", 10_000);
        foreach (string name in new[] { "rope_scaling", "rope_parameters" })
        {
            if (fields.Find(name) is not { } field) continue;
            if (field.ValueKind != JsonValueKind.Object) throw fields.Unsupported(name, field);
            foreach (var part in field.EnumerateObject())
            {
                bool isPlain = part.Name is "rope_type" or "type" && part.Value.ValueKind == JsonValueKind.String && part.Value.GetString() == "default";
                bool isBase = part.Name == "rope_theta" && part.Value.ValueKind == JsonValueKind.Number;
                if (isBase && part.Value.GetDouble() is > 0 and < double.PositiveInfinity and var value) rotaryBase = value;
                else if (!isPlain) throw fields.Unsupported(name, field);
            }
        }

        return rotaryBase;
    }
}
