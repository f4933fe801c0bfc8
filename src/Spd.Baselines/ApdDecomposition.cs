using Spd.Decomposition;
using Spd.Engine.Execution;
using Spd.Formats;
using Spd.Networks.Targets;
using Spd.Runs;
using Spd.Runs.Log;
using Spd.Runs.Reporting;
using Spd.Runs.Results;
using Spd.Runs.Targets;

namespace Spd.Baselines;

/// <summary>A run's view of <see cref="Apd"/>.</summary>
internal sealed class ApdDecomposition(ApdConfig config, TrainedTarget target, Backend backend) : IDecomposition
{
    private readonly Apd _apd = new((Tms)target.Network, config.Target.Kind.Data(config.Target, config.Task).Training, config.Options, backend);

    public IReadOnlyList<FactoredMatrix> Matrices => _apd.Components.Matrices;

    public Training Training => _apd;

    public OutputLoss OutputLoss => OutputLoss.Mse;

    public Evaluation Glance() => _apd.Evaluate(batches: 1);

    public Evaluation Measure() => _apd.Evaluate(config.NEvalSteps);

    public IEnumerable<(string Metric, MetricValue Value)> Evidence(Evaluation? evaluation) => TmsEvidence.Of(Matrices, _apd.Components.Network);

    public LabelledRows? Rows => null;

    public IReadOnlyList<RunFigure> Draw(Evaluation evaluation, IReadOnlyList<MetricRecord> metrics) => ApdFigures.Draw(_apd, metrics, backend);

    public IReadOnlyList<RunPage> WritePages() => [];

    /// <summary>For every matrix <c>{name}.A [C, d_in, r]</c> and <c>{name}.B [C, r, d_out]</c>; a tied one has those of its owner and is left out.</summary>
    public void Save(string path) => Safetensors.Write(path, Owned.SelectMany(matrix => new[]
    {
        new TensorData($"{matrix.Name}.A", [matrix.C, matrix.Inputs, matrix.Rank], Turned(matrix.V.Values, matrix.C, matrix.Rank)),
        new TensorData($"{matrix.Name}.B", [matrix.C, matrix.Rank, matrix.Outputs], matrix.U.Values.ToArray()),
    }));

    public void Load(string path)
    {
        var owned = Owned.ToList();
        var tensors = ComponentWeights.TensorsOf(path, [.. owned.SelectMany(matrix => new[]
        {
            ($"{matrix.Name}.A", new[] { matrix.C, matrix.Inputs, matrix.Rank }), ($"{matrix.Name}.B", new[] { matrix.C, matrix.Rank, matrix.Outputs }),
        })]);
        for (int i = 0; i < owned.Count; i++)
        {
            Turned(tensors[2 * i].Values, owned[i].C, owned[i].Inputs).CopyTo(owned[i].V.Values);
            tensors[2 * i + 1].Values.CopyTo(owned[i].U.Values);
        }
    }

    public void Dispose() => _apd.Dispose();

    private IEnumerable<FactoredMatrix> Owned => Matrices.Where(matrix => !matrix.Linear.IsTransposed);

    /// <summary><c>[C, rows, columns]</c> as <c>[C, columns, rows]</c>.</summary>
    private static float[] Turned(ReadOnlySpan<float> values, int c, int rows)
    {
        int columns = values.Length / c / rows;
        float[] turned = new float[values.Length];
        for (int i = 0; i < values.Length; i++)
        {
            int component = i / (rows * columns), row = i / columns % rows, column = i % columns;
            turned[(component * columns + column) * rows + row] = values[i];
        }

        return turned;
    }
}
