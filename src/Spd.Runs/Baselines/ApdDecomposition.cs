using Spd.Decomposition;
using Spd.Decomposition.Baselines;
using Spd.Networks.Targets;
using Spd.Networks.Weights;
using Spd.Runs.Reporting;

namespace Spd.Runs.Baselines;

/// <summary>A run's view of <see cref="Apd"/>.</summary>
internal sealed class ApdDecomposition(ApdConfig config, TrainedTarget target, int threads) : IDecomposition
{
    private readonly Apd _apd = new((Tms)target.Network, config.DecompositionData(), config.Options, threads);

    public IReadOnlyList<FactoredMatrix> Matrices => _apd.Components.Matrices;

    public int StepsTaken => _apd.StepsTaken;

    public OutputLoss OutputLoss => OutputLoss.Mse;

    public void Train(Action<int, double> onStep, CancellationToken cancellation) =>
        _apd.Train((step, taken) => onStep(taken, step.LearningRate(taken - 1)), cancellation);

    public Evaluation Glance() => _apd.Evaluate(batches: 1);

    public Evaluation Measure() => _apd.Evaluate(config.NEvalSteps);

    public ResidualEvidence? Residual(Evaluation evaluation) => null;

    public IReadOnlyList<RunFigure> Draw(Evaluation evaluation, IReadOnlyList<MetricRecord> metrics) => ApdFigures.Draw(_apd, metrics);

    /// <summary>For every matrix <c>{name}.A [C, d_in, r]</c> and <c>{name}.B [C, r, d_out]</c>; a tied one has those of its owner and is left out.</summary>
    public void Save(string path)
    {
        var tensors = new List<TensorData>();
        foreach (var matrix in Matrices.Where(matrix => !matrix.Linear.IsTransposed))
        {
            float[] a = new float[matrix.V.Count];
            for (int row = 0; row < matrix.V.Rows; row++)
                for (int input = 0; input < matrix.Inputs; input++)
                    a[(row / matrix.Rank * matrix.Inputs + input) * matrix.Rank + row % matrix.Rank] = matrix.V[row, input];
            tensors.Add(new TensorData($"{matrix.Name}.A", [matrix.C, matrix.Inputs, matrix.Rank], a));
            tensors.Add(new TensorData($"{matrix.Name}.B", [matrix.C, matrix.Rank, matrix.Outputs], matrix.U.Values.ToArray()));
        }

        Safetensors.Write(path, tensors);
    }

    public void Dispose() => _apd.Dispose();
}
