using Spd.Engine.Execution;
using Spd.Networks;
using Spd.Networks.Training;
using Spd.Runs.Configuration;

namespace Spd.Runs.Targets;

/// <summary>What a trained network has learnt.</summary>
/// <param name="IsLearnt">Whether that is what it should.</param>
/// <param name="Clause">A clause about it, for the user.</param>
public sealed record Lesson(bool IsLearnt, string Clause);

/// <summary>A kind of network that can be trained here.</summary>
public abstract class TrainedTargetKind : TargetKind
{
    /// <summary>What a network must have done to be decomposed, behind its name: <c>learnt every feature</c>.</summary>
    public abstract string Goal { get; }

    /// <summary>Trains a network from the weights it has, or from where a store says that its training stood.</summary>
    /// <param name="config">How.</param>
    /// <param name="network">The network.</param>
    /// <param name="backend">What computes.</param>
    /// <param name="onStep">Told the step and its loss after each step.</param>
    /// <param name="store">Keeps where the training stands, and says where it stood.</param>
    /// <param name="cancellation">Stops it between two steps.</param>
    public abstract void Train(
        TrainedTargetConfig config, Module network, Backend backend, Action<int, double> onStep, ITrainingStore store, CancellationToken cancellation);

    /// <summary>Looks what a trained network has learnt.</summary>
    public abstract Lesson Examine(TrainedTargetConfig config, Module network, Backend backend);

    public override string Verify(TargetConfig config, Module network, Backend backend) => Examine((TrainedTargetConfig)config, network, backend).Clause;

    internal override ConfigFault? Fault(TargetConfig config, TaskConfig task) => ConfigFault.Of("task_config", () => Data(config, task));
}
