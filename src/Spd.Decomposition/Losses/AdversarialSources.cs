using Spd.Engine;
using Spd.Engine.Graphs;
using Spd.Engine.Operations;
using Spd.Engine.Planning;

namespace Spd.Decomposition;

/// <summary>The sources that an adversary moves: of every site those of its subcomponents, and of Δ where it is used. Masks are <c>g + (1 − g) s</c>, and m_Δ is its source itself.</summary>
public sealed class AdversarialSources
{
    private readonly SourceScope _scope;
    private readonly bool _isSigmoid;
    private readonly Dictionary<Site, (Parameter Own, Parameter? Delta)> _sources;

    /// <summary>Sources of zeros.</summary>
    /// <param name="name">What they are called in files.</param>
    /// <param name="model">The components.</param>
    /// <param name="batch">The shape of the batches that they are for.</param>
    /// <param name="scope">Which examples and positions share them.</param>
    /// <param name="useDelta">Whether Δ has sources.</param>
    /// <param name="isSigmoid">Whether what is moved is squashed by the logistic function, in place of being kept within [0, 1].</param>
    internal AdversarialSources(string name, ComponentModel model, Batch batch, SourceScope scope, bool useDelta, bool isSigmoid = false)
    {
        (_scope, _isSigmoid) = (scope, isSigmoid);
        int columns = checked((scope.Examples ?? batch.Sequences) * (scope.IsOfPositions ? batch.Length : 1));
        _sources = model.Sites.ToDictionary(site => site, site => (
            new Parameter($"{name}.{site.Name}.source", site.C, columns), useDelta ? new Parameter($"{name}.{site.Name}.delta_source", 1, columns) : null));
        Parameters = new ParameterSet(model.Sites.SelectMany(site => new[] { _sources[site].Own, _sources[site].Delta }.OfType<Parameter>()));
    }

    /// <summary>What is moved, site by site, each <c>[C, examples · positions]</c>, or one row for Δ.</summary>
    public ParameterSet Parameters { get; }

    /// <summary>The sources of a site: those of its subcomponents, and of Δ.</summary>
    public (Parameter Subcomponents, Parameter? Delta) Of(Site site) => _sources[site];

    /// <summary>The sources of a site as values of every lane.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="site">The site.</param>
    /// <param name="gradientFactor">By what gradients are multiplied on their way to the sources.</param>
    internal (Value Own, Value? Delta) Build(Graph graph, Site site, double gradientFactor = 1)
    {
        var (own, delta) = _sources[site];
        return (InLanes(own), delta is null ? null : InLanes(delta));

        Value InLanes(Parameter source)
        {
            var columns = graph.Add(new MatrixColumns(graph.Weight(source), _scope.Examples, _scope.IsOfPositions));
            if (gradientFactor != 1) columns = graph.Add(new ScaledGradient(columns, graph.Number(gradientFactor)));
            return _isSigmoid ? graph.Add(new Sigmoid(columns)) : columns;
        }
    }

    /// <summary>The masks that the sources stand for, on all lanes or on those of a routing.</summary>
    internal MaskSource Masks(Func<Graph, SiteActivations, int, Value>? route = null, double gradientFactor = 1) => (graph, site, sample) =>
    {
        var (own, delta) = Build(graph, site.Site, gradientFactor);
        return new SiteMask(graph.Add(new Interpolate(site.Importance, own)), delta, route?.Invoke(graph, site, sample));
    };

    /// <summary>Puts the sources back to where they start.</summary>
    internal void Reset(SourceStart start, ulong seed, uint step)
    {
        foreach (var (i, parameter) in Parameters.Parameters.Index())
        {
            if (start == SourceStart.Random) new RandomSequence(seed, DecompositionStreams.TrainedSources.Stream(i), step).FillUniform(parameter.Values, 0, 1);
            else parameter.Values.Fill(start == SourceStart.Ones ? 1 : 0);
        }
    }
}
