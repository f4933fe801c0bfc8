namespace Spd.Decomposition;

/// <summary>A subcomponent and the one of another decomposition that it is matched with.</summary>
/// <param name="First">The subcomponent.</param>
/// <param name="Other">The other decomposition's.</param>
/// <param name="Cosine">The absolute cosine of the two as matrices: 1 for the same direction, whatever sign and length; 0 where one is all zeros.</param>
public sealed record SubcomponentMatch(int First, int Other, double Cosine)
{
    /// <summary>Two subcomponents are the same direction above this.</summary>
    public const double SameAbove = 0.9;

    /// <summary>
    /// Matches subcomponents of two decompositions of a matrix one to one, so that the sum of the cosines is largest. Of rank-one matrices the cosine is that of
    /// what they read times that of what they write.
    /// </summary>
    /// <param name="first">A matrix.</param>
    /// <param name="these">Its subcomponents.</param>
    /// <param name="other">The matrix of the other decomposition, of the same shape.</param>
    /// <param name="those">Its subcomponents.</param>
    /// <returns>As many pairs as the fewer of the two, in the order of <paramref name="these"/>.</returns>
    public static IReadOnlyList<SubcomponentMatch> Of(FactoredMatrix first, IReadOnlyList<int> these, FactoredMatrix other, IReadOnlyList<int> those)
    {
        double[] norms = first.Norms(), otherNorms = other.Norms();
        double[,] cosines = new double[these.Count, those.Count];
        for (int i = 0; i < these.Count; i++)
        {
            for (int j = 0; j < those.Count; j++)
            {
                double cosine = Math.Abs(first.InnerProduct(these[i], other, those[j])) / (norms[these[i]] * otherNorms[those[j]]);
                cosines[i, j] = double.IsFinite(cosine) ? Math.Min(cosine, 1) : 0;
            }
        }

        return [.. LargestAssignment.Of(cosines).Index().Where(row => row.Item >= 0)
            .Select(row => new SubcomponentMatch(these[row.Index], those[row.Item], cosines[row.Index, row.Item]))];
    }
}
