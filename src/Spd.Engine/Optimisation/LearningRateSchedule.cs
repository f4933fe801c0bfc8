namespace Spd.Engine.Optimisation;

/// <summary>How the learning rate changes over a run (METHOD §5).</summary>
public enum ScheduleShape
{
    /// <summary>1 throughout.</summary>
    Constant,

    /// <summary><c>1 − t/T</c>.</summary>
    Linear,

    /// <summary>A quarter wave, <c>cos(½π t/(T−1))</c>.</summary>
    Cosine,

    /// <summary>A half wave that ends at the floor, <c>floor + (1 − floor) · ½ (1 + cos(π t/(T−1)))</c>, as language models are trained (VPD §10).</summary>
    HalfCosine,

    /// <summary><c>0.5^(t/halflife)</c>.</summary>
    Exponential,
}

/// <summary>A learning rate schedule with a linear warm-up.</summary>
/// <param name="Shape">The shape after the warm-up.</param>
/// <param name="WarmupFraction">Share of the steps that warm up, from 0 to 1.</param>
/// <param name="Halflife">Steps in which <see cref="ScheduleShape.Exponential"/> halves; not read by the others.</param>
public sealed record LearningRateSchedule(ScheduleShape Shape, double WarmupFraction = 0, double? Halflife = null)
{
    /// <summary>Steps that warm up; null for the share of them.</summary>
    public long? WarmupSteps { get; init; }

    /// <summary>What <see cref="ScheduleShape.HalfCosine"/> ends at, as a share of the full rate; not read by the others.</summary>
    public double Floor { get; init; }

    /// <summary>Whether what a step's factor is depends on how many steps there are, so that a training cannot be prolonged as it is.</summary>
    public bool DependsOnSteps =>
        (WarmupSteps is null && WarmupFraction > 0) || Shape is ScheduleShape.Linear or ScheduleShape.Cosine or ScheduleShape.HalfCosine;

    /// <summary>The learning rate of step <paramref name="step"/> of <paramref name="steps"/>, as a share of the full one.</summary>
    public double Factor(long step, long steps)
    {
        long warmup = WarmupSteps ?? (long)(steps * WarmupFraction);
        if (step < warmup) return (double)step / warmup;
        double t = step - warmup, total = steps - warmup;
        return Shape switch
        {
            ScheduleShape.Constant => 1,
            ScheduleShape.Linear => 1 - t / total,
            ScheduleShape.Cosine => total <= 1 ? 1 : Math.Cos(0.5 * Math.PI * t / (total - 1)),
            ScheduleShape.HalfCosine => total <= 1 ? 1 : Floor + (1 - Floor) * 0.5 * (1 + Math.Cos(Math.PI * t / (total - 1))),
            ScheduleShape.Exponential => Math.Pow(0.5, t / (Halflife ?? throw new InvalidOperationException("an exponential schedule needs a halflife"))),
            _ => throw new InvalidOperationException($"unknown schedule {Shape}"),
        };
    }
}
