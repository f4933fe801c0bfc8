using Spd.Engine.Operations;

namespace Spd.Decomposition;

/// <summary>How far the sums of subcomponents are from the target's matrices: <c>Σ_s ‖Δ_s‖² / Σ numel</c>, or, relative, <c>mean_s ‖Δ_s‖² / ‖W_s‖²</c> (VPD §2).</summary>
public sealed record FaithfulnessLoss : LossTerm
{
    /// <summary>Whether each matrix counts alike, whatever its size and norm.</summary>
    public bool IsRelative { get; init; }

    protected override string DefaultName => LossNames.Faithfulness;

    internal override void AddTo(LossContext context) => AddTo(context.Objective, Name, context.Model.Sites, Coeff, IsRelative);

    /// <summary>Adds the term for any factored matrices.</summary>
    /// <param name="objective">What it is added to.</param>
    /// <param name="name">What it is called in logs.</param>
    /// <param name="matrices">The matrices.</param>
    /// <param name="coefficient">Its coefficient.</param>
    /// <param name="isRelative">Whether each matrix counts alike.</param>
    public static void AddTo(Objective objective, string name, IReadOnlyList<FactoredMatrix> matrices, double coefficient, bool isRelative = false)
    {
        var graph = objective.Graph;
        double entries = matrices.Sum(matrix => matrix.Target.Count);
        foreach (var matrix in matrices)
        {
            var sum = graph.MatMul(matrix.U, graph.Weight(matrix.V), transposed: true);     // Uᵀ V   (d_out, d_in)
            double weight = matrix.Target.Count / entries;
            if (isRelative) weight = matrix.Target.Count / (SquaredNorm(matrix) * matrices.Count);
            objective.Add(name, graph.SquaredError(sum, graph.Weight(matrix.Target)), weight, coefficient);
        }
    }

    private static double SquaredNorm(FactoredMatrix matrix)
    {
        double sum = 0;
        foreach (float value in matrix.Target.Values) sum += (double)value * value;
        return sum > 0 ? sum : throw new SiteSelectionException(
            $"the matrix of '{matrix.Name}' is zero, so that no error is relative to it: leave it out of the patterns, or take the absolute faithfulness");
    }
}
