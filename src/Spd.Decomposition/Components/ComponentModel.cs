using Spd.Engine;
using Spd.Engine.Graphs;
using Spd.Engine.Operations;
using Spd.Networks;

namespace Spd.Decomposition;

/// <summary>
/// A network whose chosen matrices are split into subcomponents. The network is frozen; the factors V and U of every site and the causal importance functions
/// train.
/// </summary>
public sealed class ComponentModel
{
    private readonly Dictionary<Linear, Site> _siteOf;

    private ComponentModel(Module network, IReadOnlyList<Site> sites, ImportanceFunction importances)
    {
        Network = network;
        Sites = sites;
        Importances = importances;
        _siteOf = [];
        foreach (var site in sites)
        {
            if (!_siteOf.TryAdd(site.Linear, site))
            {
                throw new SiteSelectionException(
                    $"'{_siteOf[site.Linear].Name}' and '{site.Name}' are one and the same linear map: register it under one name");
            }
        }

        var own = importances.NamedParameters.Select(entry => entry.Parameter);
        Factors = new ParameterSet(sites.SelectMany(site => new[] { site.V, site.U }));
        ImportanceParameters = new ParameterSet(own);
        Parameters = importances is GateFunction
            ? new ParameterSet(sites.SelectMany(site => site.Gate.NamedParameters().Select(entry => entry.Parameter).Prepend(site.U).Prepend(site.V)))
            : new ParameterSet(Factors.Parameters.Concat(own));
    }

    /// <summary>The target.</summary>
    public Module Network { get; }

    /// <summary>The decomposed matrices, in the order in which the network declares them.</summary>
    public IReadOnlyList<Site> Sites { get; }

    /// <summary>The causal importance functions.</summary>
    public ImportanceFunction Importances { get; }

    /// <summary>Everything that trains.</summary>
    public ParameterSet Parameters { get; }

    /// <summary>V and U of every site, of <see cref="Parameters"/>.</summary>
    public ParameterSet Factors { get; }

    /// <summary>What the causal importance functions are made of, of <see cref="Parameters"/>.</summary>
    public ParameterSet ImportanceParameters { get; }

    /// <summary>N: entries of all decomposed matrices together, which faithfulness is a mean over.</summary>
    public int TargetEntries => Sites.Sum(site => site.Target.Count);

    /// <summary>Splits the matrices that the patterns name, with the paper's initialisation.</summary>
    /// <param name="network">The target; its weights are read now and not changed.</param>
    /// <param name="patterns">Glob patterns over module paths.</param>
    /// <param name="c">C, subcomponents per site.</param>
    /// <param name="k">K, hidden neurons of a gate; 0 is a linear gate.</param>
    /// <param name="seed">Seed of the initial values.</param>
    /// <param name="cBySite">C by glob pattern over the sites' paths, where they differ; null for <paramref name="c"/> everywhere.</param>
    /// <param name="start">What factors start from.</param>
    /// <param name="isUntied">Whether matrices that the network ties have factors of their own all the same.</param>
    /// <param name="importances">The causal importance functions; null for the paper's, gates of <paramref name="k"/> hidden neurons.</param>
    /// <exception cref="SiteSelectionException">
    /// A pattern matches nothing or no linear map, a site has no C or two, or two that are tied have different ones.
    /// </exception>
    public static ComponentModel Create(
        Module network, IReadOnlyList<string> patterns, int c, int k, ulong seed, IReadOnlyDictionary<string, int>? cBySite = null,
        ImportanceOptions? importances = null, ComponentStart start = ComponentStart.Spd, bool isUntied = false)
    {
        var sites = new List<Site>();
        var selected = SitePatterns.Select(network, patterns);
        var counts = cBySite is null ? null : SitePatterns.SubcomponentCounts([.. selected.Select(map => map.Path)], cBySite);
        for (int i = 0; i < selected.Count; i++) sites.Add(NewSite(isUntied ? [] : sites, i, selected[i].Path, selected[i].Linear, counts?[i] ?? c, importances is null ? k : importances.GateWidth));
        var model = new ComponentModel(network, sites, importances?.Make(sites) ?? new GateFunction(sites));
        foreach (var site in sites)
        {
            // A tied site starts as the transpose of the one it is tied to: their factors are the same memory.
            if (sites.Take(site.Index).Any(earlier => earlier.V.SharesMemoryWith(site.V) || earlier.V.SharesMemoryWith(site.U))) continue;
            var random = new RandomSequence(seed, DecompositionStreams.Components.Stream(site.Index));
            if (start == ComponentStart.Random) ComponentInitialisation.Random(site.V, site.U, random);
            else ComponentInitialisation.AlignWithTarget(site.V, site.U, site.Target.Values, random);
        }

        model.Importances.Initialise(seed);
        return model;
    }

    /// <summary>
    /// The pass of the network with some sites replaced by their masked subcomponents, <c>y = Uᵀ((V x) ∘ m) + b</c>, and everything else as it is.
    /// </summary>
    /// <param name="graph">The graph that it is added to.</param>
    /// <param name="sites">The sites that are replaced.</param>
    /// <param name="maskOf">The mask of a site; null for all ones, without what the subcomponents lack of its matrix.</param>
    // A mask is described where its site is, so that it and its gradient lie in memory no longer than they must.
    public ForwardPass MaskedPass(Graph graph, IReadOnlyCollection<Site> sites, Func<Site, SiteMask?> maskOf) => new(graph, (linear, input) =>
    {
        if (!_siteOf.TryGetValue(linear, out var site) || !sites.Contains(site)) return null;
        var inner = linear.Apply(graph, site.V, input);                        // h = V x          (C, B)
        var (m, own) = Weighted(graph, site, maskOf(site));
        var masked = m is null ? inner : graph.Multiply(inner, m);              // h ∘ m            (C, B)
        var output = graph.MatMul(site.U, masked, transposed: true);           // y = Uᵀ (h ∘ m)   (d_out, B)
        if (own is not null)
            output = graph.Plus(output, graph.Add(new ScaleLanes(linear.Apply(graph, linear.Weight, input, linear.IsTransposed), own)));
        return graph.AddBias(output, linear.Bias);
    });

    /// <summary>
    /// The pass of the target with some subcomponents scaled in place: the site's own matrix becomes <c>W − Σ_c (1 − scale) U[c,:]ᵀ V[:,c]ᵀ</c>. All else stays as it
    /// is, the other subcomponents and what all of them together lack of W (<c>W − Σ_c U[c,:]ᵀ V[:,c]ᵀ</c>) too, so that the change is these subcomponents' alone.
    /// </summary>
    /// <param name="graph">The graph that it is added to.</param>
    /// <param name="scaled">The subcomponents; their values are read now. A site may come several times, a subcomponent once.</param>
    /// <exception cref="ArgumentException">A site is another model's or has no such subcomponent, or one comes twice.</exception>
    public ForwardPass ScaledPass(Graph graph, params IReadOnlyList<ScaledSubcomponents> scaled)
    {
        var changes = scaled.GroupBy(entry => entry.Site).ToDictionary(group => group.Key, Change);
        return new ForwardPass(graph, (linear, input) =>
        {
            if (!_siteOf.TryGetValue(linear, out var site) || !changes.TryGetValue(site, out var change)) return null;
            var own = linear.Apply(graph, linear.Weight, input, linear.IsTransposed);
            var changed = graph.MatMul(change.U, linear.Apply(graph, change.V, input), transposed: true);
            return graph.AddBias(graph.Plus(own, changed), linear.Bias);
        });
    }

    /// <summary>The factors of what is added to a site's matrix: the rows of V, and those of U times scale − 1.</summary>
    private (Parameter V, Parameter U) Change(IGrouping<Site, ScaledSubcomponents> scaled)
    {
        var site = scaled.Key;
        var entries = scaled.SelectMany(entry => entry.Subcomponents.Select(c => (C: c, Factor: (float)(entry.Scale - 1)))).ToList();
        if (!Sites.Contains(site)) throw new ArgumentException($"'{site.Name}' is a site of another model");
        if (entries.Count == 0) throw new ArgumentException($"no subcomponent of '{site.Name}' is named");
        foreach (var (c, _) in entries)
        {
            if (c < 0 || c >= site.C) throw new ArgumentException($"'{site.Name}' has no subcomponent {c}: its {site.C} subcomponents are numbered 0 to {site.C - 1}");
            if (entries.Count(entry => entry.C == c) > 1) throw new ArgumentException($"subcomponent {c} of '{site.Name}' is named twice");
        }

        var (v, u) = (new Parameter($"{site.Name}.scaled_V", entries.Count, site.Inputs), new Parameter($"{site.Name}.scaled_U", entries.Count, site.Outputs));
        foreach (var (row, (c, factor)) in entries.Index())
        {
            site.V.Row(c).CopyTo(v.Row(row));
            for (int i = 0; i < site.Outputs; i++) u.Row(row)[i] = factor * site.U.Row(c)[i];
        }

        return (v, u);
    }

    /// <summary>
    /// By what h and W x are multiplied: <c>Uᵀ (m ∘ h) + m_Δ Δ x = Uᵀ ((m − m_Δ) ∘ h) + m_Δ W x</c>, so that there is no product with Δ, and no gradient of one.
    /// A lane that is not routed to the site is one where m and m_Δ are 1.
    /// </summary>
    private static (Value? Inner, Value? Own) Weighted(Graph graph, Site site, SiteMask? mask)
    {
        if (mask is null or { Delta: null, Route: null }) return (mask?.Components, null);
        Value InAllRows(Value row) => graph.Add(new RepeatRows(row, site.C));
        var (m, delta, route) = mask;
        var inner = m;
        if (delta is not null)
            inner = m is null ? InAllRows(graph.Add(new Affine(delta, -1, 1))) : graph.Plus(m, InAllRows(graph.Add(new Affine(delta, -1, 0))));
        if (route is null) return (inner, delta);
        var elsewhere = graph.Add(new Affine(route, -1, 1));
        return (inner is null ? InAllRows(route) : graph.Add(new ScaleLanes(inner, route)), delta is null ? elsewhere : graph.Add(new Interpolate(elsewhere, delta)));
    }

    /// <summary>The unmodified network, with the input of every site noted on the way.</summary>
    internal (Value Output, IReadOnlyDictionary<Site, Value> SiteInputs) TargetForward(Graph graph, Value x)
    {
        var inputs = new Dictionary<Site, Value>();
        var output = Network.Forward(new ForwardPass(graph, (linear, input) =>
        {
            if (_siteOf.TryGetValue(linear, out var site) && !inputs.TryAdd(site, input))
            {
                throw new SiteSelectionException(
                    $"'{site.Name}' is used twice in one forward pass, but a site has one input: "
                    + "give each use a linear map of its own, tied by Linear.TransposeOf where they share a matrix");
            }

            return null;
        }), x);
        if (Sites.FirstOrDefault(site => !inputs.ContainsKey(site)) is { } unused)
        {
            throw new SiteSelectionException(
                $"'{unused.Name}' is not used in the network's forward pass, so there is nothing to decompose it on: "
                + "leave it out of the patterns");
        }

        return (output, inputs);
    }

    private static Site NewSite(List<Site> earlier, int index, string path, Linear linear, int c, int? k)
    {
        var tied = earlier.Find(site => site.Linear.Weight == linear.Weight);
        if (tied is not null && tied.C != c)
        {
            throw new SiteSelectionException(
                $"C is {tied.C} for '{tied.Name}' and {c} for '{path}', but they are one matrix and its transpose, with the same subcomponents: give both the same C");
        }

        bool isTranspose = tied?.Linear.IsTransposed != linear.IsTransposed;
        var v = tied is null ? new Parameter($"{path}.V", c, linear.Inputs) : Parameter.SharingMemoryWith(isTranspose ? tied.U : tied.V, $"{path}.V");
        var u = tied is null ? new Parameter($"{path}.U", c, linear.Outputs) : Parameter.SharingMemoryWith(isTranspose ? tied.V : tied.U, $"{path}.U");
        return new Site(index, path, linear, v, u, k is { } width ? new Gate(path, c, width) : null);
    }
}
