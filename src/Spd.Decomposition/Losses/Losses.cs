using Spd.Engine.Operations;
using Spd.Networks;

namespace Spd.Decomposition;

/// <summary>The objective: each term of METHOD §4 that has a coefficient.</summary>
public static class Losses
{
    /// <summary>Adds the terms to an objective.</summary>
    /// <param name="objective">The objective.</param>
    /// <param name="model">The components.</param>
    /// <param name="target">The target's pass and the causal importances.</param>
    /// <param name="options">Coefficients, p, S and D.</param>
    /// <param name="stochasticMasks">Where stochastic masks come from, by purpose; by default fresh random numbers.</param>
    /// <exception cref="ArgumentException">Every coefficient is null.</exception>
    public static void Add(
        Objective objective, ComponentModel model, CausalImportance target, DecompositionOptions options, Func<StreamPurpose, MaskSource>? stochasticMasks = null)
    {
        var graph = objective.Graph;
        stochasticMasks ??= Masks.Stochastic;
        if (options.FaithfulnessCoeff is { } faithfulness) AddFaithfulness(objective, LossNames.Faithfulness, model.Sites, faithfulness);

        AddReconstruction(
            LossNames.StochasticRecon, options.StochasticReconCoeff,
            stochasticMasks(DecompositionStreams.Masks), Reconstruction.AllSites, options.NMaskSamples);
        AddReconstruction(
            LossNames.StochasticReconLayerwise, options.StochasticReconLayerwiseCoeff,
            stochasticMasks(DecompositionStreams.LayerwiseMasks), Reconstruction.OneSiteAtATime, options.NMaskSamples);
        AddReconstruction(LossNames.Recon, options.ReconCoeff, Masks.Importance, Reconstruction.AllSites, samples: 1);
        AddReconstruction(LossNames.ReconLayerwise, options.ReconLayerwiseCoeff, Masks.Importance, Reconstruction.OneSiteAtATime, samples: 1);
        AddReconstruction(LossNames.OutRecon, options.OutReconCoeff, Masks.Ones, Reconstruction.AllSites, samples: 1);

        if (options.EmbeddingReconCoeff is { } embedding)
            AddEmbedding(objective, model, target, options, embedding, stochasticMasks(DecompositionStreams.EmbeddingMasks));

        foreach (var site in target.Sites)
        {
            if (options.ImportanceMinimalityCoeff is { } minimality)
                objective.Add(LossNames.ImportanceMinimality, graph.PowerSum(site.PenalisedImportance, options.Pnorm), 1, minimality);
            if (options.SchattenCoeff is { } schatten)
                objective.Add(LossNames.Schatten, graph.PowerSum(site.PenalisedImportance, options.Pnorm, site.Site.V, site.Site.U), 1, schatten);
        }

        if (objective.Terms.Count == 0) throw new ArgumentException("every coefficient is null, so there is nothing to minimise", nameof(options));

        void AddReconstruction(string name, double? coefficient, MaskSource masks, SiteSubsets subsets, int samples)
        {
            if (coefficient is { } value) Reconstruction.AddLoss(objective, model, target, name, value, masks, subsets, samples, options.OutputLossType);
        }
    }

    private static void AddEmbedding(
        Objective objective, ComponentModel model, CausalImportance target, DecompositionOptions options, double coefficient, MaskSource masks)
    {
        var graph = objective.Graph;
        if (target.Sites is not [{ Site.Linear: Embedding embedding } site])
        {
            throw new SiteSelectionException(
                "embedding_recon_coeff is set, which is for a network of which one embedding and nothing else is decomposed, "
                + $"but the sites are {NameList.Of(model.Sites.Select(other => $"'{other.Name}'"))}: "
                + "name the embedding alone in target_module_patterns, or leave embedding_recon_coeff out");
        }

        Linear? head = null;
        if (options.IsEmbedUnembedRecon)
        {
            head = (model.Network as Transformer)?.Head
                ?? throw new ArgumentException("is_embed_unembed_recon is set, but the network has no unembedding that embeddings could be read by", nameof(options));
        }

        var original = embedding.Apply(graph, embedding.Weight, site.Input, embedding.IsTransposed);
        for (int sample = 0; sample < options.NMaskSamples; sample++)
        {
            var masked = graph.MatMul(site.Site.U, graph.Multiply(site.Inner, masks(graph, site, sample)!), transposed: true);
            // Of a mean over entries the sum over features.
            var loss = head is null
                ? graph.Scale(graph.SquaredError(masked, original), original.Rows)
                : graph.Divergence(head.Forward(new ForwardPass(graph), masked), head.Forward(new ForwardPass(graph), original));
            objective.Add(LossNames.EmbeddingRecon, loss, 1.0 / options.NMaskSamples, coefficient);
        }
    }

    /// <summary>Adds <c>Σ_l ‖W_l − (V_l U_l)ᵀ‖² / N</c>: for each matrix the mean over its entries, weighted by their share in all of them.</summary>
    internal static void AddFaithfulness(Objective objective, string name, IReadOnlyList<FactoredMatrix> matrices, double coefficient)
    {
        var graph = objective.Graph;
        double entries = matrices.Sum(matrix => matrix.Target.Count);
        foreach (var matrix in matrices)
        {
            var sum = graph.MatMul(matrix.U, graph.Weight(matrix.V), transposed: true);     // Uᵀ V   (d_out, d_in)
            objective.Add(name, graph.SquaredError(sum, graph.Weight(matrix.Target)), matrix.Target.Count / entries, coefficient);
        }
    }
}
