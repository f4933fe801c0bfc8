using Spd.Engine.Execution;
using Spd.Networks;
using Spd.Runs.Configuration;

namespace Spd.Runs.Targets;

/// <summary>A kind of network that is trained here on sparse features, of which it should learn every one.</summary>
public abstract class SparseTargetKind : TrainedTargetKind
{
    internal override string FeatureName => "feature";

    internal override KeyTable<TaskConfig> TaskKeys => TargetKeys.SparseTask(this);

    public override string Goal => "learnt every feature";

    /// <summary>Which features a trained network has learnt.</summary>
    public abstract bool[] LearntFeatures(SparseTargetConfig config, Module network, Backend backend);

    public override Lesson Examine(TrainedTargetConfig config, Module network, Backend backend)
    {
        bool[] learnt = LearntFeatures((SparseTargetConfig)config, network, backend);
        int count = learnt.Count(isLearnt => isLearnt);
        return count == learnt.Length
            ? new Lesson(true, $"it has learnt all {count} features")
            : new Lesson(false, $"it has learnt only {count} of {learnt.Length} features");
    }

    public override TargetData Data(TargetConfig config, TaskConfig task)
    {
        var inputs = ((SparseTargetConfig)config).Inputs(task.FeatureProbability, task.DataGenerationType);
        return new TargetData(inputs, inputs);
    }
}
