using Spd.Engine.Graphs;
using Spd.Engine.Operations;
using Spd.Engine.Optimisation;
using Spd.Networks;

namespace Spd.Decomposition;

/// <summary>
/// Reconstruction under sources that are searched for anew in every step: <c>s ← clamp(s + η sign ∂L/∂s)</c>, so many times, and then the loss with them as
/// constants (VPD §3).
/// </summary>
public sealed record PgdReconLoss : LossTerm
{
    /// <summary>What sources start from.</summary>
    public SourceStart Init { get; init; }

    /// <summary>η, above 0.</summary>
    [Positive]
    public double StepSize { get; init; } = 0.1;

    /// <summary>Ascents, at least 0.</summary>
    [AtLeast(0)]
    public int NSteps { get; init; } = 1;

    /// <summary>Which examples and positions share sources.</summary>
    public SourceScope Scope { get; init; } = SourceScope.Single;

    /// <summary>How lanes are routed to sites, in the ascents too; null for all sites everywhere.</summary>
    public Routing? Routing { get; init; }

    /// <summary>Whether a site is replaced at a time, each with a search of its own.</summary>
    public bool IsLayerwise { get; init; }

    protected override string DefaultName => IsLayerwise ? "pgd_recon_layerwise" : Routing is null ? "pgd_recon" : "pgd_recon_subset";

    internal override bool IsAdversarial => true;

    internal override void AddTo(LossContext context)
    {
        var passes = IsLayerwise ? Reconstruction.OneSiteAtATime(context.Target.Sites) : [context.Target.Sites];
        foreach (var (i, pass) in passes.Index())
        {
            var sources = new AdversarialSources(
                IsLayerwise ? $"{Name}.{pass[0].Site.Name}" : Name, context.Model, context.Batch, Scope, context.Settings.UseDeltaComponent);
            var climbed = new Objective(context.Graph);
            var route = context.Routes(DecompositionStreams.PgdRoutes, Routing);
            AddLoss(climbed, 1, route);
            AddLoss(context.Objective, 1.0 / passes.Count, route);
            context.Adversaries.Add(new Adversary(sources, climbed, new SignSgd(), _ => StepSize, (0, 1), NSteps, context.Backend!) { StartsAnew = Init });

            void AddLoss(Objective objective, double weight, Func<Graph, SiteActivations, int, Value>? route)
            {
                var output = context.Model.MaskedForward(context.Graph, context.Target.Input, pass, sources.Masks(route), i);
                objective.Add(Name, context.DistanceTo(output), weight, objective == context.Objective ? Coeff : 1);
            }
        }
    }
}

/// <summary>How lasting sources climb.</summary>
public abstract record SourceRule
{
    /// <summary>The full rate.</summary>
    [Positive]
    public double StartVal { get; init; } = 0.01;

    /// <summary>Share of the steps over which the rate rises from 0, in a straight line.</summary>
    [Share]
    public double WarmupPct { get; init; }

    /// <summary>Shape of the rate behind that.</summary>
    public ScheduleShape FnType { get; init; }

    /// <summary>What <see cref="ScheduleShape.HalfCosine"/> ends at, as a share of the full rate.</summary>
    [Share]
    public double FinalValFrac { get; init; } = 1;

    internal abstract IUpdateRule Rule { get; }

    internal LearningRateSchedule Schedule => new(FnType, WarmupPct) { Floor = FinalValFrac };

    internal Func<long, double> RateOver(int steps) => step => StartVal * Schedule.Factor(step, steps);
}

/// <summary>Adam, without decay.</summary>
public sealed record AdamSources : SourceRule
{
    /// <summary>Decay of the first moment.</summary>
    [Share]
    public double Beta1 { get; init; } = 0.9;

    /// <summary>Decay of the second moment.</summary>
    [Share]
    public double Beta2 { get; init; } = 0.999;

    /// <summary>Added to the denominator.</summary>
    [Positive]
    public double Eps { get; init; } = 1e-8;

    internal override IUpdateRule Rule => new AdamW(0, Beta1, Beta2, Eps);
}

/// <summary>By the sign of the gradient.</summary>
public sealed record SignSources : SourceRule
{
    internal override IUpdateRule Rule => new SignSgd();
}

/// <summary>Along the gradient, with momentum.</summary>
public sealed record MomentumSources : SourceRule
{
    /// <summary>The momentum; 0 for none.</summary>
    [Share]
    public double Momentum { get; init; }

    internal override IUpdateRule Rule => new Sgd(Momentum);
}

/// <summary>
/// Reconstruction under sources that last from step to step (VPD §3.1): some ascents on the batch at hand, the loss with the sources that they come to, and one
/// more ascent by the gradient that the loss leaves, as if its coefficient were 1.
/// </summary>
public sealed record PersistentPgdReconLoss : LossTerm
{
    /// <summary>How sources climb.</summary>
    public SourceRule Optimizer { get; init; } = new AdamSources();

    /// <summary>Which examples and positions share sources.</summary>
    public SourceScope Scope { get; init; } = SourceScope.RowAndPosition;

    /// <summary>Ascents before the losses are computed.</summary>
    [AtLeast(0)]
    public int NWarmupSteps { get; init; } = 2;

    /// <summary>Whether sources are squashed by the logistic function in place of being kept within [0, 1].</summary>
    public bool UseSigmoidParameterization { get; init; }

    /// <summary>How lanes are routed to sites; null for all sites everywhere.</summary>
    public Routing? Routing { get; init; }

    /// <summary>Whether ascents are routed too, each by draws of its own; else they replace all sites everywhere.</summary>
    public bool RoutesAscents { get; init; }

    /// <summary>
    /// The share of the rows under these sources, all sites replaced; the others are stochastic, routed by <see cref="Routing"/> (VPD §3.3). 1 for all.
    /// </summary>
    [Share]
    public double AdvFraction { get; init; } = 1;

    public override bool DependsOnSteps => Optimizer.Schedule.DependsOnSteps;

    protected override string DefaultName =>
        AdvFraction < 1 ? "merged_persistent_pgd_recon" : Routing is null ? "persistent_pgd_recon" : "persistent_pgd_recon_subset";

    internal override bool IsAdversarial => true;

    internal override void AddTo(LossContext context)
    {
        var (graph, purpose) = (context.Graph, DecompositionStreams.PersistentPgdMasks);
        bool useDelta = context.Settings.UseDeltaComponent;
        var sources = new AdversarialSources(Name, context.Model, context.Batch, Scope, useDelta, UseSigmoidParameterization);
        sources.Reset(SourceStart.Random, context.Settings.Seed, step: 0);
        var climbed = new Objective(graph);
        climbed.Add(Name, context.DistanceTo(Forward(sources.Masks(RoutesAscents ? context.Routes(DecompositionStreams.PersistentPgdRoutes, Routing) : null))));

        double unscaled = Coeff > 0 ? 1 / Coeff : 1;
        var route = context.Routes(purpose, Routing);
        var masks = AdvFraction < 1 ? Merged(unscaled, route) : sources.Masks(route, unscaled);
        context.Objective.Add(Name, context.DistanceTo(Forward(masks)), 1, Coeff);
        context.Adversaries.Add(new Adversary(
            sources, climbed, Optimizer.Rule, Optimizer.RateOver(context.Settings.Steps), UseSigmoidParameterization ? null : (0, 1), NWarmupSteps, context.Backend!));

        Value Forward(MaskSource masks) => context.Model.MaskedForward(graph, context.Target.Input, context.Target.Sites, masks);

        MaskSource Merged(double gradientFactor, Func<Graph, SiteActivations, int, Value>? route) => (graph, site, sample) =>
        {
            var row = graph.Add(new Uniform(1, DecompositionStreams.AdversarialRows, Domain.Sequence));
            var isAdversarial = graph.Below(row, AdvFraction);
            var isStochastic = graph.Add(new Affine(isAdversarial, -1, 1));
            var (own, delta) = sources.Build(graph, site.Site, gradientFactor);
            var fresh = Mixed(own, graph.Uniform(site.Site.C, purpose.Stream(site.Site.Index, sample)));
            return new SiteMask(
                graph.Add(new Interpolate(site.Importance, fresh)), delta is null ? null : Mixed(delta, LossContext.Deltas(purpose)(graph, site, sample)),
                route is null ? null : graph.Add(new Interpolate(route(graph, site, sample), isAdversarial)));

            Value Mixed(Value source, Value random) => graph.Plus(graph.Add(new ScaleLanes(source, isAdversarial)), graph.Add(new ScaleLanes(random, isStochastic)));
        };
    }
}
