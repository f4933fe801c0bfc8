using System.ComponentModel.DataAnnotations;
using System.Text.Json.Nodes;

namespace Spd.Networks.Transformers;

/// <summary>
/// The shape of a GPT-2 of Hugging Face (<c>model_type: gpt2</c>): <c>transformer.h.N.attn.c_attn</c>, <c>attn.c_proj</c>, <c>mlp.c_fc</c>, <c>mlp.c_proj</c>,
/// all stored as <c>[d_in, d_out]</c>, learnt positions, norms before each.
/// </summary>
public sealed record Gpt2Config : TransformerConfig
{
    private static readonly string[] SplitMaps = [".c_attn.q.", ".c_attn.k.", ".c_attn.v."];

    /// <summary>Tokens of the vocabulary.</summary>
    [Range(1, 1 << 24)]
    public required int VocabSize { get; init; }

    /// <summary>The longest sequence.</summary>
    [Range(1, 1 << 24)]
    public required int NPositions { get; init; }

    /// <summary>Width of the residual stream.</summary>
    [Range(1, 1 << 20)]
    public required int NEmbd { get; init; }

    /// <summary>Blocks.</summary>
    [Range(1, 10_000)]
    public required int NLayer { get; init; }

    /// <summary>Heads.</summary>
    [Range(1, 100_000)]
    public required int NHead { get; init; }

    /// <summary>Neurons of a block's MLP; null for four times the width.</summary>
    [Range(1, 1 << 20)]
    public int? NInner { get; init; }

    /// <summary>ε of the norms.</summary>
    [Positive]
    public double LayerNormEpsilon { get; init; } = 1e-5;

    /// <summary>The activation function of the neurons.</summary>
    public ActivationName ActivationFunction { get; init; } = ActivationName.GeluTanh;

    /// <summary>Whether scores are divided by the root of a head's width.</summary>
    public bool ScaleAttnWeights { get; init; } = true;

    /// <summary>Whether the head's matrix is the embedding's.</summary>
    public bool TieWordEmbeddings { get; init; } = true;

    /// <summary>
    /// Whether <c>c_attn</c>, which makes queries, keys and values at once, is three linear maps, <c>c_attn.q</c>, <c>c_attn.k</c> and <c>c_attn.v</c>; the numbers
    /// are the same. No configuration of Hugging Face says so.
    /// </summary>
    public bool HasSplitAttention { get; init; }

    /// <inheritdoc/>
    public override string ClassName => "transformers.GPT2LMHeadModel";

    private protected override string Prefix => "transformer.";

    private protected override IReadOnlyList<string> Buffers => [".attn.bias", ".attn.masked_bias"];

    private protected override double Weights =>
        ((double)VocabSize + NPositions) * NEmbd + (double)NLayer * NEmbd * (4.0 * NEmbd + 2.0 * Neurons);

    private int Neurons => NInner ?? 4 * NEmbd;

    /// <inheritdoc/>
    public override Transformer Build()
    {
        Check();
        var embedding = new Embedding(VocabSize, NEmbd);
        var attention = new AttentionOptions
        {
            Heads = NHead,
            Scale = ScaleAttnWeights ? null : 1,
            HasBias = true,
            HasOutputBias = true,
            IsTransposed = true,
            Fused = HasSplitAttention ? null : "c_attn",
            Query = "c_attn.q",
            Key = "c_attn.k",
            Value = "c_attn.v",
            Output = "c_proj",
        };
        return new Transformer(
            ("transformer.wte", embedding), ("transformer.wpe", new Embedding(NPositions, NEmbd)),
            [.. Enumerable.Range(0, NLayer).Select(layer => ($"transformer.h.{layer}", new TransformerBlock(
                ("ln_1", new LayerNorm(NEmbd, LayerNormEpsilon)), ("attn", new Attention(NEmbd, attention)),
                ("ln_2", new LayerNorm(NEmbd, LayerNormEpsilon)), ("mlp", new FeedForward(
                    ("c_fc", new Linear(NEmbd, Neurons, isTransposed: true)), ActivationFunction, ("c_proj", new Linear(Neurons, NEmbd, isTransposed: true)))))))],
            ("transformer.ln_f", new LayerNorm(NEmbd, LayerNormEpsilon)), ("lm_head", Head(embedding, TieWordEmbeddings)), NPositions);
    }

    internal override void Check()
    {
        base.Check();
        ThrowIfIndivisible("n_embd", NEmbd, "n_head", NHead);
    }

    internal static Gpt2Config Read(ConfigFields fields)
    {
        fields.Ignore("n_ctx", "reorder_and_upcast_attn");
        fields.Expect("scale_attn_by_inverse_layer_idx", "false");
        return new Gpt2Config
        {
            VocabSize = fields.Integer("vocab_size"),
            NPositions = fields.Integer("n_positions"),
            NEmbd = fields.Integer("n_embd"),
            NLayer = fields.Integer("n_layer"),
            NHead = fields.Integer("n_head"),
            NInner = fields.OptionalInteger("n_inner"),
            LayerNormEpsilon = fields.Number("layer_norm_epsilon", 1e-5),
            ActivationFunction = fields.Activation("activation_function", "gelu_new"),
            ScaleAttnWeights = fields.Flag("scale_attn_weights", true),
            TieWordEmbeddings = fields.Flag("tie_word_embeddings", true),
        };
    }

    internal override JsonObject ToJson() => new()
    {
        ["architectures"] = new JsonArray("GPT2LMHeadModel"),
        ["model_type"] = "gpt2",
        ["vocab_size"] = VocabSize,
        ["n_positions"] = NPositions,
        ["n_embd"] = NEmbd,
        ["n_layer"] = NLayer,
        ["n_head"] = NHead,
        ["n_inner"] = NInner,
        ["layer_norm_epsilon"] = ConfigFields.Real(LayerNormEpsilon),
        ["activation_function"] = ConfigFields.NameOf(ActivationFunction),
        ["scale_attn_weights"] = ScaleAttnWeights,
        ["tie_word_embeddings"] = TieWordEmbeddings,
    };

    /// <summary>Queries, keys and values lie side by side in one matrix, and one behind the other in one bias.</summary>
    private protected override StoredParameter StoredAs(StoredParameter own)
    {
        foreach (var (i, part) in SplitMaps.Index())
        {
            if (!own.Name.Contains(part, StringComparison.Ordinal)) continue;
            string name = own.Name.Replace(part, ".c_attn.", StringComparison.Ordinal);
            return new StoredParameter(name, [.. own.Shape.SkipLast(1), 3 * NEmbd], place => (3 * (place / NEmbd) + i) * NEmbd + place % NEmbd);
        }

        return base.StoredAs(own);
    }
}
