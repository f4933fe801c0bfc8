using Spd.Engine;
using Spd.Engine.Graphs;
using Spd.Engine.Operations;
using Spd.Networks;

namespace Spd.Decomposition;

/// <summary>Where the mask of a site comes from; null stands for all ones.</summary>
/// <param name="graph">The graph that the mask is added to.</param>
/// <param name="site">The site with its causal importances.</param>
/// <param name="sample">Which of the samples the mask is for.</param>
public delegate Value? MaskSource(Graph graph, SiteActivations site, int sample);

/// <summary>The mask sources there are.</summary>
public static class Masks
{
    /// <summary>All ones: the sum of the subcomponents.</summary>
    public static MaskSource Ones { get; } = (_, _, _) => null;

    /// <summary><c>m = g</c>.</summary>
    public static MaskSource Importance { get; } = (_, site, _) => site.Importance;

    /// <summary><c>m = 1[g &gt; ½]</c>.</summary>
    public static MaskSource RoundedImportance { get; } = (graph, site, _) => graph.Add(new Above(site.Importance, 0.5f));

    /// <summary><c>m = g + (1 − g) r</c> with <c>r ~ U[0,1)</c>, fresh for every batch row, subcomponent, sample and purpose.</summary>
    public static MaskSource Stochastic(StreamPurpose purpose) =>
        From((graph, site, sample) => graph.Uniform(site.Site.C, purpose.Stream(site.Site.Index, sample)));

    /// <summary><c>m = g + (1 − g) s</c> with one <c>s</c> per subcomponent, shared by the whole batch: the adversary's masks.</summary>
    public static MaskSource Shared(IReadOnlyDictionary<Site, Parameter> sources) =>
        From((graph, site, _) => graph.Broadcast(sources[site.Site]));

    /// <summary><c>m = g + (1 − g) s</c> with <c>s</c> any node <c>[C, lanes]</c>.</summary>
    public static MaskSource From(Func<Graph, SiteActivations, int, Value> source) =>
        (graph, site, sample) => graph.Add(new Interpolate(site.Importance, source(graph, site, sample)));

    /// <summary>The network with some sites replaced by their subcomponents, masked by a source of masks.</summary>
    /// <param name="model">The components.</param>
    /// <param name="graph">The graph that it is added to.</param>
    /// <param name="x">The network's input.</param>
    /// <param name="sites">The sites that are replaced.</param>
    /// <param name="masks">Where their masks come from.</param>
    /// <param name="sample">Which of the samples the masks are for.</param>
    public static Value MaskedForward(
        this ComponentModel model, Graph graph, Value x, IReadOnlyList<SiteActivations> sites, MaskSource masks, int sample = 0) =>
        model.Network.Forward(model.MaskedPass(graph, sites, masks, sample), x);

    /// <summary>The pass of <see cref="MaskedForward"/>, for parts of the network.</summary>
    public static ForwardPass MaskedPass(this ComponentModel model, Graph graph, IReadOnlyList<SiteActivations> sites, MaskSource masks, int sample = 0)
    {
        var activations = sites.ToDictionary(site => site.Site);
        return model.MaskedPass(graph, activations.Keys, site => masks(graph, activations[site], sample));
    }
}
