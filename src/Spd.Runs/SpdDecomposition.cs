using Spd.Decomposition;
using Spd.Formats;
using Spd.Runs.Log;
using Spd.Networks.Targets;
using Spd.Runs.Reporting;
using Spd.Runs.Results;
using Spd.Runs.Targets;

namespace Spd.Runs;

/// <summary>A run's view of a <see cref="Decomposer"/>.</summary>
internal sealed class SpdDecomposition(ExperimentConfig config, TrainedTarget target, int threads) : IDecomposition
{
    private readonly Decomposer _decomposer = new(
        target.Network, config.DecompositionData(), config.Decomposition, threads, config.Target.EvaluationData(config.Task));

    public IReadOnlyList<FactoredMatrix> Matrices => _decomposer.Components.Sites;

    private readonly Lazy<LabelledRows?> _measuredRows = new(() => (config.Target as MlpTargetConfig)?.ReadRows().HeldOut);

    /// <summary>The sites.</summary>
    public IReadOnlyList<Site> Sites => _decomposer.Components.Sites;

    public int StepsTaken => _decomposer.StepsTaken;

    public TrainingState State => _decomposer.State;

    public void Resume(int stepsTaken, long evaluatedBatches) => _decomposer.Resume(stepsTaken, evaluatedBatches);

    public OutputLoss OutputLoss => config.Decomposition.OutputLossType;

    public void Train(Action<int> onStep, CancellationToken cancellation) => _decomposer.Train((_, taken) => onStep(taken), cancellation);

    public double LearningRate(long step) => config.Decomposition.Lr * config.Decomposition.Schedule.Factor(step, config.Decomposition.Steps);

    public Evaluation Glance() => _decomposer.Evaluate(batches: 1, adversarialBatches: 0);

    public Evaluation Measure() => _decomposer.Evaluate(config.NEvalSteps);

    public IEnumerable<(string Metric, MetricValue Value)> Evidence(Evaluation? evaluation) =>
    [
        .. target.Network is Tms tms ? TmsEvidence.Of(Matrices, tms) : [],
        .. evaluation is null ? [] : ResidualEvidence.Of(_decomposer.Components, evaluation)?.Metrics ?? [],
        .. evaluation is null ? [] : TaskEvidence.Of(_decomposer.Components, _measuredRows.Value, config.Decomposition.Seed),
    ];

    public IReadOnlyList<RunFigure> Draw(Evaluation evaluation, IReadOnlyList<MetricRecord> metrics) =>
    [
        .. _measuredRows.Value is { } rows ? MlpFigures.Draw(_decomposer.Components, rows) : [],
        .. RunFigures.Draw(_decomposer.Components, evaluation, metrics),
    ];

    public void Save(string path) => ComponentWeights.Save(path, _decomposer.Components);

    public void Load(string path) => ComponentWeights.Load(path, _decomposer.Components);

    /// <summary>Takes components that have been read from a file.</summary>
    public void Load(string path, IReadOnlyList<TensorData> tensors) => ComponentWeights.Load(path, tensors, _decomposer.Components);

    public void Dispose() => _decomposer.Dispose();
}
