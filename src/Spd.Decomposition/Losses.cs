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
