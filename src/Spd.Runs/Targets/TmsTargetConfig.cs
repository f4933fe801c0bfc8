using Spd.Engine.Execution;
using Spd.Engine.Operations;
using Spd.Networks;
using Spd.Networks.Targets;
using Spd.Networks.Training;
using Spd.Runs.Configuration;

namespace Spd.Runs.Targets;

/// <summary>How a Toy Model of Superposition is trained; the keys are those of the released <c>tms_train_config.yaml</c>.</summary>
public sealed record TmsTargetConfig : TrainedTargetConfig
{
    /// <summary>The shape of the network (<c>tms_model_config</c>), with <c>fixed_identity_hidden_layers</c> and <c>fixed_random_hidden_layers</c>.</summary>
    public TmsModelConfig Model { get; init; } = new();

    /// <inheritdoc/>
    public override int Features => Model.NFeatures;

    /// <inheritdoc/>
    protected override (double Lowest, double Highest) ValueRange => (0, 1);

    /// <inheritdoc/>
    public override Module Build() => new Tms(Model);

    /// <inheritdoc/>
    public override void Train(Module network, WorkerPool pool, Action<int, double> onStep, ITrainingStore store, CancellationToken cancellation) =>
        SupervisedTraining.Train(network, TrainingData(), (graph, x) => graph.Map(default(Absolute), x), Training, pool, onStep, store, cancellation);

    /// <inheritdoc/>
    public override bool[] LearntFeatures(Module network) => ((Tms)network).RepresentedFeatures();

    /// <inheritdoc/>
    public override string ToYaml() => ConfigWriter.Write(TmsKeys.Target.Write(this));

    /// <inheritdoc/>
    public bool Equals(TmsTargetConfig? other) => base.Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => base.GetHashCode();
}
