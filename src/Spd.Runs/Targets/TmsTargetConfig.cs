using Spd.Networks;
using Spd.Networks.Targets;

namespace Spd.Runs.Targets;

/// <summary>How a Toy Model of Superposition is trained; the keys are those of the released <c>tms_train_config.yaml</c>.</summary>
public sealed record TmsTargetConfig : SparseTargetConfig
{
    public override SparseTargetKind Kind => TmsTarget.Instance;

    /// <summary>The shape of the network (<c>tms_model_config</c>), with <c>fixed_identity_hidden_layers</c> and <c>fixed_random_hidden_layers</c>.</summary>
    public TmsModelConfig Model { get; init; } = new();

    public override int Features => Model.NFeatures;

    protected override (double Lowest, double Highest) ValueRange => (0, 1);

    public override Module Build() => new Tms(Model);

    public bool Equals(TmsTargetConfig? other) => base.Equals(other);

    public override int GetHashCode() => base.GetHashCode();
}
