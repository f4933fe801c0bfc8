using Spd.Engine.Execution;
using Spd.Networks;
using Spd.Networks.Training;
using Spd.Runs.Configuration;

namespace Spd.Runs.Targets;

/// <summary>A kind of network that can be trained here, on sparse features.</summary>
public abstract class TrainedTargetKind : TargetKind
{
    internal override KeyTable<TaskConfig> TaskKeys => TargetKeys.SparseTask(this);

    /// <summary>Trains a network from the weights it has, or from where a store says that its training stood.</summary>
    /// <param name="config">How.</param>
    /// <param name="network">The network.</param>
    /// <param name="backend">What computes.</param>
    /// <param name="onStep">Told the step and its loss after each step.</param>
    /// <param name="store">Keeps where the training stands, and says where it stood.</param>
    /// <param name="cancellation">Stops it between two steps.</param>
    public abstract void Train(
        TrainedTargetConfig config, Module network, Backend backend, Action<int, double> onStep, ITrainingStore store, CancellationToken cancellation);

    /// <summary>Which features a trained network has learnt.</summary>
    public abstract bool[] LearntFeatures(TrainedTargetConfig config, Module network, Backend backend);

    public override string Verify(TargetConfig config, Module network, Backend backend)
    {
        bool[] learnt = LearntFeatures((TrainedTargetConfig)config, network, backend);
        int count = learnt.Count(isLearnt => isLearnt);
        return count == learnt.Length ? $"it has learnt all {count} features" : $"it has learnt only {count} of {learnt.Length} features";
    }

    public override TargetData Data(TargetConfig config, TaskConfig task)
    {
        var inputs = ((TrainedTargetConfig)config).Inputs(task.FeatureProbability, task.DataGenerationType);
        return new TargetData(inputs, inputs);
    }

    internal override ConfigFault? Fault(TargetConfig config, TaskConfig task) => ConfigFault.Of("task_config", () => Data(config, task));
}
