using Spd.Engine;
using Spd.Networks;

namespace Spd.Decomposition;

/// <summary>
/// A matrix of the target and the components that sum to it, each a product of factors with <see cref="Rank"/> rows: component <c>c</c> is
/// <c>Σ_ρ U[cR+ρ,:]ᵀ V[cR+ρ,:]</c>. With R = 1 they are the rank-one subcomponents of a <see cref="Site"/>.
/// </summary>
public class FactoredMatrix
{
    /// <summary>A linear map with factors for its matrix, which is read now.</summary>
    /// <param name="name">The path of the linear map.</param>
    /// <param name="linear">The map.</param>
    /// <param name="v">V <c>[C·R, d_in]</c>.</param>
    /// <param name="u">U <c>[C·R, d_out]</c>.</param>
    /// <param name="rank">R.</param>
    internal FactoredMatrix(string name, Linear linear, Parameter v, Parameter u, int rank)
    {
        (Name, Linear, V, U, Rank) = (name, linear, v, u, rank);
        Target = new Parameter($"{name}.W", linear.Outputs, linear.Inputs);
        linear.EffectiveWeight().CopyTo(Target.Values);
    }

    /// <summary>The path of the linear map.</summary>
    public string Name { get; }

    /// <summary>The map, frozen.</summary>
    public Linear Linear { get; }

    /// <summary>V as <c>[C·R, d_in]</c>: with R = 1, row <c>c</c> is the paper's column <c>V[:,c]</c>.</summary>
    public Parameter V { get; }

    /// <summary>U as <c>[C·R, d_out]</c>.</summary>
    public Parameter U { get; }

    /// <summary>R, the largest rank that a component can have.</summary>
    public int Rank { get; }

    /// <summary>C.</summary>
    public int C => V.Rows / Rank;

    /// <summary>d_in.</summary>
    public int Inputs => V.Columns;

    /// <summary>d_out.</summary>
    public int Outputs => U.Columns;

    /// <summary>The target's W <c>[d_out, d_in]</c> as it was when this was made, whichever way the map stores it.</summary>
    public Parameter Target { get; }

    /// <summary>The Frobenius norms of the components.</summary>
    public double[] Norms() => [.. Enumerable.Range(0, C).Select(c => Math.Sqrt(Math.Max(InnerProduct(c, this, c), 0)))];

    /// <summary>Component <paramref name="c"/> as a matrix <c>[d_out, d_in]</c>.</summary>
    public float[,] Subcomponent(int c) => SumOfRows(c * Rank, Rank);

    /// <summary>The sum of all components <c>[d_out, d_in]</c>.</summary>
    public float[,] Sum() => SumOfRows(0, V.Rows);

    /// <summary>The sum of the products of the entries of a component and one of another matrix, <c>Σ_ρσ (u_ρ · u'_σ)(v_ρ · v'_σ)</c>.</summary>
    public double InnerProduct(int c, FactoredMatrix other, int otherC)
    {
        double sum = 0;
        for (int i = c * Rank; i < (c + 1) * Rank; i++)
            for (int j = otherC * other.Rank; j < (otherC + 1) * other.Rank; j++)
                sum += Dot(U.Row(i), other.U.Row(j)) * Dot(V.Row(i), other.V.Row(j));
        return sum;

        static double Dot(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
        {
            double sum = 0;
            for (int i = 0; i < a.Length; i++) sum += (double)a[i] * b[i];
            return sum;
        }
    }

    private float[,] SumOfRows(int first, int count)
    {
        double[,] product = Rows(U).Transposed.Times(Rows(V));
        float[,] sum = new float[Outputs, Inputs];
        for (int output = 0; output < Outputs; output++)
            for (int input = 0; input < Inputs; input++) sum[output, input] = (float)product[output, input];
        return sum;

        Matrix Rows(Parameter factor) => new(factor.Values.Slice(first * factor.Columns, count * factor.Columns), count, factor.Columns);
    }
}
