using Spd.Engine.Optimisation;
using Spd.Networks;
using Spd.Networks.Training;

namespace Spd.Runs.Targets;

/// <summary>How a target network is trained (<c>target: train:</c>); the keys are those of the released train configs.</summary>
public abstract record TrainedTargetConfig : TargetConfig
{
    public abstract override TrainedTargetKind Kind { get; }

    /// <summary>Seed of the initial weights and of the data.</summary>
    public ulong Seed { get; init; }

    /// <summary>Training steps, at least 1.</summary>
    [AtLeast(1)]
    public int Steps { get; init; } = 10_000;

    /// <summary>Examples of a batch, at least 1.</summary>
    [BatchRows]
    public int BatchSize { get; init; } = 1024;

    /// <summary>Full learning rate, above 0.</summary>
    [Positive]
    public double Lr { get; init; } = 5e-3;

    /// <summary>How the learning rate changes; not exponential.</summary>
    public ScheduleShape LrSchedule { get; init; } = ScheduleShape.Constant;

    /// <summary>The options of the training.</summary>
    public virtual TrainingOptions Training => new()
    {
        Seed = Seed,
        Steps = Steps,
        BatchSize = BatchSize,
        LearningRate = Lr,
        Schedule = new LearningRateSchedule(LrSchedule),
    };

    public virtual bool Equals(TrainedTargetConfig? other) => base.Equals(other);

    public override int GetHashCode() => base.GetHashCode();
}
