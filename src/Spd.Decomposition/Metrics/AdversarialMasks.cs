using Spd.Engine;
using Spd.Engine.Execution;
using Spd.Engine.Graphs;
using Spd.Engine.Optimisation;
using Spd.Networks.Data;

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

    private readonly Dictionary<Site, Parameter> _sources;
    private readonly PanelRunner _runner;
    private readonly Optimiser _optimiser;

    /// <summary>Builds the graph of the ascent.</summary>
    public AdversarialMasks(ComponentModel model, DataSource data, DecompositionOptions options, WorkerPool pool)
    {
        _sources = model.Sites.ToDictionary(site => site, site => new Parameter($"{site.Name}.adversarial_source", site.C));
        var sources = new ParameterSet(model.Sites.Select(site => _sources[site]));
        var graph = new Graph(sources);
        var target = CausalImportance.Build(graph, model, data.Build(graph));
        Reconstruction.AddLoss(
            graph, model, target, "adversarial", coefficient: 1, Masks.Shared(_sources), Reconstruction.AllSites, samples: 1, options.OutputLossType);
        _runner = new PanelRunner(graph, options.BatchSize, pool);
        _optimiser = new Optimiser([new ParameterGroup("sources", sources, new Ascent(new SignSgd(), 0, 1), _ => StepSize)]);
    }

    /// <summary>The output error after the ascent, on the batch numbered <paramref name="batch"/>.</summary>
    public double WorstError(ulong seed, long batch)
    {
        foreach (var (site, source) in _sources)
            new RandomSequence(seed, new StreamId(StreamPurpose.AdversarialStart, site.Index), (uint)batch).FillUniform(source.Values, 0, 1);
        for (int step = 0; step < Steps; step++)
        {
            _runner.Run(seed, batch);
            // A gradient that is not a number moves nothing: it shows in the error below.
            _optimiser.Step(step, _runner.Gradients);
        }

        _runner.Run(seed, batch, backward: false);
        return _runner.TotalLoss;
    }
}
