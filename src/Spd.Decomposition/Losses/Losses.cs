using Spd.Engine.Execution;
using Spd.Engine.Operations;
using Spd.Engine.Planning;
using Spd.Networks;

namespace Spd.Decomposition;

/// <summary>The objective: its terms (METHOD §4, VPD §2).</summary>
public static class Losses
{
    /// <summary>Adds the terms to an objective.</summary>
    /// <param name="objective">The objective.</param>
    /// <param name="model">The components.</param>
    /// <param name="target">The target's pass and the causal importances.</param>
    /// <param name="options">The terms, with what they share.</param>
    /// <param name="batch">The shape of a batch.</param>
    /// <param name="backend">What adversaries compute with; null leaves out the terms that have one.</param>
    /// <param name="stochasticMasks">Where stochastic masks come from, by purpose; by default fresh random numbers.</param>
    /// <returns>What was described with, and what has to be done in a step beside computing the losses.</returns>
    /// <exception cref="ArgumentException">There is no term.</exception>
    internal static LossContext Add(
        Objective objective, ComponentModel model, CausalImportance target, DecompositionOptions options, Batch batch, Backend? backend,
        Func<StreamPurpose, MaskSource>? stochasticMasks = null)
    {
        var context = new LossContext(objective, model, target, options, batch, backend, stochasticMasks);
        foreach (var term in options.LossTerms ?? [])
            if (backend is not null || !term.IsAdversarial) term.AddTo(context);
        AddNamed(context);
        if (objective.Terms.Count == 0) throw new ArgumentException("every coefficient is null, so there is nothing to minimise", nameof(options));
        return context;
    }

    /// <summary>The terms that have a coefficient of their own among the options, the paper's.</summary>
    private static void AddNamed(LossContext context)
    {
        var (objective, model, target, options) = (context.Objective, context.Model, context.Target, context.Options);
        var graph = objective.Graph;
        if (options.LossTerms is not null) return;
        if (options.FaithfulnessCoeff is { } faithfulness) new FaithfulnessLoss { Coeff = faithfulness }.AddTo(context);
        AddReconstruction(LossNames.StochasticRecon, options.StochasticReconCoeff, ReconMasks.Stochastic, ReconSites.All);
        AddReconstruction(LossNames.StochasticReconLayerwise, options.StochasticReconLayerwiseCoeff, ReconMasks.Stochastic, ReconSites.Layerwise);
        AddReconstruction(LossNames.Recon, options.ReconCoeff, ReconMasks.CiMasked, ReconSites.All);
        AddReconstruction(LossNames.ReconLayerwise, options.ReconLayerwiseCoeff, ReconMasks.CiMasked, ReconSites.Layerwise);
        AddReconstruction(LossNames.OutRecon, options.OutReconCoeff, ReconMasks.Unmasked, ReconSites.All);
        if (options.EmbeddingReconCoeff is { } embedding)
            AddEmbedding(objective, model, target, options, embedding, context.StochasticMasks(DecompositionStreams.EmbeddingMasks));

        foreach (var site in target.Sites)
        {
            if (options.ImportanceMinimalityCoeff is { } minimality)
                objective.Add(LossNames.ImportanceMinimality, graph.PowerSum(site.PenalisedImportance, options.Pnorm), 1, minimality);
            if (options.SchattenCoeff is { } schatten)
                objective.Add(LossNames.Schatten, graph.PowerSum(site.PenalisedImportance, options.Pnorm, site.Site.V, site.Site.U), 1, schatten);
        }

        void AddReconstruction(string name, double? coefficient, ReconMasks masks, ReconSites sites)
        {
            if (coefficient is { } value) new ReconLoss { Name = name, Coeff = value, Masks = masks, Sites = sites }.AddTo(context);
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
            var masked = graph.MatMul(site.Site.U, graph.Multiply(site.Inner, masks(graph, site, sample)!.Components!), transposed: true);
            // Of a mean over entries the sum over features.
            var loss = head is null
                ? graph.Scale(graph.SquaredError(masked, original), original.Rows)
                : graph.Divergence(head.Forward(new ForwardPass(graph), masked), head.Forward(new ForwardPass(graph), original));
            objective.Add(LossNames.EmbeddingRecon, loss, 1.0 / options.NMaskSamples, coefficient);
        }
    }
}
