using Spd.Engine.Graphs;
using Spd.Engine.Operations;

namespace Spd.Decomposition;

/// <summary>What the target's forward pass gives at one site.</summary>
/// <param name="Site">The site.</param>
/// <param name="Input">a, the target's own input to W <c>[d_in, lanes]</c>.</param>
/// <param name="Inner">h = V a, the inner activations <c>[C, lanes]</c>.</param>
/// <param name="GateOutput">The gates' outputs before the sigmoid <c>[C, lanes]</c>.</param>
/// <param name="Importance">g, lower-leaky: what masks are made of <c>[C, lanes]</c>.</param>
/// <param name="PenalisedImportance">ĝ, upper-leaky: what the minimality loss sees <c>[C, lanes]</c>.</param>
public sealed record SiteActivations(Site Site, Value Input, Value Inner, Value GateOutput, Value Importance, Value PenalisedImportance);

/// <summary>The target's forward pass and the causal importances that follow from it (METHOD §2).</summary>
/// <param name="Input">x.</param>
/// <param name="TargetOutput">f(x).</param>
/// <param name="Sites">The sites, in the model's order.</param>
public sealed record CausalImportance(Value Input, Value TargetOutput, IReadOnlyList<SiteActivations> Sites)
{
    /// <summary>Adds the pass to a graph.</summary>
    public static CausalImportance Build(Graph graph, ComponentModel model, Value x)
    {
        var (output, inputs) = model.TargetForward(graph, x);
        var sites = model.Sites.Select(site =>
        {
            var inner = site.Linear.Apply(graph, site.V, inputs[site]);    // h = V a   (C, B)
            var gate = site.Gate.Build(graph, inner);
            return new SiteActivations(
                site, inputs[site], inner, gate, graph.Add(new LowerLeakyHardSigmoid(gate)), graph.Add(new UpperLeakyHardSigmoid(gate)));
        });
        return new CausalImportance(x, output, [.. sites]);
    }
}
