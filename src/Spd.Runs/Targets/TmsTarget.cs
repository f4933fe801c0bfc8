using Spd.Decomposition;
using Spd.Engine.Execution;
using Spd.Engine.Operations;
using Spd.Networks;
using Spd.Networks.Targets;
using Spd.Networks.Training;
using Spd.Runs.Configuration;
using Spd.Runs.Reporting;
using Spd.Runs.Results;

namespace Spd.Runs.Targets;

/// <summary>Toy Models of Superposition.</summary>
internal sealed class TmsTarget : SparseTargetKind
{
    /// <summary>The one of its kind.</summary>
    public static readonly TmsTarget Instance = new();

    public override string TaskName => "tms";

    public override string ModelKey => "tms_model_config";

    public override string TrainConfigFile => "tms_train_config.yaml";

    internal override string ReleasedClass(TargetConfig config) => "spd.experiments.tms.models.TMSModel";

    internal override string SuccessorTask => TaskName;

    public override TargetConfig Defaults => new TmsTargetConfig();

    internal override ConfigKey<TargetConfig> TargetKey { get; } = TargetKeys.Target(TargetKeys.Trained(TmsKeys.Target));

    public override string ToYaml(TargetConfig config) => ConfigWriter.Write(TmsKeys.Target.Write((TmsTargetConfig)config));

    public override void Train(
        TrainedTargetConfig config, Module network, Backend backend, Action<int, double> onStep, ITrainingStore store, CancellationToken cancellation) =>
        SupervisedTraining.TrainOnLabels(
            network, ((TmsTargetConfig)config).TrainingData(), (graph, x) => graph.Add(new Absolute(x)), config.Training, backend, onStep, store, cancellation);

    public override bool[] LearntFeatures(SparseTargetConfig config, Module network, Backend backend) => ((Tms)network).RepresentedFeatures(backend);

    internal override IEnumerable<(string Metric, MetricValue Value)> Evidence(ComponentModel model, TargetData data, Evaluation? evaluation, ulong seed, Backend backend) =>
        TmsEvidence.Of(model.Sites, (Tms)model.Network);

    internal override SiteDirections DirectionsOf(ComponentModel model, TargetData data, Site site)
    {
        const string Feature = "feature", Hidden = "hidden unit";
        var network = (Tms)model.Network;
        return SiteDirections.Of(site, site.Linear == network.Linear1 ? Feature : Hidden, site.Linear == network.Linear2 ? Feature : Hidden);
    }

    public override IEnumerable<RunFigure> Draw(ComponentModel model, TargetData data, Backend backend) => TmsFigures.Draw(model, (Tms)model.Network, backend);
}
