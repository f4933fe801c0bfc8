using Spd.Engine.Optimisation;
using Spd.Networks;
using Spd.Networks.Data;
using Spd.Networks.Training;
using Spd.Networks.Transformers;

namespace Spd.Runs.Targets;

/// <summary>How a transformer with induction heads is trained; the keys are those of the released <c>ih_train_config.yaml</c>.</summary>
public sealed record InductionTargetConfig : TrainedTargetConfig
{
    /// <summary>A configuration with the values of the released trainer.</summary>
    public InductionTargetConfig()
    {
        (Steps, Lr, LrSchedule) = (100_000, 1e-3, ScheduleShape.Linear);
    }

    public override TrainedTargetKind Kind => InductionTarget.Instance;

    /// <summary>The shape of the network (<c>ih_model_config</c>).</summary>
    public InductionConfig Model { get; init; } = new()
    {
        VocabSize = 128,
        SeqLen = 64,
        DModel = 16,
        NHeads = 1,
        NLayers = 2,
        FfFanout = 4,
        UseFf = false,
        UsePosEncoding = true,
        UseLayerNorm = false,
    };

    /// <summary>Steps in which the learning rate rises from nothing; below 1 the share of all steps.</summary>
    [NotNegative]
    public double LrWarmup { get; init; }

    /// <summary>AdamW's weight decay.</summary>
    [NotNegative]
    public double WeightDecay { get; init; } = 0.01;

    /// <summary>The last position that the first S of a sequence may have; null for the last that there is.</summary>
    [AtLeast(1)]
    public int? PrefixWindow { get; init; }

    // Tokens are one feature: their number.
    public override int Features => 1;

    public override TrainingOptions Training => base.Training with
    {
        Schedule = LrWarmup < 1 ? new LearningRateSchedule(LrSchedule, LrWarmup) : new LearningRateSchedule(LrSchedule) { WarmupSteps = (long)LrWarmup },
        WeightDecay = WeightDecay,
    };

    /// <summary>Sequences that it is decomposed or trained on.</summary>
    /// <param name="prefixWindow">The last position that the first S may have; null for the last that there is.</param>
    /// <exception cref="ArgumentException">S would have no place.</exception>
    public InductionSequences Sequences(int? prefixWindow) => new(Model, prefixWindow);

    public override Module Build() => new LastLogits(Model.Build());

    public bool Equals(InductionTargetConfig? other) => base.Equals(other);

    public override int GetHashCode() => base.GetHashCode();
}
