using Spd.Engine.Execution;
using Spd.Engine.Optimisation;
using Spd.Networks;
using Spd.Runs;
using Spd.Runs.Configuration;
using Spd.Runs.Targets;

namespace Spd.Baselines;

/// <summary>
/// An experiment with APD, the method that the paper compares with (<c>method: apd</c>). The keys are those of its released configs, with
/// <c>method</c>, <c>name</c>, <c>description</c>, <c>attribution_model</c>, <c>n_eval_steps</c> and <c>target</c> added.
/// </summary>
public sealed record ApdConfig : IExperiment
{
    public string Name { get; init; } = "experiment";

    public string Description { get; init; } = "";

    /// <summary>How the target is decomposed.</summary>
    public ApdOptions Options { get; init; } = new();

    /// <summary>The kind of network and the inputs on which it is decomposed.</summary>
    public TaskConfig Task { get; init; } = new();

    /// <summary>How the target is trained.</summary>
    public TmsTargetConfig Target { get; init; } = new();

    /// <summary>Batches of the last evaluation, at least 1.</summary>
    [AtLeast(1)]
    public int NEvalSteps { get; init; } = 100;

    [AtLeast(1)]
    public int PrintFreq { get; init; } = 1000;

    [AtLeast(1)]
    public int? ImageFreq { get; init; }

    public bool ImageOnFirstStep { get; init; } = true;

    [AtLeast(1)]
    public int? SaveFreq { get; init; }

    [AtLeast(1)]
    public int? KeepEvery { get; init; }

    public bool TensorBoard { get; init; }

    public PublishedNumbers? Published { get; init; }

    ulong IExperiment.Seed => Options.Seed;

    int IExperiment.Steps => Options.Steps;

    int IExperiment.BatchSize => Options.BatchSize;

    TargetConfig IExperiment.Target => Target;

    double IExperiment.Lr => Options.Lr;

    LearningRateSchedule IExperiment.Schedule => Options.Schedule;

    double IExperiment.Work => (double)Options.C * 2 * Options.BatchSize;

    public IExperiment WithTarget(TargetConfig target) => this with { Target = (TmsTargetConfig)target };

    public IDecomposition Decompose(TrainedTarget target, Backend backend) => new ApdDecomposition(this, target, backend);

    public string ToYaml() => ConfigWriter.Write(ApdKeys.Experiment.Write(this));
}
