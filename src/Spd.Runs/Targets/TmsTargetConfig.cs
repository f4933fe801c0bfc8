using Spd.Networks;
using Spd.Networks.Targets;

namespace Spd.Runs.Targets;

/// <summary>How a Toy Model of Superposition is trained; the keys are those of the released <c>tms_train_config.yaml</c>.</summary>
public sealed record TmsTargetConfig : TrainedTargetConfig
{
    /// <inheritdoc/>
    public override TrainedTargetKind Kind => TmsTarget.Instance;

    /// <summary>The shape of the network (<c>tms_model_config</c>), with <c>fixed_identity_hidden_layers</c> and <c>fixed_random_hidden_layers</c>.</summary>
    public TmsModelConfig Model { get; init; } = new();

    /// <inheritdoc/>
    public override int Features => Model.NFeatures;

    /// <inheritdoc/>
    protected override (double Lowest, double Highest) ValueRange => (0, 1);

    /// <inheritdoc/>
    public override Module Build() => new Tms(Model);

    /// <inheritdoc/>
    public bool Equals(TmsTargetConfig? other) => base.Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => base.GetHashCode();
}
