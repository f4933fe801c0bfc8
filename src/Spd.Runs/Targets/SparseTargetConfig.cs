using Spd.Networks;
using Spd.Networks.Data;

namespace Spd.Runs.Targets;

/// <summary>How a target network of sparse features is trained; the keys are those of the released train configs.</summary>
public abstract record SparseTargetConfig : TrainedTargetConfig
{
    public abstract override SparseTargetKind Kind { get; }

    /// <summary>Chance that a feature is active, above 0 and at most 1.</summary>
    [Probability]
    public double FeatureProbability { get; init; } = 0.05;

    /// <summary>How the active features of an example are chosen.</summary>
    public DataGenerationType DataGenerationType { get; init; }

    /// <summary>Disjoint groups of features that are active together, or null.</summary>
    public IReadOnlyList<IReadOnlyList<int>>? SyncedInputs { get; init; }

    /// <summary>Lower and upper end of an active feature's value.</summary>
    protected abstract (double Lowest, double Highest) ValueRange { get; }

    /// <summary>The data it is trained on.</summary>
    public SparseFeatures TrainingData() => Inputs(FeatureProbability, DataGenerationType);

    /// <summary>Inputs like those it is trained on, of another density.</summary>
    /// <exception cref="ArgumentException">They cannot be drawn so.</exception>
    public SparseFeatures Inputs(double featureProbability, DataGenerationType type) =>
        new(Features, featureProbability, type, ValueRange.Lowest, ValueRange.Highest, SyncedInputs);

    public virtual bool Equals(SparseTargetConfig? other) => base.Equals(other);

    public override int GetHashCode() => base.GetHashCode();
}
