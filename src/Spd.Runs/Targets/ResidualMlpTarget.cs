using Spd.Decomposition;
using Spd.Engine.Execution;
using Spd.Networks;
using Spd.Networks.Targets;
using Spd.Networks.Training;
using Spd.Runs.Configuration;
using Spd.Runs.Reporting;
using Spd.Runs.Results;

namespace Spd.Runs.Targets;

/// <summary>Residual MLPs.</summary>
internal sealed class ResidualMlpTarget : SparseTargetKind
{
    /// <summary>The one of its kind.</summary>
    public static readonly ResidualMlpTarget Instance = new();

    public override string TaskName => "residual_mlp";

    public override string ModelKey => "resid_mlp_config";

    public override string TrainConfigFile => "resid_mlp_train_config.yaml";

    internal override string ReleasedClass(TargetConfig config) => "spd.experiments.resid_mlp.models.ResidualMLP";

    internal override string SuccessorClass(TargetConfig config) => "spd.experiments.resid_mlp.models.ResidMLP";

    internal override string SuccessorTask => "resid_mlp";

    public override TargetConfig Defaults => new ResidualMlpTargetConfig();

    internal override ConfigKey<TargetConfig> TargetKey { get; } = TargetKeys.Target(TargetKeys.Trained(ResidualMlpKeys.Target));

    public override string ToYaml(TargetConfig config) => ConfigWriter.Write(ResidualMlpKeys.Target.Write((ResidualMlpTargetConfig)config));

    public override void Train(
        TrainedTargetConfig config, Module network, Backend backend, Action<int, double> onStep, ITrainingStore store, CancellationToken cancellation)
    {
        var task = ((ResidualMlpTargetConfig)config).Task;
        SupervisedTraining.Train(
            network, ((ResidualMlpTargetConfig)config).TrainingData(), (graph, x) => task.Loss((ResidualMlp)network, graph, x), config.Training, backend, onStep, store, cancellation);
    }

    public override bool[] LearntFeatures(SparseTargetConfig config, Module network, Backend backend) =>
        ((ResidualMlpTargetConfig)config).Task.LearntFeatures((ResidualMlp)network, backend);

    internal override IEnumerable<(string Metric, MetricValue Value)> Evidence(ComponentModel model, TargetData data, Evaluation? evaluation, ulong seed, Backend backend) =>
        evaluation is null ? [] : ResidualEvidence.Of(model, evaluation, backend)?.Metrics ?? [];

    // The residual stream is told of by the features in it.
    internal override SiteDirections DirectionsOf(ComponentModel model, TargetData data, Site site)
    {
        var (network, own) = ((ResidualMlp)model.Network, SiteDirections.Of(site, "neuron", "neuron"));
        int features = network.Config.NFeatures;
        return site.Name.EndsWith(".mlp_in", StringComparison.Ordinal)
            ? own with { ReadName = i => $"feature {i}", Read = c => SiteDirections.Against(features, own.Read(c), (k, feature) => network.Embedding[feature, k]) }
            : own with { WriteName = i => $"feature {i}", Written = c => SiteDirections.Against(features, own.Written(c), (k, feature) => network.Unembedding[k, feature]) };
    }

    public override IEnumerable<RunFigure> Draw(ComponentModel model, TargetData data, Backend backend) => ResidualFigures.Draw(model, (ResidualMlp)model.Network, backend);
}
