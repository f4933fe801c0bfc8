using System.Diagnostics.CodeAnalysis;
using Spd.Engine.Optimisation;
using Spd.Networks;

namespace Spd.Decomposition;

/// <summary>How a decomposition is trained, whatever the method. The configuration keys of the released configs are these names in snake case.</summary>
[DynamicallyAccessedMembers(OptionRanges.Needed)]
public abstract record MethodOptions
{
    /// <summary>Seed of the initial components, of all that is drawn, and of the data.</summary>
    public ulong Seed { get; init; }

    /// <summary>Full learning rate.</summary>
    [Positive]
    public double Lr { get; init; } = 1e-3;

    /// <summary>Shape of the learning rate over the run.</summary>
    public ScheduleShape LrSchedule { get; init; } = ScheduleShape.Constant;

    /// <summary>Halflife of the exponential schedule, in steps.</summary>
    [Positive]
    public double? LrExponentialHalflife { get; init; }

    /// <summary>Share of the steps that warm up, in [0, 1].</summary>
    [Share]
    public double LrWarmupPct { get; init; }

    /// <summary>What a <see cref="ScheduleShape.HalfCosine"/> ends at, as a share of the full rate.</summary>
    [Share]
    public double LrFinalValFrac { get; init; }

    /// <summary>T: optimisation steps, at least 1.</summary>
    [AtLeast(1)]
    public int Steps { get; init; } = 10_000;

    /// <summary>B: rows of a batch, at least 1.</summary>
    [BatchRows]
    public int BatchSize { get; init; } = 4096;

    /// <summary>The learning rate schedule that the three keys describe.</summary>
    public LearningRateSchedule Schedule => new(LrSchedule, LrWarmupPct, LrExponentialHalflife) { Floor = LrFinalValFrac };

    /// <summary>Checks every option against its range, and what they say together.</summary>
    /// <exception cref="ArgumentException">An option is out of its range; one sentence says which and why.</exception>
    public virtual void Validate()
    {
        OptionRanges.Check(this, GetType());
        if (LrSchedule == ScheduleShape.Exponential && LrExponentialHalflife is null)
            throw new ArgumentException("LrExponentialHalflife is null, but an exponential schedule needs it: the steps in which the learning rate halves");
    }
}
