using Spd.Runs;
using Spd.Runs.Configuration;
using Spd.Runs.Targets;

namespace Spd.Baselines;

/// <summary>APD among the methods of a catalogue: <c>new ExperimentCatalog(folder) { Methods = [ApdMethod.Instance] }</c>.</summary>
public sealed class ApdMethod : Method
{
    internal const string Key = "apd";

    private ApdMethod()
    {
    }

    /// <summary>The one there is.</summary>
    public static ApdMethod Instance { get; } = new();

    public override string Name => Key;

    internal override Loaded<IExperiment> Read(ConfigMap root, string name, ExperimentCatalog catalog)
    {
        if (ExperimentLoader.TargetOfTask(root) is not TmsTargetConfig target)
            throw root.Error("APD is available for a Toy Model of Superposition only: set task_name to tms and target to one of its targets, such as tms_5-2");
        var (config, notes) = ExperimentLoader.Bind(ApdKeys.Experiment, new ApdConfig { Name = name, Target = target }, root, catalog);
        return new Loaded<IExperiment>(config, notes);
    }
}
