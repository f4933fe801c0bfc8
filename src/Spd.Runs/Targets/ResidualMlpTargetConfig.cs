using Spd.Engine.Optimisation;
using Spd.Networks;
using Spd.Networks.Targets;
using Spd.Networks.Training;

namespace Spd.Runs.Targets;

/// <summary>How a residual MLP is trained; the keys are those of the released <c>resid_mlp_train_config.yaml</c>.</summary>
public sealed record ResidualMlpTargetConfig : SparseTargetConfig
{
    /// <summary>A configuration with the released trainer's defaults.</summary>
    public ResidualMlpTargetConfig()
    {
        (Steps, BatchSize, Lr, LrSchedule, FeatureProbability) = (1000, 2048, 3e-3, ScheduleShape.Cosine, 0.01);
    }

    public override SparseTargetKind Kind => ResidualMlpTarget.Instance;

    /// <summary>The shape of the network (<c>resid_mlp_config</c>), with <c>fixed_random_embedding</c> and <c>fixed_identity_embedding</c>.</summary>
    public ResidualMlpConfig Model { get; init; } = new() { FixedRandomEmbedding = false };

    /// <summary>Labels and loss.</summary>
    public ResidualMlpTask Task { get; init; } = new();

    public override int Features => Model.NFeatures;

    protected override (double Lowest, double Highest) ValueRange => (-1, 1);

    public override Module Build() => new ResidualMlp(Model);

    public bool Equals(ResidualMlpTargetConfig? other) => base.Equals(other);

    public override int GetHashCode() => base.GetHashCode();
}
