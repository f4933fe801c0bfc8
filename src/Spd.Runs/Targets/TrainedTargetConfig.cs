using Spd.Engine.Optimisation;
using Spd.Networks;
using Spd.Networks.Data;
using Spd.Networks.Training;

namespace Spd.Runs.Targets;

/// <summary>How a target network is trained (<c>target: train:</c>); the keys are those of the released train configs.</summary>
public abstract record TrainedTargetConfig : TargetConfig
{
    public abstract override TrainedTargetKind Kind { get; }

    /// <summary>AdamW's weight decay.</summary>
    public const double WeightDecay = 0.01;

    /// <summary>Seed of the initial weights and of the data.</summary>
    public ulong Seed { get; init; }

    /// <summary>Training steps, at least 1.</summary>
    [AtLeast(1)]
    public int Steps { get; init; } = 10_000;

    /// <summary>Rows of a batch, at least 1.</summary>
    [BatchRows]
    public int BatchSize { get; init; } = 1024;

    /// <summary>Full learning rate, above 0.</summary>
    [Positive]
    public double Lr { get; init; } = 5e-3;

    /// <summary>How the learning rate changes; not exponential.</summary>
    public ScheduleShape LrSchedule { get; init; } = ScheduleShape.Constant;

    /// <summary>Chance that a feature is active, above 0 and at most 1.</summary>
    [Probability]
    public double FeatureProbability { get; init; } = 0.05;

    /// <summary>How the active features of an example are chosen.</summary>
    public DataGenerationType DataGenerationType { get; init; }

    /// <summary>Disjoint groups of features that are active together, or null.</summary>
    public IReadOnlyList<IReadOnlyList<int>>? SyncedInputs { get; init; }

    /// <summary>The options of the training.</summary>
    public TrainingOptions Training => new()
    {
        Seed = Seed,
        Steps = Steps,
        BatchSize = BatchSize,
        LearningRate = Lr,
        Schedule = new LearningRateSchedule(LrSchedule),
        WeightDecay = WeightDecay,
    };

    /// <summary>Lower and upper end of an active feature's value.</summary>
    protected abstract (double Lowest, double Highest) ValueRange { get; }

    /// <summary>The data it is trained on.</summary>
    public SparseFeatures TrainingData() => Inputs(FeatureProbability, DataGenerationType);

    /// <summary>Inputs like those it is trained on, of another density.</summary>
    /// <exception cref="ArgumentException">They cannot be drawn so.</exception>
    public SparseFeatures Inputs(double featureProbability, DataGenerationType type) =>
        new(Features, featureProbability, type, ValueRange.Lowest, ValueRange.Highest, SyncedInputs);

    public virtual bool Equals(TrainedTargetConfig? other) => base.Equals(other);

    public override int GetHashCode() => base.GetHashCode();
}
