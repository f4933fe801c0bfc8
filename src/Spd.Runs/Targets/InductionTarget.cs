using System.Globalization;
using Spd.Decomposition;
using Spd.Engine.Execution;
using Spd.Networks;
using Spd.Networks.Data;
using Spd.Networks.Training;
using Spd.Networks.Transformers;
using Spd.Runs.Configuration;
using Spd.Runs.Reporting;
using Spd.Runs.Results;

namespace Spd.Runs.Targets;

/// <summary>Attention-only transformers with induction heads, trained and decomposed at the last position.</summary>
internal sealed class InductionTarget : TrainedTargetKind
{
    /// <summary>The one of its kind.</summary>
    public static readonly InductionTarget Instance = new();

    // A head that has not formed finds one in some; one that has finds nearly all.
    private const double LeastAccuracy = 0.99;

    public override string TaskName => "ih";

    public override string ModelKey => "ih_model_config";

    public override string TrainConfigFile => "ih_train_config.yaml";

    internal override string ReleasedClass(TargetConfig config) => "spd.experiments.ih.model.InductionTransformer";

    internal override string SuccessorTask => TaskName;

    public override TargetConfig Defaults => new InductionTargetConfig();

    public override string Goal => "answered 99 % of the sequences rightly";

    internal override ConfigKey<TargetConfig> TargetKey { get; } = TargetKeys.Target(TargetKeys.Trained(InductionKeys.Target));

    internal override KeyTable<TaskConfig> TaskKeys => InductionKeys.Task(this);

    public override string ToYaml(TargetConfig config) => ConfigWriter.Write(InductionKeys.Target.Write((InductionTargetConfig)config));

    public override IReadOnlyList<string> Load(TargetConfig config, Module network)
    {
        ((InductionTargetConfig)config).Model.Load(config.Load!, ((LastLogits)network).Transformer);
        return [];
    }

    public override void Train(
        TrainedTargetConfig config, Module network, Backend backend, Action<int, double> onStep, ITrainingStore store, CancellationToken cancellation)
    {
        var target = (InductionTargetConfig)config;
        var sequences = target.Sequences(target.PrefixWindow);
        SupervisedTraining.Train(
            network, sequences, (graph, x) => ((LastLogits)network).CrossEntropy(graph, x, sequences.Labels), config.Training, backend, onStep, store, cancellation);
    }

    public override Lesson Examine(TrainedTargetConfig config, Module network, Backend backend)
    {
        var target = (InductionTargetConfig)config;
        double accuracy = InductionReport.AccuracyOf(network, target.Sequences(target.PrefixWindow), backend);
        string clause = string.Create(CultureInfo.InvariantCulture, $"it answers {accuracy:P2} of {InductionReport.Sequences} sequences rightly");
        return new Lesson(accuracy >= LeastAccuracy, clause);
    }

    public override TargetData Data(TargetConfig config, TaskConfig task)
    {
        var target = (InductionTargetConfig)config;
        var sequences = target.Sequences(task.PrefixWindow);
        return new TargetData(sequences, sequences)
        {
            Answers = sequences.Labels,
            Symbols = token => token == InductionConfig.FirstToken ? "BOS" : token == target.Model.InductionToken ? "S" : $"{token}",
        };
    }

    internal override IEnumerable<(string Metric, MetricValue Value)> Evidence(ComponentModel model, TargetData data, Evaluation? evaluation, ulong seed, Backend backend) =>
        evaluation is null ? [] : Report(model, data, seed, backend).Evidence();

    public override IEnumerable<RunFigure> Draw(ComponentModel model, TargetData data, Backend backend) =>
        InductionFigures.Draw(Report(model, data, seed: 0, backend));

    private static InductionReport Report(ComponentModel model, TargetData data, ulong seed, Backend backend) =>
        InductionReport.Of(model, (InductionSequences)data.Evaluation, seed, backend);
}
