using System.ComponentModel.DataAnnotations;

namespace Spd.Networks.Transformers;

/// <summary>What normalises in a model of TransformerLens, by its names for it.</summary>
public enum LensNormalization
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>A layer norm with weights and biases.</summary>
    LN,

    /// <summary>A layer norm without, where these were folded into the matrices behind.</summary>
    LNPre,
}

/// <summary>
/// The shape of a model of TransformerLens with learnt positions, and its state dict: <c>embed.W_E</c>, <c>pos_embed.W_pos</c>, <c>blocks.N.attn.W_Q</c>
/// <c>[heads, d_model, d_head]</c>, <c>blocks.N.mlp.W_in</c>, <c>unembed.W_U</c>. The linear maps are called as their matrices are.
/// </summary>
public sealed record TransformerLensConfig : TransformerConfig
{
    /// <summary>Tokens of the vocabulary, of input and output.</summary>
    [Range(1, 1 << 24)]
    public required int DVocab { get; init; }

    /// <summary>The longest sequence.</summary>
    [Range(1, 1 << 24)]
    public required int NCtx { get; init; }

    /// <summary>Width of the residual stream.</summary>
    [Range(1, 1 << 20)]
    public required int DModel { get; init; }

    /// <summary>Features of a head.</summary>
    [Range(1, 1 << 20)]
    public required int DHead { get; init; }

    /// <summary>Neurons of a block's MLP.</summary>
    [Range(1, 1 << 20)]
    public required int DMlp { get; init; }

    /// <summary>Blocks.</summary>
    [Range(1, 10_000)]
    public required int NLayers { get; init; }

    /// <summary>Heads.</summary>
    [Range(1, 100_000)]
    public required int NHeads { get; init; }

    /// <summary>The activation function of the neurons.</summary>
    public required ActivationName ActFn { get; init; }

    /// <summary>What normalises before attention, before the MLPs and at the end.</summary>
    public LensNormalization NormalizationType { get; init; }

    /// <summary>ε of the norms.</summary>
    [Positive]
    public double Eps { get; init; } = 1e-5;

    private protected override IReadOnlyList<string> Buffers => [".attn.mask", ".attn.IGNORE"];

    private protected override double Weights =>
        (2.0 * DVocab + NCtx) * DModel + (double)NLayers * DModel * (4.0 * NHeads * DHead + 2.0 * DMlp);

    /// <inheritdoc/>
    public override Transformer Build()
    {
        Check();
        var attention = new AttentionOptions
        {
            Heads = NHeads,
            HeadWidth = DHead,
            HasBias = true,
            HasOutputBias = true,
            Query = "W_Q",
            Key = "W_K",
            Value = "W_V",
            Output = "W_O",
        };
        return new Transformer(
            ("embed.W_E", new Embedding(DVocab, DModel)), ("pos_embed.W_pos", new Embedding(NCtx, DModel)),
            [.. Enumerable.Range(0, NLayers).Select(layer => ($"blocks.{layer}", new TransformerBlock(
                Norm("ln1"), ("attn", new Attention(DModel, attention)), Norm("ln2"),
                ("mlp", new FeedForward(("W_in", new Linear(DModel, DMlp, isTransposed: true)), ActFn, ("W_out", new Linear(DMlp, DModel, isTransposed: true)))))))],
            Norm("ln_final"), ("unembed.W_U", new Linear(DModel, DVocab, isTransposed: true)), NCtx)
        {
            // Its own, where it is not told another.
            StartDeviation = 0.8 / Math.Sqrt(DModel),
        };

        (string, Module)? Norm(string name) =>
            NormalizationType == LensNormalization.None ? null : (name, new LayerNorm(DModel, Eps, isAffine: NormalizationType == LensNormalization.LN));
    }

    /// <summary>A matrix is a tensor without the word <c>weight</c>, and its bias another, <c>b_</c> for <c>W_</c>; those of heads have an axis for them.</summary>
    private protected override StoredParameter StoredAs(StoredParameter own)
    {
        string path = own.Name;
        int dot = path.LastIndexOf('.'), before = path.LastIndexOf('.', dot - 1) + 1;
        string owner = path[before..dot], kind = path[(dot + 1)..];
        if (!owner.StartsWith("W_", StringComparison.Ordinal)) return own with { Name = $"{path[..dot]}.{kind[0]}" };
        string name = kind == "weight" ? path[..dot] : $"{path[..before]}b_{owner[2..]}";
        return (owner, kind) switch
        {
            // Ours has a row for each feature of a head.
            ("W_Q" or "W_K" or "W_V", "weight") => new StoredParameter(name, [NHeads, DModel, DHead], place =>
            {
                int row = place / DModel, column = place % DModel;
                return (row / DHead * DModel + column) * DHead + row % DHead;
            }),
            ("W_Q" or "W_K" or "W_V", _) => new StoredParameter(name, [NHeads, DHead], place => place),
            ("W_O", "weight") => new StoredParameter(
                name, [NHeads, DHead, DModel], place => place % (NHeads * DHead) * DModel + place / (NHeads * DHead)),
            _ => own with { Name = name },
        };
    }
}
