using Spd.Engine;
using Spd.Engine.Execution;
using Spd.Engine.Graphs;
using Spd.Engine.Operations;
using Spd.Engine.Optimisation;
using Spd.Engine.Planning;

namespace Spd.Decomposition;

/// <summary>
/// Looks for the masks under which the output is worst (METHOD §9): sources <c>s ∈ [0,1]</c>, one per subcomponent and shared across the batch, climb
/// <c>s ← clamp(s + η sign ∂L/∂s)</c> from a random start, with masks <c>g + (1 − g) s</c> on all sites.
/// </summary>
public sealed class AdversarialMasks
{
    /// <summary>Steps of the ascent.</summary>
    public const int Steps = 20;

    /// <summary>η.</summary>
    public const float StepSize = 0.1f;

    private readonly Dictionary<Site, Parameter> _sources, _deltas;
    private readonly Program _target, _ascent, _worst;
    private readonly Optimiser _optimiser;

    /// <summary>Plans the ascent: what does not depend on the sources, the target's pass and the gates, is computed once a batch.</summary>
    /// <param name="graph">A graph with the target's pass.</param>
    /// <param name="model">The components.</param>
    /// <param name="target">The target's pass and the causal importances.</param>
    /// <param name="batch">The shape of a batch.</param>
    /// <param name="distance">D.</param>
    /// <param name="backend">What computes.</param>
    /// <param name="useDelta">Whether it also masks what the subcomponents lack of a matrix.</param>
    public AdversarialMasks(Graph graph, ComponentModel model, CausalImportance target, Batch batch, OutputLoss distance, Backend backend, bool useDelta = false)
    {
        _deltas = useDelta ? model.Sites.ToDictionary(site => site, site => new Parameter($"{site.Name}.adversarial_delta_source", 1)) : [];
        _sources = model.Sites.ToDictionary(site => site, site => new Parameter($"{site.Name}.adversarial_source", site.C));
        var objective = new Objective(graph);
        Reconstruction.AddLoss(
            objective, model, target, "adversarial", coefficient: 1, Worst, Reconstruction.AllSites, samples: 1, distance);
        var sources = new ParameterSet(_sources.Values.Concat(_deltas.Values));
        _target = backend.Compile(new Objective(graph), batch, keep: objective.FrontierOf(sources.Parameters));
        _ascent = backend.Compile(objective, batch, sources, given: _target);
        _worst = backend.Compile(objective, batch, given: _target);
        _optimiser = new Optimiser([new ParameterGroup("sources", sources, new Ascent(new SignSgd(), 0, 1), _ => StepSize)], backend);
    }

    /// <summary>The masks that the last ascent came to.</summary>
    public MaskSource Worst => _deltas.Count == 0 ? Masks.Shared(_sources) : Masks.Shared(_sources).With((graph, site, _) => graph.Broadcast(_deltas[site.Site]));

    /// <summary>What one step of the ascent computes.</summary>
    public Plan AscentPlan => _ascent.Plan;

    /// <summary>The output error after the ascent, on the batch numbered <paramref name="batch"/>.</summary>
    public double WorstError(ulong seed, long batch)
    {
        foreach (var (site, source) in _sources)
            new RandomSequence(seed, DecompositionStreams.AdversarialStart.Stream(site.Index), (uint)batch).FillUniform(source.Values, 0, 1);
        foreach (var (site, source) in _deltas)
            new RandomSequence(seed, DecompositionStreams.AdversarialStart.Stream(DecompositionStreams.FirstDelta + site.Index), (uint)batch).FillUniform(source.Values, 0, 1);
        _target.Run(seed, batch);
        for (int step = 0; step < Steps; step++)
        {
            _ascent.Run(seed, batch);
            // A gradient that is not a number moves nothing: it shows in the error below.
            _optimiser.Step(step, _ascent.Gradients);
        }

        _worst.Run(seed, batch);
        return _worst.TotalLoss;
    }
}
