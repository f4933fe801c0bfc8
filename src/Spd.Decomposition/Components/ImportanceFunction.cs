using System.ComponentModel.DataAnnotations;
using Spd.Engine;
using Spd.Engine.Graphs;
using Spd.Engine.Operations;

namespace Spd.Decomposition;

/// <summary>Which causal importance functions there are, and how their outputs are squashed.</summary>
public sealed record ImportanceOptions
{
    /// <summary>Which.</summary>
    public ImportanceKind Kind { get; init; }

    /// <summary>Widths of hidden layers.</summary>
    [Range(1, 100_000)]
    public IReadOnlyList<int> HiddenDims { get; init; } = [];

    /// <summary>How outputs become causal importances.</summary>
    public Squashing SigmoidType { get; init; } = Squashing.LeakyHard;

    /// <summary>What stochastic masks are drawn from, which the functions' noise goes by.</summary>
    public MaskSampling Sampling { get; init; }

    /// <summary>Hidden neurons of gates; null where the functions are others.</summary>
    /// <exception cref="ArgumentException">A gate has one hidden layer, or none, but there are several.</exception>
    public int? GateWidth => Kind != ImportanceKind.Mlp ? null : HiddenDims switch
    {
        [] => 0,
        [var width] => width,
        _ => throw new ArgumentException($"an MLP for every subcomponent has one hidden layer, or none, but HiddenDims names {HiddenDims.Count}"),
    };

    internal ImportanceFunction Make(IReadOnlyList<Site> sites) => Kind switch
    {
        ImportanceKind.SharedMlp => new SiteMlpFunction(sites, HiddenDims) { Squashing = SigmoidType, Sampling = Sampling },
        ImportanceKind.GlobalMlp => new GlobalMlpFunction(sites, HiddenDims) { Squashing = SigmoidType, Sampling = Sampling },
        _ => new GateFunction(sites) { Squashing = SigmoidType, Sampling = Sampling },
    };
}

/// <summary>The kinds of causal importance functions.</summary>
public enum ImportanceKind
{
    /// <summary>A small MLP for every subcomponent, of its inner activation; one hidden layer, or none.</summary>
    Mlp,

    /// <summary>An MLP for every site, of its input.</summary>
    SharedMlp,

    /// <summary>One MLP over the inputs of all sites.</summary>
    GlobalMlp,
}

/// <summary>What a causal importance function may read of one site.</summary>
/// <param name="Site">The site.</param>
/// <param name="Input">a, the target's own input to W <c>[d_in, lanes]</c>; of an embedding, the token.</param>
public sealed record SiteInput(Site Site, Value Input)
{
    /// <summary>h = V a <c>[C, lanes]</c>.</summary>
    public Value Inner(Graph graph) => Site.Linear.Apply(graph, Site.V, Input);

    /// <summary>What networks over the whole site read: a, or h where the site is an embedding, whose input is no vector.</summary>
    internal Value Vector(Graph graph) => Site.Linear is Networks.Embedding ? Inner(graph) : Input;

    /// <summary>Features of the vector.</summary>
    internal static int FeaturesOf(Site site) => site.Linear is Networks.Embedding ? site.C : site.Inputs;
}

/// <summary>The causal importance functions of all sites, before they are squashed: what they read, and what they are made of.</summary>
public abstract class ImportanceFunction
{
    /// <summary>How their outputs become causal importances.</summary>
    public Squashing Squashing { get; init; }

    /// <summary>What stochastic masks are drawn from: with binomial ones, causal importances for masks are noisy.</summary>
    public MaskSampling Sampling { get; init; }

    /// <summary>Everything that trains, by the names it has in files, in a fixed order.</summary>
    public abstract IEnumerable<(string Name, Parameter Parameter)> NamedParameters { get; }

    /// <summary>Adds the functions to a graph.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="sites">All sites, in the model's order.</param>
    /// <returns>For each site its outputs <c>[C, lanes]</c>; a site's may be described only when it is asked for.</returns>
    public abstract IEnumerable<Value> Build(Graph graph, IReadOnlyList<SiteInput> sites);

    /// <summary>Draws the initial weights.</summary>
    internal abstract void Initialise(ulong seed);
}

/// <summary>A tiny network for every subcomponent, on its inner activation alone (METHOD §2): the <see cref="Gate"/> of its site.</summary>
public sealed class GateFunction(IReadOnlyList<Site> sites) : ImportanceFunction
{
    public override IEnumerable<(string Name, Parameter Parameter)> NamedParameters =>
        sites.SelectMany(site => site.Gate.NamedParameters()).Select(entry => (entry.Parameter.Name, entry.Parameter));

    public override IEnumerable<Value> Build(Graph graph, IReadOnlyList<SiteInput> sites) =>
        sites.Select(site => site.Site.Gate.Build(graph, site.Inner(graph)));

    internal override void Initialise(ulong seed)
    {
        foreach (var site in sites) site.Gate.Initialise(new RandomSequence(seed, DecompositionStreams.Gates.Stream(site.Index)));
    }
}

/// <summary>A linear map with its weight <c>[d_out, d_in]</c> and bias <c>[d_out]</c>, of a causal importance function.</summary>
internal sealed class ImportanceLayer
{
    public ImportanceLayer(string name, int inputs, int outputs, bool hasBias = true)
    {
        Weight = new Parameter($"{name}.weight", outputs, inputs);
        if (hasBias) Bias = new Parameter($"{name}.bias", outputs);
    }

    public Parameter Weight { get; }

    public Parameter? Bias { get; }

    public IEnumerable<Parameter> Parameters => Bias is null ? [Weight] : [Weight, Bias];

    public Value Apply(Graph graph, Value x) => graph.AddBias(graph.MatMul(Weight, x), Bias);

    /// <summary>Weights from N(0, gain² / d_in); biases stay 0.</summary>
    public void Initialise(RandomSequence random, double gain = 1) => random.FillNormal(Weight.Values, gain / Math.Sqrt(Weight.Columns));
}

/// <summary>Linear maps with the exact GELU between them.</summary>
internal sealed class ImportanceMlp
{
    public ImportanceMlp(string name, int inputs, IReadOnlyList<int> hidden, int outputs)
    {
        int[] widths = [inputs, .. hidden, outputs];
        Layers = [.. Enumerable.Range(0, widths.Length - 1).Select(i => new ImportanceLayer($"{name}.layers.{i}", widths[i], widths[i + 1]))];
    }

    public IReadOnlyList<ImportanceLayer> Layers { get; }

    public IEnumerable<Parameter> Parameters => Layers.SelectMany(layer => layer.Parameters);

    public Value Apply(Graph graph, Value x)
    {
        for (int i = 0; i < Layers.Count; i++) x = Layers[i].Apply(graph, i == 0 ? x : graph.Add(new Gelu(x)));
        return x;
    }

    /// <summary>Weights that a GELU follows from N(0, 2 / d_in), the last from N(0, 1 / d_in).</summary>
    public void Initialise(RandomSequence random)
    {
        foreach (var layer in Layers) layer.Initialise(random, layer == Layers[^1] ? 1 : Math.Sqrt(2));
    }
}

/// <summary>An MLP for every site, from the site's input to all of its subcomponents: <c>a → hidden → C</c>, with the exact GELU between (VPD §4.4).</summary>
public sealed class SiteMlpFunction : ImportanceFunction
{
    private readonly Dictionary<Site, ImportanceMlp> _mlps;

    /// <summary>Networks of zeros.</summary>
    /// <param name="sites">The sites.</param>
    /// <param name="hidden">Widths of the hidden layers; none for a linear map.</param>
    public SiteMlpFunction(IReadOnlyList<Site> sites, IReadOnlyList<int> hidden) =>
        _mlps = sites.ToDictionary(site => site, site => new ImportanceMlp($"{site.Name}.importance", SiteInput.FeaturesOf(site), hidden, site.C));

    public override IEnumerable<(string Name, Parameter Parameter)> NamedParameters =>
        _mlps.Values.SelectMany(mlp => mlp.Parameters).Select(parameter => (parameter.Name, parameter));

    public override IEnumerable<Value> Build(Graph graph, IReadOnlyList<SiteInput> sites) =>
        sites.Select(site => _mlps[site.Site].Apply(graph, site.Vector(graph)));

    internal override void Initialise(ulong seed)
    {
        foreach (var (site, mlp) in _mlps) mlp.Initialise(new RandomSequence(seed, DecompositionStreams.Gates.Stream(site.Index)));
    }
}

/// <summary>
/// One MLP over all sites: their inputs one below the other, in the order of their names, <c>→ hidden → Σ C</c>, with the exact GELU between, cut into sites again.
/// </summary>
public sealed class GlobalMlpFunction : ImportanceFunction
{
    private readonly IReadOnlyList<Site> _sites;
    private readonly ImportanceMlp _mlp;

    /// <summary>A network of zeros.</summary>
    /// <param name="sites">The sites.</param>
    /// <param name="hidden">Widths of the hidden layers; none for a linear map.</param>
    public GlobalMlpFunction(IReadOnlyList<Site> sites, IReadOnlyList<int> hidden)
    {
        _sites = SiteConcatenation.InOrder(sites);
        _mlp = new ImportanceMlp("importance", _sites.Sum(SiteInput.FeaturesOf), hidden, _sites.Sum(site => site.C));
    }

    public override IEnumerable<(string Name, Parameter Parameter)> NamedParameters => _mlp.Parameters.Select(parameter => (parameter.Name, parameter));

    public override IEnumerable<Value> Build(Graph graph, IReadOnlyList<SiteInput> sites)
    {
        var vectors = sites.ToDictionary(site => site.Site, site => site.Vector(graph));
        var x = SiteConcatenation.Joined(graph, [.. _sites.Select(site => vectors[site])]);
        return SiteConcatenation.Cut(graph, _mlp.Apply(graph, x), _sites, sites);
    }

    internal override void Initialise(ulong seed) => _mlp.Initialise(new RandomSequence(seed, DecompositionStreams.Gates.Stream()));
}

/// <summary>How functions over all sites read and write them one below the other.</summary>
internal static class SiteConcatenation
{
    /// <summary>The sites by their names, in the order of their letters' numbers.</summary>
    public static IReadOnlyList<Site> InOrder(IReadOnlyList<Site> sites) => [.. sites.OrderBy(site => site.Name, StringComparer.Ordinal)];

    /// <summary>Panels one below the other.</summary>
    public static Value Joined(Graph graph, IReadOnlyList<Value> parts)
    {
        int rows = parts.Sum(part => part.Rows), first = 0;
        var placed = new List<Value>();
        foreach (var part in parts)
        {
            placed.Add(graph.Add(new PlacedRows(part, first, rows)));
            first += part.Rows;
        }

        return graph.Sum(placed);
    }

    /// <summary>The rows of each site, for sites in another order.</summary>
    public static IReadOnlyList<Value> Cut(Graph graph, Value joined, IReadOnlyList<Site> order, IReadOnlyList<SiteInput> sites)
    {
        var cut = new Dictionary<Site, Value>();
        int first = 0;
        foreach (var site in order)
        {
            cut[site] = graph.RowRange(joined, first, site.C);
            first += site.C;
        }

        return [.. sites.Select(site => cut[site.Site])];
    }
}
