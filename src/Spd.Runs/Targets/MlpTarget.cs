using Spd.Decomposition;
using Spd.Formats;
using Spd.Networks;
using Spd.Networks.Data;
using Spd.Runs.Configuration;
using Spd.Runs.Reporting;
using Spd.Runs.Results;

namespace Spd.Runs.Targets;

/// <summary>MLPs of the user's own, with their data from files.</summary>
internal sealed class MlpTarget : TargetKind
{
    /// <summary>The one of its kind.</summary>
    public static readonly MlpTarget Instance = new();

    public override string TaskName => "mlp";

    public override string ModelKey => "mlp";

    public override TargetConfig Defaults => new MlpTargetConfig();

    internal override ConfigKey<TargetConfig> TargetKey { get; } = TargetKeys.Target(MlpKeys.Target);

    internal override KeyTable<TaskConfig> TaskKeys => TargetKeys.FileTask(this);

    public override string ToYaml(TargetConfig config) => ConfigWriter.Write(MlpKeys.Target.Write((MlpTargetConfig)config));

    public override void Load(TargetConfig config, Module network)
    {
        var (path, model) = (config.Load!, ((MlpTargetConfig)config).Model);
        var tensors = WeightFile.ReadAll(path).ToDictionary(tensor => tensor.Name);
        var renamed = new List<TensorData>();
        for (int layer = 0; layer + 1 < model.LayerSizes.Count; layer++)
        {
            var weight = Take(model.Weights?[layer] ?? $"layers.{layer}.weight");
            renamed.Add((model.WeightLayout == WeightLayout.OutIn ? weight : Transposed(weight)) with { Name = $"layers.{layer}.weight" });
            if (model.Biases is not null) renamed.Add(Take(model.Biases[layer]) with { Name = $"layers.{layer}.bias" });
        }

        if (tensors.Keys.FirstOrDefault() is { } extra)
        {
            throw new FileContentException(
                $"'{path}' also holds {extra}, which the target does not use: name it under target.mlp.weights or target.mlp.biases if it is a part of the network");
        }

        ModuleWeights.Load(path, renamed, network);

        TensorData Take(string name) => tensors.Remove(name, out var tensor)
            ? tensor
            : throw new FileContentException($"'{path}' holds no {name}; it holds {string.Join(", ", tensors.Keys.Take(20))}: correct the names under target.mlp");
    }

    public override string Verify(TargetConfig config, Module network)
    {
        var mlp = (MlpTargetConfig)config;
        return MlpVerification.Of(mlp, network, ReadRows(mlp));
    }

    public override TargetData Data(TargetConfig config, TaskConfig task)
    {
        var rows = ReadRows((MlpTargetConfig)config);
        return new TargetData(new TableData(rows.Training.Table()), new TableData(rows.HeldOut.Table()), rows.HeldOut);
    }

    internal override IEnumerable<(string Metric, MetricValue Value)> Evidence(ComponentModel model, TargetData data, Evaluation? evaluation, ulong seed) =>
        evaluation is null ? [] : TaskEvidence.Of(model, data.Measured, seed);

    public override IEnumerable<RunFigure> Draw(ComponentModel model, TargetData data) => data.Measured is { } rows ? MlpFigures.Draw(model, rows) : [];

    /// <summary>Reads the rows.</summary>
    /// <exception cref="ConfigException">The files do not fit the network, or one another.</exception>
    /// <exception cref="IOException">A file is missing, damaged or of another kind.</exception>
    internal static LabelledRows ReadRows(MlpTargetConfig config) => MlpRows.Read(config.DataFiles, config.Features, outputs: config.Model.LayerSizes[^1]);

    private static TensorData Transposed(TensorData matrix) => matrix.Shape is [var rows, var columns]
        ? new TensorData(matrix.Name, [columns, rows], TensorData.Transposed(matrix.Values, rows))
        : matrix;
}
