using Spd.Engine.Graphs;
using Spd.Engine.Operations;

namespace Spd.Decomposition;

/// <summary>What the target's forward pass gives at one site.</summary>
/// <param name="Site">The site.</param>
/// <param name="Input">a, the target's own input to W <c>[d_in, lanes]</c>.</param>
/// <param name="Inner">h = V a, the inner activations <c>[C, lanes]</c>.</param>
/// <param name="GateOutput">The outputs of the causal importance functions before the sigmoid <c>[C, lanes]</c>.</param>
/// <param name="Importance">g: what masks are made of <c>[C, lanes]</c>.</param>
/// <param name="PenalisedImportance">ĝ: what the minimality loss sees <c>[C, lanes]</c>.</param>
public sealed record SiteActivations(Site Site, Value Input, Value Inner, Value GateOutput, Value Importance, Value PenalisedImportance);

/// <summary>The target's forward pass and the causal importances that follow from it (METHOD §2).</summary>
/// <param name="Input">x.</param>
/// <param name="TargetOutput">f(x).</param>
/// <param name="Sites">The sites, in the model's order.</param>
public sealed record CausalImportance(Value Input, Value TargetOutput, IReadOnlyList<SiteActivations> Sites)
{
    /// <summary>Adds the pass to a graph.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="model">The components.</param>
    /// <param name="x">x.</param>
    /// <param name="noise">The noise of a site's importances under binomial masks; null for fresh uniform numbers.</param>
    public static CausalImportance Build(Graph graph, ComponentModel model, Value x, Func<Graph, Site, Value>? noise = null)
    {
        var (output, inputs) = model.TargetForward(graph, x);
        List<SiteInput> read = [.. model.Sites.Select(site => new SiteInput(site, inputs[site]))];
        var function = model.Importances;
        var sites = read.Zip(function.Build(graph, read), (site, raw) => new SiteActivations(
            site.Site, site.Input, site.Inner(graph), raw, function.Squashing.ForMasks(graph, Noisy(site.Site, raw)), function.Squashing.ForMinimality(graph, raw)));
        return new CausalImportance(x, output, [.. sites]);

        // 1.05 x − 0.05 u.
        Value Noisy(Site site, Value raw) => function.Sampling == MaskSampling.Continuous ? raw : graph.Plus(
            graph.Add(new Affine(raw, 1.05f, 0)), graph.Add(new Affine(noise?.Invoke(graph, site) ?? graph.Uniform(site.C, DecompositionStreams.ImportanceNoise.Stream(site.Index)), -0.05f, 0)));
    }
}
