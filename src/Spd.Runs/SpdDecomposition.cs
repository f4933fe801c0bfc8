using Spd.Engine.Execution;
using Spd.Decomposition;
using Spd.Formats;
using Spd.Networks;
using Spd.Runs.Activations;
using Spd.Runs.Configuration;
using Spd.Runs.Log;
using Spd.Runs.Reporting;
using Spd.Runs.Results;
using Spd.Runs.Targets;

namespace Spd.Runs;

/// <summary>A run's view of a <see cref="Decomposer"/>.</summary>
internal sealed class SpdDecomposition : IDecomposition
{
    private readonly ExperimentConfig _config;
    private readonly Backend _backend;
    private readonly TargetData _data;
    private readonly Decomposer _decomposer;

    /// <summary>A decomposition; its inputs are those that the configuration names, where <paramref name="data"/> is null.</summary>
    public SpdDecomposition(ExperimentConfig config, TrainedTarget target, Backend backend, TargetData? data = null)
    {
        (_config, _backend) = (config, backend);
        _data = data ?? config.Target.Kind.Data(config.Target, config.Task);
        if (target.Network is Transformer network && _data.Training.Length > network.ContextLength)
        {
            throw new ConfigException(
                $"task_config.max_seq_len is {_data.Training.Length}, but the network takes sequences of at most {network.ContextLength} tokens: set it to so many, or fewer");
        }

        _decomposer = new Decomposer(target.Network, _data.Training, config.Decomposition, backend, _data.Evaluation);
    }

    public IReadOnlyList<FactoredMatrix> Matrices => _decomposer.Components.Sites;

    /// <summary>The sites.</summary>
    public IReadOnlyList<Site> Sites => _decomposer.Components.Sites;

    public Training Training => _decomposer;

    public OutputLoss OutputLoss => _config.Decomposition.OutputLossType;

    public Evaluation Glance() => _decomposer.Evaluate(batches: 1, adversarialBatches: 0);

    public Evaluation Measure() => _decomposer.Evaluate(_config.NEvalSteps);

    public IEnumerable<(string Metric, MetricValue Value)> Evidence(Evaluation? evaluation) =>
        _config.Target.Kind.Evidence(_decomposer.Components, _data, evaluation, _config.Decomposition.Seed, _backend);

    public LabelledRows? Rows => _data.Rows;

    public IReadOnlyList<RunFigure> Draw(Evaluation evaluation, IReadOnlyList<MetricRecord> metrics) =>
    [
        .. _config.Target.Kind.Draw(_decomposer.Components, _data, _backend), .. RunFigures.Draw(evaluation, metrics),
    ];

    public IReadOnlyList<RunPage> WritePages()
    {
        double weights = _decomposer.Components.Network.NamedParameters().Sum(entry => (double)entry.Parameter.Count);
        return [.. Activations(ActivationOptions.Quick(weights, _data.Evaluation.Length, Sites.Count, ActivationOptions.StandardOf(_data))).Of(Sites).Select(report => SitePage.Of(report))];
    }

    /// <summary>What the subcomponents do.</summary>
    public RunActivations Activations(ActivationOptions options) => _data.Evaluation.Length == 1
        ? new InputActivations(_decomposer.Components, _config.Target.Kind, _data, options, OutputLoss, _config.Decomposition.Seed, _backend)
        : new TokenActivations(
            _decomposer.Components, TokenExamples.Of(_data, options.Sequences ?? ActivationOptions.StandardOf(_data), _config.Decomposition.Seed, _backend), options, _backend);

    /// <summary>Writes what is computed of examples; see <see cref="RunDump"/>.</summary>
    public long Dump(string path, int? examples, bool? hasOutputs, Action<string>? onProgress)
    {
        return RunDump.Write(
            path, _decomposer.Components, _data, examples ?? ActivationOptions.StandardOf(_data), hasOutputs ?? _data.Text is null, _config.Decomposition.Seed, _backend, onProgress);
    }

    /// <summary>Sees what the network does otherwise with some subcomponents scaled, on as many batches as it is measured on.</summary>
    public RunAblation Ablate(IReadOnlyList<ScaledSubcomponents> scaled) => RunAblation.Of(_decomposer, _data, scaled, _config.NEvalSteps, _backend);

    public void Save(string path) => ComponentWeights.Save(path, _decomposer.Components);

    public void Load(string path) => ComponentWeights.Load(path, _decomposer.Components);

    /// <summary>Takes components that have been read from a file.</summary>
    public void Load(string path, IReadOnlyList<TensorData> tensors) => ComponentWeights.Load(path, tensors, _decomposer.Components);

    public void Dispose() => _decomposer.Dispose();
}
