using Spd.Engine.Operations;
using Spd.Networks;

namespace Spd.Decomposition;

/// <summary>The paper's minimality: <c>mean_B Σ_l Σ_c ĝ^p</c>, for Schatten each times <c>‖V[:,c]‖² + ‖U[c,:]‖²</c> (METHOD §4).</summary>
public sealed record PaperMinimalityLoss : LossTerm
{
    /// <summary>p, above 0.</summary>
    [Positive]
    public double Pnorm { get; init; } = 1;

    /// <summary>Whether each subcomponent counts by its size.</summary>
    public bool IsSchatten { get; init; }

    protected override string DefaultName => IsSchatten ? LossNames.Schatten : LossNames.ImportanceMinimality;

    internal override void AddTo(LossContext context)
    {
        foreach (var site in context.Target.Sites)
        {
            var sum = IsSchatten
                ? context.Graph.PowerSum(site.PenalisedImportance, Pnorm, site.Site.V, site.Site.U)
                : context.Graph.PowerSum(site.PenalisedImportance, Pnorm);
            context.Objective.Add(Name, sum, 1, Coeff);
        }
    }
}

/// <summary>
/// An embedding's own reconstruction under stochastic masks, where it alone is decomposed: <c>mean_B Σ_d (masked − target)²</c>, or the divergence of both as the
/// unembedding reads them (METHOD §4).
/// </summary>
public sealed record EmbeddingReconLoss : LossTerm
{
    /// <summary>Whether both are unembedded.</summary>
    public bool IsUnembedded { get; init; }

    protected override string DefaultName => LossNames.EmbeddingRecon;

    internal override void AddTo(LossContext context)
    {
        var (graph, model, samples) = (context.Graph, context.Model, context.Settings.NMaskSamples);
        var masks = context.StochasticMasks(DecompositionStreams.EmbeddingMasks);
        if (context.Target.Sites is not [{ Site.Linear: Embedding embedding } site])
        {
            throw new SiteSelectionException(
                "embedding_recon_coeff is set, which is for a network of which one embedding and nothing else is decomposed, "
                + $"but the sites are {NameList.Of(model.Sites.Select(other => $"'{other.Name}'"))}: "
                + "name the embedding alone in target_module_patterns, or leave embedding_recon_coeff out");
        }

        Linear? head = null;
        if (IsUnembedded)
        {
            head = (model.Network as Transformer)?.Head
                ?? throw new ArgumentException("is_embed_unembed_recon is set, but the network has no unembedding that embeddings could be read by");
        }

        var original = embedding.Apply(graph, embedding.Weight, site.Input, embedding.IsTransposed);
        for (int sample = 0; sample < samples; sample++)
        {
            var masked = graph.MatMul(site.Site.U, graph.Multiply(site.Inner, masks(graph, site, sample)!.Components!), transposed: true);
            // Of a mean over entries the sum over features.
            var loss = head is null
                ? graph.Scale(graph.SquaredError(masked, original), original.Rows)
                : graph.Divergence(head.Forward(new ForwardPass(graph), masked), head.Forward(new ForwardPass(graph), original));
            context.Objective.Add(Name, loss, 1.0 / samples, Coeff);
        }
    }
}
