using Spd.Engine;
using Spd.Engine.Graphs;
using Spd.Engine.Operations;
using Spd.Networks;

namespace Spd.Decomposition;

/// <summary>Where the mask of a site comes from; null stands for all ones, without Δ.</summary>
/// <param name="graph">The graph that the mask is added to.</param>
/// <param name="site">The site with its causal importances.</param>
/// <param name="sample">Which of the samples the mask is for.</param>
public delegate SiteMask? MaskSource(Graph graph, SiteActivations site, int sample);

/// <summary>The mask sources there are.</summary>
public static class Masks
{
    /// <summary>All ones: the sum of the subcomponents.</summary>
    public static MaskSource Ones { get; } = (_, _, _) => null;

    /// <summary><c>m = g</c>.</summary>
    public static MaskSource Importance { get; } = (_, site, _) => site.Importance;

    /// <summary><c>m = 1[g &gt; ½]</c>.</summary>
    public static MaskSource RoundedImportance { get; } = (graph, site, _) => graph.Add(new Above(site.Importance, 0.5f));

    /// <summary><c>m = g + (1 − g) r</c> with <c>r ~ U[0,1)</c>, or 0 or 1, fresh for every batch row, subcomponent, sample and purpose.</summary>
    public static MaskSource Stochastic(StreamPurpose purpose, MaskSampling sampling = MaskSampling.Continuous) => From((graph, site, sample) =>
    {
        var uniform = graph.Uniform(site.Site.C, purpose.Stream(site.Site.Index, sample));
        return sampling == MaskSampling.Continuous ? uniform : graph.Below(uniform, 0.5);
    });

    /// <summary><c>m = g + (1 − g) s</c> with one <c>s</c> per subcomponent, shared by the whole batch: the adversary's masks.</summary>
    public static MaskSource Shared(IReadOnlyDictionary<Site, Parameter> sources) =>
        From((graph, site, _) => graph.Broadcast(sources[site.Site]));

    /// <summary><c>m = g + (1 − g) s</c> with <c>s</c> any node <c>[C, lanes]</c>.</summary>
    public static MaskSource From(Func<Graph, SiteActivations, int, Value> source) =>
        (graph, site, sample) => graph.Add(new Interpolate(site.Importance, source(graph, site, sample)));

    /// <summary>The masks of another source, with Δ, and only in the lanes that are routed to the site.</summary>
    /// <param name="masks">The masks of the subcomponents.</param>
    /// <param name="delta">m_Δ of a site, one row; null to leave Δ out.</param>
    /// <param name="route">The lanes of a site, one row of ones and zeros; null for all.</param>
    public static MaskSource With(
        this MaskSource masks, Func<Graph, SiteActivations, int, Value>? delta, Func<Graph, SiteActivations, int, Value>? route = null) =>
        (graph, site, sample) => new SiteMask(masks(graph, site, sample)?.Components, delta?.Invoke(graph, site, sample), route?.Invoke(graph, site, sample));

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

    /// <summary>1 where x is below a number, else 0.</summary>
    internal static Value Below(this Graph graph, Value x, double threshold) => graph.Add(new AffineBelow(x, x, (float)threshold, 0, 1));
}
