using Spd.Engine.Execution;
using Spd.Engine.Operations;
using Spd.Engine.Optimisation;
using Spd.Engine.Planning;

namespace Spd.Decomposition;

/// <summary>
/// Searches, in every step of training, for sources under which the output is far from the target's (VPD §3). What it climbs is a reconstruction of its own, in
/// which causal importances and components are constants.
/// </summary>
public sealed class Adversary
{
    // Ascents draw routes, where they do, by seeds of their own.
    private const ulong AscentSeed = 0x9E3779B97F4A7C15;

    private readonly Optimiser _optimiser;
    private Program? _ascent;

    /// <summary>An adversary before its first ascent.</summary>
    /// <param name="sources">What it moves.</param>
    /// <param name="objective">What it climbs.</param>
    /// <param name="rule">How it climbs.</param>
    /// <param name="rate">How far, by the step of training.</param>
    /// <param name="bounds">What sources are kept within; null where they are squashed.</param>
    /// <param name="ascents">How often before the losses of a step are computed.</param>
    /// <param name="backend">What computes.</param>
    internal Adversary(
        AdversarialSources sources, Objective objective, IUpdateRule rule, Func<long, double> rate, (float Low, float High)? bounds, int ascents, Backend backend)
    {
        (Sources, Objective, Ascents) = (sources, objective, ascents);
        _optimiser = new Optimiser(
            [new ParameterGroup("sources", sources.Parameters, new Ascent(rule, bounds?.Low ?? float.NegativeInfinity, bounds?.High ?? float.PositiveInfinity), update => rate(update / UpdatesOfAStep))], backend);
    }

    /// <summary>What it moves.</summary>
    public AdversarialSources Sources { get; }

    /// <summary>What it climbs.</summary>
    public Objective Objective { get; }

    /// <summary>Ascents before the losses of a step are computed.</summary>
    public int Ascents { get; }

    /// <summary>What sources start from in every step; null where they last from step to step.</summary>
    public SourceStart? StartsAnew { get; init; }

    /// <summary>The sources and what their rule keeps of them, for checkpoints; empty where every step starts anew.</summary>
    public IReadOnlyList<(string Name, Memory<float> Values)> State => StartsAnew is null ? _optimiser.State : [];

    /// <summary>For tests: is told when sources have been put back to where they start, and of every update.</summary>
    internal Action<Adversary>? Started { get; set; }

    internal Action<Adversary>? Updated { get; set; }

    /// <summary>The gradient of the last ascent.</summary>
    internal ParameterGradients? Gradients { get; private set; }

    /// <summary>The loss of each ascent's forward pass, in the step at hand.</summary>
    internal List<double> AscentLosses { get; } = [];

    // One more than there are ascents: the last is by the gradient of the losses.
    private int UpdatesOfAStep => Ascents + 1;

    /// <summary>What an ascent computes.</summary>
    public Plan Plan => _ascent!.Plan;

    internal Program AscentProgram => _ascent!;

    /// <summary>Makes the ascent ready to run.</summary>
    /// <param name="batch">The shape of a batch.</param>
    /// <param name="backend">What computes.</param>
    /// <param name="target">What has the target's pass and the causal importances of the batch.</param>
    internal void Compile(Batch batch, Backend backend, Program target) => _ascent = backend.Compile(Objective, batch, Sources.Parameters, given: target);

    /// <summary>Climbs, on the batch that the target's program has run on last.</summary>
    internal void Climb(ulong seed, long step)
    {
        AscentLosses.Clear();
        long first = step * UpdatesOfAStep;
        if (StartsAnew is { } start)
        {
            Sources.Reset(start, seed, (uint)step);
            first = 0;
            Started?.Invoke(this);
        }

        for (int i = 0; i < Ascents; i++)
        {
            _ascent!.Run(seed + (ulong)(i + 1) * AscentSeed, step);
            AscentLosses.Add(_ascent.TotalLoss);
            Update(first + i, _ascent.Gradients);
        }
    }

    /// <summary>The last ascent of a step, by the gradient that the losses themselves have left, where sources last.</summary>
    internal void ClimbBy(ParameterGradients gradients, long step)
    {
        if (StartsAnew is null) Update(step * UpdatesOfAStep + Ascents, gradients);
    }

    /// <summary>Moves the sources; updates are numbered on from step to step where sources last, and begin at 0 in every step where they do not.</summary>
    private void Update(long number, ParameterGradients gradients)
    {
        Gradients = gradients;
        _optimiser.Step(number, gradients);
        Updated?.Invoke(this);
    }
}
