using Spd.Engine;
using Spd.Engine.Graphs;
using Spd.Engine.Operations;

namespace Spd.Decomposition;

/// <summary>The objective: each term of METHOD §4 that has a coefficient.</summary>
public static class Losses
{
    /// <summary>Adds the terms to a graph.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="model">The components.</param>
    /// <param name="target">The target's pass and the causal importances.</param>
    /// <param name="options">Coefficients, p, S and D.</param>
    /// <param name="stochasticMasks">Where stochastic masks come from, by purpose; by default fresh random numbers.</param>
    /// <exception cref="ArgumentException">Every coefficient is null.</exception>
    public static void Add(
        Graph graph, ComponentModel model, CausalImportance target, DecompositionOptions options, Func<StreamPurpose, MaskSource>? stochasticMasks = null)
    {
        stochasticMasks ??= Masks.Stochastic;
        if (options.FaithfulnessCoeff is { } faithfulness)
        {
            foreach (var site in model.Sites)
                graph.AddLoss(LossNames.Faithfulness, new FactorizationError(site.TargetWeight, site.V, site.U, model.TargetEntries), faithfulness);
        }

        AddReconstruction(
            LossNames.StochasticRecon, options.StochasticReconCoeff,
            stochasticMasks(StreamPurpose.Masks), Reconstruction.AllSites, options.NMaskSamples);
        AddReconstruction(
            LossNames.StochasticReconLayerwise, options.StochasticReconLayerwiseCoeff,
            stochasticMasks(StreamPurpose.LayerwiseMasks), Reconstruction.OneSiteAtATime, options.NMaskSamples);
        AddReconstruction(LossNames.Recon, options.ReconCoeff, Masks.Importance, Reconstruction.AllSites, samples: 1);
        AddReconstruction(LossNames.ReconLayerwise, options.ReconLayerwiseCoeff, Masks.Importance, Reconstruction.OneSiteAtATime, samples: 1);
        AddReconstruction(LossNames.OutRecon, options.OutReconCoeff, Masks.Ones, Reconstruction.AllSites, samples: 1);

        foreach (var site in target.Sites)
        {
            if (options.ImportanceMinimalityCoeff is { } minimality)
                graph.AddLoss(LossNames.ImportanceMinimality, new PowerSumLoss(site.PenalisedImportance, (float)options.Pnorm), 1, minimality);
            if (options.SchattenCoeff is { } schatten)
                graph.AddLoss(LossNames.Schatten, new PowerSumLoss(site.PenalisedImportance, (float)options.Pnorm, site.Site.V, site.Site.U), 1, schatten);
        }

        if (graph.LossNames.Count == 0) throw new ArgumentException("every coefficient is null, so there is nothing to minimise", nameof(options));

        void AddReconstruction(string name, double? coefficient, MaskSource masks, SiteSubsets subsets, int samples)
        {
            if (coefficient is { } value) Reconstruction.AddLoss(graph, model, target, name, value, masks, subsets, samples, options.OutputLossType);
        }
    }
}
