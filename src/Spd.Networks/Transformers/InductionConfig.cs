using System.ComponentModel.DataAnnotations;

namespace Spd.Networks.Transformers;

/// <summary>
/// The shape of the authors' toy of induction heads, and its state dict: <c>token_embed</c>, <c>blocks.N.attn.{q,k,v,out}_proj</c>, <c>unembed</c>, and, where it
/// has them, <c>blocks.N.ff.fc1</c>, <c>fc2</c>, <c>ln1</c>, <c>ln2</c> and <c>ln_f</c>. Sinusoidal positions are added to queries and keys alone, and norms stand
/// behind the sums (Christensen and Riggs, "Decomposition of Small Transformer Models", 2025).
/// </summary>
public sealed record InductionConfig : TransformerConfig
{
    // Before the vocabulary's own tokens, and behind them.
    private const int SpecialTokens = 2;

    /// <summary>Tokens of the vocabulary, besides the first and the one that asks.</summary>
    [Range(2, 1 << 20)]
    public required int VocabSize { get; init; }

    /// <summary>The longest sequence.</summary>
    [Range(5, 1 << 16)]
    public required int SeqLen { get; init; }

    /// <summary>Width of the residual stream.</summary>
    [Range(1, 1 << 16)]
    public required int DModel { get; init; }

    /// <summary>Heads.</summary>
    [Range(1, 1 << 16)]
    public required int NHeads { get; init; }

    /// <summary>Blocks.</summary>
    [Range(1, 1000)]
    public required int NLayers { get; init; }

    /// <summary>Neurons of a block's MLP for each feature of the stream.</summary>
    [Range(1, 1000)]
    public required int FfFanout { get; init; }

    /// <summary>Whether blocks have MLPs.</summary>
    public required bool UseFf { get; init; }

    /// <summary>Whether queries and keys have positions.</summary>
    public required bool UsePosEncoding { get; init; }

    /// <summary>Whether the residual stream is normalised.</summary>
    public required bool UseLayerNorm { get; init; }

    /// <summary>The token that every sequence begins with.</summary>
    public static int FirstToken => 0;

    /// <summary>The token that asks for what followed it before.</summary>
    public int InductionToken => VocabSize + 1;

    private protected override IReadOnlyList<string> Buffers => [".pe"];

    private protected override double Weights => 2.0 * (VocabSize + SpecialTokens) * DModel
        + (double)NLayers * DModel * DModel * (4 + (UseFf ? 2.0 * FfFanout : 0));

    /// <inheritdoc/>
    public override Transformer Build()
    {
        Check();
        int tokens = VocabSize + SpecialTokens, neurons = DModel * FfFanout;
        var attention = new AttentionOptions { Heads = NHeads, SinusoidalPositions = UsePosEncoding ? SeqLen : null, Output = "out_proj" };
        return new Transformer(
            ("token_embed", new Embedding(tokens, DModel)), null,
            [.. Enumerable.Range(0, NLayers).Select(layer => ($"blocks.{layer}", new TransformerBlock(
                Norm("ln1"), ("attn", new Attention(DModel, attention)), Norm("ln2"),
                UseFf ? ("ff", new FeedForward(("fc1", new Linear(DModel, neurons)), ActivationName.Gelu, ("fc2", new Linear(neurons, DModel)))) : null)
            {
                NormalisesStream = true,
            }))],
            Norm("ln_f"), ("unembed", new Linear(DModel, tokens, bias: false)), SeqLen)
        {
            StartsByModule = true,
        };

        (string, Module)? Norm(string name) => UseLayerNorm ? (name, new LayerNorm(DModel)) : null;
    }

    internal override void Check()
    {
        base.Check();
        ThrowIfIndivisible("d_model", DModel, "n_heads", NHeads);
    }
}
