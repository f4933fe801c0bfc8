using Spd.Engine.Graphs;

namespace Spd.Engine.Operations;

/// <summary>Mean over all entries of <c>(a − b)²</c>; <paramref name="b"/> is a constant to it.</summary>
/// <param name="a">The prediction.</param>
/// <param name="b">What it should be.</param>
public sealed unsafe class SquaredErrorLoss(Node a, Node b) : LossNode(OfOneSize(nameof(SquaredErrorLoss), a, b))
{
    /// <inheritdoc/>
    protected internal override double RowScale => 1.0 / a.Rows;

    /// <inheritdoc/>
    protected internal override void Forward(Workspace workspace) => workspace.AddLoss(this, Evaluate(workspace, 0, null));

    /// <inheritdoc/>
    protected internal override void Backward(Workspace workspace) => Evaluate(workspace, 2 * GradientFactor(workspace), workspace.Gradient(a));

    private double Evaluate(Workspace workspace, float factor, float* da) =>
        workspace.Kernels.SquaredError(a.Rows, workspace.Lanes, workspace.LaneMask, workspace.Value(a), workspace.Value(b), factor, da, workspace.Stride);
}

/// <summary>
/// Mean over rows of the batch of <c>Σ P (log P − log Q)</c>, P the softmax of <paramref name="target"/>,
/// Q of <paramref name="prediction"/>.
/// </summary>
/// <param name="prediction">The logits of Q.</param>
/// <param name="target">The logits of P, a constant to it.</param>
public sealed unsafe class KullbackLeiblerLoss(Node prediction, Node target) : LossNode(OfOneSize(nameof(KullbackLeiblerLoss), prediction, target))
{
    /// <inheritdoc/>
    protected internal override void Forward(Workspace workspace) => workspace.AddLoss(this, Evaluate(workspace, 0, null));

    /// <inheritdoc/>
    protected internal override void Backward(Workspace workspace) => Evaluate(workspace, GradientFactor(workspace), workspace.Gradient(prediction));

    private double Evaluate(Workspace workspace, float factor, float* dPrediction) =>
        workspace.Kernels.KullbackLeibler(
            prediction.Rows, workspace.Lanes, workspace.LaneMask, workspace.Value(prediction), workspace.Value(target), factor, dPrediction, workspace.Stride);
}

/// <summary>
/// Mean over rows of the batch of <c>Σ_c n_c x_c^p</c> for <c>x ≥ 0</c>, with <c>n_c</c> one, or the sum of the squared norms of row c of
/// <paramref name="rowWeights"/>, through which the gradient flows too.
/// </summary>
/// <param name="x">The panel.</param>
/// <param name="p">The power.</param>
/// <param name="rowWeights">Matrices with a row per row of <paramref name="x"/>.</param>
public sealed unsafe class PowerSumLoss(Node x, float p, params Parameter[] rowWeights) : LossNode(x)
{
    private readonly Parameter[] _rowWeights = Array.TrueForAll(rowWeights, parameter => parameter.Rows == x.Rows)
        ? rowWeights
        : throw new ArgumentException(
            $"a sum of powers over {x.Rows} rows needs row weights of as many rows, but got "
            + string.Join(", ", rowWeights.Select(parameter => $"'{parameter.Name}' [{parameter.Rows}, {parameter.Columns}]")));

    /// <inheritdoc/>
    protected internal override IEnumerable<Parameter> Parameters => _rowWeights;

    /// <inheritdoc/>
    protected internal override void Forward(Workspace workspace) => workspace.AddLoss(this, Evaluate(workspace, 0, null, null));

    /// <inheritdoc/>
    protected internal override void Backward(Workspace workspace)
    {
        float factor = GradientFactor(workspace);
        float* rowSums = stackalloc float[x.Rows];
        new Span<float>(rowSums, x.Rows).Clear();
        Evaluate(workspace, factor, workspace.Gradient(x), rowSums);
        foreach (var parameter in _rowWeights)
        {
            // d(Σ_lane n_c x^p)/d row = 2 row Σ_lane x^p
            float* gradient = workspace.Gradient(parameter);
            if (gradient == null) continue;
            for (int row = 0; row < parameter.Rows; row++)
                for (int column = 0; column < parameter.Columns; column++)
                    gradient[row * parameter.Columns + column] += 2 * factor * rowSums[row] * parameter[row, column];
        }
    }

    private double Evaluate(Workspace workspace, float factor, float* dx, float* rowSums)
    {
        float* norms = null;
        if (_rowWeights.Length > 0)
        {
            float* scratch = stackalloc float[x.Rows];
            for (int row = 0; row < x.Rows; row++)
            {
                scratch[row] = 0;
                foreach (var parameter in _rowWeights)
                {
                    foreach (float value in parameter.Row(row)) scratch[row] += value * value;
                }
            }

            norms = scratch;
        }

        // With zero slope the gradient is left alone: dx may still be null here.
        return workspace.Kernels.PowerSum(
            x.Rows, workspace.Lanes, p, workspace.LaneMask, norms, workspace.Value(x), factor, dx, rowSums, workspace.Stride);
    }
}
