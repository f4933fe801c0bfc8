using Spd.Engine;
using Spd.Engine.Graphs;
using Spd.Engine.Kernels;

namespace Spd.Decomposition.Baselines;

/// <summary>
/// One matrix's part of <c>mean_B Σ_c Σ_ρ (m_c ‖A_cρ‖² ‖B_cρ‖² + 1e-16)^(p/2) / N</c>, where <c>m_c</c> is one on the rows of the batch on which
/// component c is active: so all that the batch says is the share of rows on which it is.
/// </summary>
/// <param name="matrix">The matrix.</param>
/// <param name="p">p.</param>
/// <param name="divisor">N.</param>
/// <param name="activeShares">For each component the share of active rows; read at each evaluation.</param>
public sealed class SchattenPenalty(FactoredMatrix matrix, double p, double divisor, double[] activeShares) : WeightLoss
{
    private const double Smallest = 1e-16;

    /// <inheritdoc/>
    protected override IEnumerable<Parameter> Parameters => [matrix.V, matrix.U];

    /// <inheritdoc/>
    protected override double Evaluate(KernelSet kernels, ParameterGradients? gradients)
    {
        double sum = 0, inactive = Math.Pow(Smallest, p / 2);
        for (int row = 0; row < matrix.V.Rows; row++)
        {
            Span<float> a = matrix.V.Row(row), b = matrix.U.Row(row);
            double aSquare = Square(a), bSquare = Square(b), square = aSquare * bSquare + Smallest, share = activeShares[row / matrix.Rank];
            sum += share * Math.Pow(square, p / 2) + (1 - share) * inactive;
            if (gradients is null || share == 0) continue;
            double factor = Coefficient / divisor * share * p * Math.Pow(square, p / 2 - 1);
            AddScaled(gradients.Of(matrix.V).Slice(row * a.Length, a.Length), factor * bSquare, a);
            AddScaled(gradients.Of(matrix.U).Slice(row * b.Length, b.Length), factor * aSquare, b);
        }

        return sum / divisor;
    }

    private static double Square(ReadOnlySpan<float> row)
    {
        double sum = 0;
        foreach (float value in row) sum += (double)value * value;
        return sum;
    }

    private static void AddScaled(Span<float> sum, double factor, ReadOnlySpan<float> row)
    {
        for (int i = 0; i < row.Length; i++) sum[i] += (float)(factor * row[i]);
    }
}
