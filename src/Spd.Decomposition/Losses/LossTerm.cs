using System.Diagnostics.CodeAnalysis;
using Spd.Engine.Execution;
using Spd.Engine.Graphs;
using Spd.Engine.Operations;
using Spd.Engine.Planning;
using Spd.Networks;

namespace Spd.Decomposition;

/// <summary>A term of the objective, with its coefficient. A loss is a record that derives from it.</summary>
[DynamicallyAccessedMembers(OptionRanges.Needed)]
public abstract record LossTerm
{
    /// <summary>Its coefficient, or that of its main part.</summary>
    [NotNegative]
    public double Coeff { get; init; } = 1;

    /// <summary>What it is called in logs and checkpoints; no two terms of an objective are called alike.</summary>
    public string Name { get => field ?? DefaultName; init; }

    /// <summary>Whether what a step computes depends on how many steps there are, so that a training cannot be prolonged as it is.</summary>
    public virtual bool DependsOnSteps => false;

    /// <summary>What it is called where nothing else is said.</summary>
    protected abstract string DefaultName { get; }

    /// <summary>Whether it searches for its masks, so that it is nothing without a training.</summary>
    internal virtual bool IsAdversarial => false;

    /// <summary>Describes it, and adds it to the objective.</summary>
    internal abstract void AddTo(LossContext context);
}

/// <summary>What the terms of an objective share.</summary>
/// <param name="Seed">Seed of what sources start from.</param>
/// <param name="Steps">Steps of the training, which schedules go by.</param>
/// <param name="NMaskSamples">Samples of stochastic masks.</param>
/// <param name="OutputLossType">How outputs are compared.</param>
/// <param name="UseDeltaComponent">Whether masks scale Δ too.</param>
internal sealed record LossSettings(ulong Seed, int Steps, int NMaskSamples, OutputLoss OutputLossType, bool UseDeltaComponent);

/// <summary>What terms are described with.</summary>
/// <param name="Objective">What they are added to.</param>
/// <param name="Model">The components.</param>
/// <param name="Target">The target's pass and the causal importances.</param>
/// <param name="Settings">What terms share.</param>
/// <param name="Batch">The shape of a batch.</param>
/// <param name="Backend">What adversaries compute with; null where losses are only measured, without them.</param>
/// <param name="RecordedMasks">Where stochastic masks come from in place of fresh random numbers, by purpose; null for those.</param>
internal sealed record LossContext(
    Objective Objective, ComponentModel Model, CausalImportance Target, LossSettings Settings, Batch Batch, Backend? Backend,
    Func<StreamPurpose, MaskSource>? RecordedMasks = null)
{
    public Graph Graph => Objective.Graph;

    /// <summary>What is searched for in every step, before the losses are computed.</summary>
    public List<Adversary> Adversaries { get; } = [];

    /// <summary>What is kept from step to step beside parameters and adversaries.</summary>
    public List<MovingFrequencies> Averages { get; } = [];

    /// <summary>Stochastic masks as the options say: continuous or binomial, with Δ or without; in the lanes that a routing sends to a site.</summary>
    public MaskSource StochasticMasks(StreamPurpose purpose, Routing? routing = null)
    {
        if (RecordedMasks is not null) return RecordedMasks(purpose);
        return Masks.Stochastic(purpose, Model.Importances.Sampling).With(Settings.UseDeltaComponent ? Deltas(purpose) : null, Routes(purpose, routing));
    }

    /// <summary>m_Δ drawn afresh for every lane and site.</summary>
    public static Func<Graph, SiteActivations, int, Value> Deltas(StreamPurpose purpose) =>
        (graph, site, sample) => graph.Uniform(1, purpose.Stream(DecompositionStreams.FirstDelta + site.Site.Index, sample));

    /// <summary>Which lanes a routing sends to a site; null where all are.</summary>
    public Func<Graph, SiteActivations, int, Value>? Routes(StreamPurpose purpose, Routing? routing)
    {
        if (routing is null || RecordedMasks is null) return routing?.RouteOf(this, purpose);
        var masks = RecordedMasks(purpose);
        return (graph, site, sample) => masks(graph, site, sample)!.Route!;
    }

    /// <summary>How far an output is from the target's.</summary>
    public Value DistanceTo(Value output) => Reconstruction.Distance(Graph, output, Target.TargetOutput, Settings.OutputLossType);
}

/// <summary>Which sites a lane is routed to in a pass where all are replaced: elsewhere the site is the target's own.</summary>
public abstract record Routing
{
    /// <summary>Whether all positions of a sequence are routed alike.</summary>
    public bool IsByRow { get; init; }

    /// <summary>1 where a site is replaced, one row.</summary>
    internal abstract Func<Graph, SiteActivations, int, Value> RouteOf(LossContext context, StreamPurpose purpose);

    private protected Value Uniform(Graph graph, int rows, uint stream) => graph.Add(new Uniform(rows, stream, IsByRow ? Domain.Sequence : Domain.Lane));
}

/// <summary>A subset of the sites of uniform size, every one of that size equally likely (VPD §2).</summary>
public sealed record UniformSubset : Routing
{
    internal override Func<Graph, SiteActivations, int, Value> RouteOf(LossContext context, StreamPurpose purpose) => (graph, site, sample) =>
    {
        if (context.Model.Sites is [var only])
        {
            throw new SiteSelectionException(
                $"a loss is routed to subsets of the sites, but '{only.Name}' is the only one, which every subset would hold: decompose more, or take the loss of all sites");
        }

        var noise = Uniform(graph, context.Model.Sites.Count, purpose.Stream(DecompositionStreams.RouteNoise, sample));
        var choice = Uniform(graph, 1, purpose.Stream(DecompositionStreams.RouteChoice, sample));
        return graph.RowRange(graph.Add(new RandomSubset(noise, choice)), site.Site.Index, 1);
    };
}

/// <summary>Each site with one probability, whatever the others.</summary>
/// <param name="P">The probability.</param>
public sealed record StaticProbability(double P) : Routing
{
    internal override Func<Graph, SiteActivations, int, Value> RouteOf(LossContext context, StreamPurpose purpose) => (graph, site, sample) =>
    {
        var noise = graph.RowRange(Uniform(graph, context.Model.Sites.Count, purpose.Stream(DecompositionStreams.RouteNoise, sample)), site.Site.Index, 1);
        return graph.Below(noise, P);
    };
}
