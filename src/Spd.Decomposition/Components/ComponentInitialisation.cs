using Spd.Engine;

namespace Spd.Decomposition;

/// <summary>What factors start from.</summary>
public enum ComponentStart
{
    /// <summary>The paper's: normals, turned along the target (METHOD §1).</summary>
    Spd,

    /// <summary><c>V ~ N(0, 1/d_in)</c>, <c>U ~ N(0, 1/C)</c> (VPD §1).</summary>
    Random,
}

/// <summary>The paper's target-aligned start of the components (METHOD §1).</summary>
public static class ComponentInitialisation
{
    /// <summary>
    /// <c>V ~ N(0,1)</c>, <c>U ~ N(0,1)</c>, each subcomponent's part scaled to unit norm; then <c>U[c,:] *= Σ_ij V[i,c] U[c,j] W[j,i]</c>, signed,
    /// so that every subcomponent starts pointing along the target.
    /// </summary>
    /// <param name="v">V <c>[C, d_in]</c>, written.</param>
    /// <param name="u">U <c>[C, d_out]</c>, written.</param>
    /// <param name="targetWeight">W <c>[d_out, d_in]</c>, row-major.</param>
    /// <param name="random">Where the normals come from: first all of V, then all of U.</param>
    public static void AlignWithTarget(Parameter v, Parameter u, ReadOnlySpan<float> targetWeight, RandomSequence random)
    {
        random.FillNormal(v.Values);
        random.FillNormal(u.Values);
        Align(v, u, targetWeight);
    }

    /// <summary>The part of <see cref="AlignWithTarget"/> after the draws: <paramref name="v"/> and <paramref name="u"/> hold the normals.</summary>
    public static void Align(Parameter v, Parameter u, ReadOnlySpan<float> targetWeight)
    {
        for (int c = 0; c < v.Rows; c++)
        {
            var vRow = v.Row(c);
            var uRow = u.Row(c);
            Normalise(vRow);
            Normalise(uRow);
            double alignment = 0;
            for (int j = 0; j < uRow.Length; j++)
                for (int i = 0; i < vRow.Length; i++)
                    alignment += (double)vRow[i] * uRow[j] * targetWeight[j * vRow.Length + i];
            foreach (ref float value in uRow) value = (float)(value * alignment);
        }
    }

    /// <summary><c>V ~ N(0, 1/d_in)</c>, <c>U ~ N(0, 1/C)</c> (VPD §1).</summary>
    /// <param name="v">V <c>[C, d_in]</c>, written.</param>
    /// <param name="u">U <c>[C, d_out]</c>, written.</param>
    /// <param name="random">Where the normals come from: first all of V, then all of U.</param>
    public static void Random(Parameter v, Parameter u, RandomSequence random)
    {
        random.FillNormal(v.Values, 1 / Math.Sqrt(v.Columns));
        random.FillNormal(u.Values, 1 / Math.Sqrt(u.Rows));
    }

    private static void Normalise(Span<float> row)
    {
        double sum = 0;
        foreach (float value in row) sum += (double)value * value;
        double norm = Math.Sqrt(sum);
        foreach (ref float value in row) value = (float)(value / norm);
    }
}
