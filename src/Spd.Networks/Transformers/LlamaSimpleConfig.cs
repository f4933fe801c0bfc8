using System.ComponentModel.DataAnnotations;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Spd.Networks.Transformers;

/// <summary>
/// The shape of the small language models that parameter decomposition is tried on (<c>model_type: LlamaSimpleMLP</c>, or <c>LlamaSimple</c> with gated MLPs):
/// <c>h.N.attn.q_proj</c>, <c>h.N.mlp.c_fc</c>, <c>down_proj</c>; RMSNorm, rotary positions over whole heads, heads that share keys and values, no biases.
/// </summary>
public sealed record LlamaSimpleConfig : TransformerConfig
{
    /// <summary>The <c>model_type</c> with gated MLPs, and without.</summary>
    internal const string Gated = "LlamaSimple", Plain = "LlamaSimpleMLP";

    /// <summary>Tokens of the vocabulary.</summary>
    [Range(1, 1 << 24)]
    public required int VocabSize { get; init; }

    /// <summary>The longest sequence.</summary>
    [Range(1, 1 << 24)]
    public required int BlockSize { get; init; }

    /// <summary>Width of the residual stream.</summary>
    [Range(1, 1 << 20)]
    public required int NEmbd { get; init; }

    /// <summary>Neurons of a block's MLP.</summary>
    [Range(1, 1 << 20)]
    public required int NIntermediate { get; init; }

    /// <summary>Blocks.</summary>
    [Range(1, 10_000)]
    public required int NLayer { get; init; }

    /// <summary>Heads.</summary>
    [Range(1, 100_000)]
    public required int NHead { get; init; }

    /// <summary>Heads of keys and values; null for as many as heads.</summary>
    [Range(1, 100_000)]
    public int? NKeyValueHeads { get; init; }

    /// <summary>ε of the norms.</summary>
    [Positive]
    public double RmsNormEps { get; init; } = 1e-6;

    /// <summary>The base of rotary positions.</summary>
    [Positive]
    public double RotaryBase { get; init; } = 10_000;

    /// <summary>Whether rotary positions turn pairs of neighbours.</summary>
    public bool RotaryAdjacentPairs { get; init; }

    /// <summary>Whether the MLPs are gated, as in LlamaSimple.</summary>
    public bool HasGatedMlp { get; init; }

    /// <inheritdoc/>
    public override string ClassName => HasGatedMlp ? "spd.pretrain.models.llama_simple.LlamaSimple" : "spd.pretrain.models.llama_simple_mlp.LlamaSimpleMLP";

    private protected override IReadOnlyList<string> Buffers => [".rotary_sin", ".rotary_cos", ".attn.bias"];

    private protected override double Weights => (double)VocabSize * NEmbd
        + (double)NLayer * NEmbd * (2.0 * NEmbd + 2.0 * (NEmbd / NHead) * KeyHeads + (HasGatedMlp ? 3.0 : 2.0) * NIntermediate);

    private int KeyHeads => NKeyValueHeads ?? NHead;

    /// <inheritdoc/>
    public override Transformer Build()
    {
        Check();
        var embedding = new Embedding(VocabSize, NEmbd);
        var attention = new AttentionOptions { Heads = NHead, KeyHeads = KeyHeads, RotaryBase = RotaryBase, HasAdjacentPairs = RotaryAdjacentPairs };
        return new Transformer(
            ("wte", embedding), null,
            [.. Enumerable.Range(0, NLayer).Select(layer => ($"h.{layer}", new TransformerBlock(
                ("rms_1", new RmsNorm(NEmbd, RmsNormEps)), ("attn", new Attention(NEmbd, attention)),
                ("rms_2", new RmsNorm(NEmbd, RmsNormEps)), ("mlp", Mlp()))))],
            ("ln_f", new RmsNorm(NEmbd, RmsNormEps)), ("lm_head", Head(embedding, isTied: true)), BlockSize);

        Module Mlp() => HasGatedMlp
            ? new GatedMlp(NEmbd, NIntermediate)
            : new FeedForward(
                ("c_fc", new Linear(NEmbd, NIntermediate, bias: false)), ActivationName.GeluTanh, ("down_proj", new Linear(NIntermediate, NEmbd, bias: false)));
    }

    internal override void Check()
    {
        base.Check();
        ThrowIfIndivisible("n_embd", NEmbd, "n_head", NHead);
        ThrowIfIndivisible("n_head", NHead, "n_key_value_heads", KeyHeads);
        ThrowIfOdd("the width of a head", NEmbd / NHead);
    }

    /// <summary>The fields of the authors' own configurations, which refuse others.</summary>
    internal override JsonObject ToJson() => new()
    {
        ["model_type"] = HasGatedMlp ? Gated : Plain,
        ["vocab_size"] = VocabSize,
        ["block_size"] = BlockSize,
        ["n_ctx"] = BlockSize,
        ["n_embd"] = NEmbd,
        ["n_intermediate"] = NIntermediate,
        ["n_layer"] = NLayer,
        ["n_head"] = NHead,
        ["n_key_value_heads"] = KeyHeads,
        ["use_grouped_query_attention"] = true,
        ["rms_norm_eps"] = ConfigFields.Real(RmsNormEps),
        ["rotary_base"] = ConfigFields.Real(RotaryBase),
        ["rotary_dim"] = NEmbd / NHead,
        ["rotary_adjacent_pairs"] = RotaryAdjacentPairs,
        ["attn_bias"] = false,
        ["mlp_bias"] = false,
    };

    internal static LlamaSimpleConfig Read(ConfigFields fields, bool hasGatedMlp)
    {
        fields.Ignore("flash_attention");
        fields.Expect("attn_bias", "false");
        fields.Expect("mlp_bias", "false");
        fields.Expect("use_grouped_query_attention", "true");
        var config = new LlamaSimpleConfig
        {
            VocabSize = fields.Integer("vocab_size"),
            BlockSize = fields.Integer("block_size"),
            NEmbd = fields.Integer("n_embd"),
            NIntermediate = fields.Integer("n_intermediate"),
            NLayer = fields.Integer("n_layer"),
            NHead = fields.Integer("n_head"),
            NKeyValueHeads = fields.OptionalInteger("n_key_value_heads"),
            RmsNormEps = fields.Number("rms_norm_eps", 1e-6),
            RotaryBase = fields.Number("rotary_base", 10_000),
            RotaryAdjacentPairs = fields.Flag("rotary_adjacent_pairs", false),
            HasGatedMlp = hasGatedMlp,
        };
        ExpectEqual("n_ctx", config.BlockSize);
        ExpectEqual("rotary_dim", config.NEmbd / config.NHead);
        return config;

        void ExpectEqual(string name, int value)
        {
            if (fields.Find(name) is { } field && !(field.ValueKind == JsonValueKind.Number && field.TryGetInt32(out int said) && said == value))
                throw fields.Unsupported(name, field);
        }
    }
}
