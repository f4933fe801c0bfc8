using Spd.Engine.Graphs;
using Spd.Engine.Operations;

namespace Spd.Decomposition;

/// <summary>Which sites are replaced at a time: the passes that a reconstruction loss is a mean over.</summary>
/// <param name="sites">All sites.</param>
public delegate IReadOnlyList<IReadOnlyList<SiteActivations>> SiteSubsets(IReadOnlyList<SiteActivations> sites);

/// <summary>
/// Every reconstruction loss there is: how far the output with masked subcomponents is from the target's, for one source of masks and one
/// choice of replaced sites (METHOD §4).
/// </summary>
public static class Reconstruction
{
    /// <summary>All sites in one pass.</summary>
    public static SiteSubsets AllSites { get; } = sites => [sites];

    /// <summary>A pass for every site, with that one replaced.</summary>
    public static SiteSubsets OneSiteAtATime { get; } = sites => [.. sites.Select(site => new[] { site })];

    /// <summary>Adds the mean over samples and passes of <c>D(f(x | masked), f(x))</c>.</summary>
    /// <param name="objective">What the loss is added to.</param>
    /// <param name="model">The components.</param>
    /// <param name="target">The target's pass and the causal importances.</param>
    /// <param name="name">The loss's name.</param>
    /// <param name="coefficient">Its coefficient in the total.</param>
    /// <param name="masks">Where the masks come from.</param>
    /// <param name="subsets">Which sites are replaced.</param>
    /// <param name="samples">S, mask samples.</param>
    /// <param name="distance">D.</param>
    public static void AddLoss(
        Objective objective, ComponentModel model, CausalImportance target, string name, double coefficient,
        MaskSource masks, SiteSubsets subsets, int samples, OutputLoss distance)
    {
        var graph = objective.Graph;
        var passes = subsets(target.Sites);
        for (int sample = 0; sample < samples; sample++)
        {
            foreach (var pass in passes)
            {
                var output = model.MaskedForward(graph, target.Input, pass, masks, sample);
                objective.Add(name, Distance(graph, output, target.TargetOutput, distance), 1.0 / (samples * passes.Count), coefficient);
            }
        }
    }

    /// <summary>D of an output and the target's.</summary>
    internal static Value Distance(Graph graph, Value output, Value target, OutputLoss distance) =>
        distance == OutputLoss.Mse ? graph.SquaredError(output, target) : graph.Divergence(output, target);
}
