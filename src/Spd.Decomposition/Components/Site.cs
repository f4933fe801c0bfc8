using Spd.Engine;
using Spd.Networks;

namespace Spd.Decomposition;

/// <summary>
/// A decomposed matrix: the linear map, its C rank-one subcomponents and their gates. Subcomponent <c>c</c> is the matrix <c>U[c,:]ᵀ V[:,c]ᵀ</c>;
/// both factors are stored a row per subcomponent.
/// </summary>
public sealed class Site
{
    internal Site(int index, string name, Linear linear, Parameter v, Parameter u, Gate gate)
    {
        (Index, Name, Linear, V, U, Gate) = (index, name, linear, v, u, gate);
        TargetWeight = linear.EffectiveWeight();
    }

    /// <summary>Its number among the sites; random masks are drawn by it.</summary>
    public int Index { get; }

    /// <summary>The path of the linear map.</summary>
    public string Name { get; }

    /// <summary>The map, frozen.</summary>
    public Linear Linear { get; }

    /// <summary>V as <c>[C, d_in]</c>: row <c>c</c> is the paper's column <c>V[:,c]</c>.</summary>
    public Parameter V { get; }

    /// <summary>U as <c>[C, d_out]</c>.</summary>
    public Parameter U { get; }

    /// <summary>The causal importance functions.</summary>
    public Gate Gate { get; }

    /// <summary>C.</summary>
    public int C => V.Rows;

    /// <summary>The target's W <c>[d_out, d_in]</c>, row-major, as it was when the site was made.</summary>
    public float[] TargetWeight { get; }

    /// <summary>The Frobenius norms of the subcomponents, <c>‖V[:,c]‖ ‖U[c,:]‖</c>.</summary>
    public double[] Norms() => [.. Enumerable.Range(0, C).Select(c => Norm(V.Row(c)) * Norm(U.Row(c)))];

    /// <summary>Subcomponent <paramref name="c"/> as a matrix <c>[d_out, d_in]</c>.</summary>
    public float[,] Subcomponent(int c)
    {
        float[,] matrix = new float[U.Columns, V.Columns];
        for (int output = 0; output < U.Columns; output++)
            for (int input = 0; input < V.Columns; input++)
                matrix[output, input] = U[c, output] * V[c, input];
        return matrix;
    }

    /// <summary>The sum of all subcomponents, <c>(V U)ᵀ</c> <c>[d_out, d_in]</c>.</summary>
    public float[,] Sum()
    {
        float[,] sum = new float[U.Columns, V.Columns];
        for (int output = 0; output < U.Columns; output++)
        {
            for (int input = 0; input < V.Columns; input++)
            {
                double entry = 0;
                for (int c = 0; c < C; c++) entry += (double)U[c, output] * V[c, input];
                sum[output, input] = (float)entry;
            }
        }

        return sum;
    }

    private static double Norm(ReadOnlySpan<float> row)
    {
        double sum = 0;
        foreach (float value in row) sum += (double)value * value;
        return Math.Sqrt(sum);
    }
}
