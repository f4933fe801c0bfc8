namespace Spd.Decomposition;

/// <summary>How well the subcomponents of a site match the columns of the target's matrix, where those columns are the known mechanisms (METHOD §8).</summary>
/// <param name="Mmcs">Mean over columns of the largest cosine similarity with a subcomponent's column.</param>
/// <param name="Ml2r">Mean over columns of the norm of the best match's column over the target column's.</param>
/// <param name="BestMatches">For every column, the subcomponent that matches best.</param>
/// <remarks>
/// Unless told otherwise, only significant subcomponents are candidates. The directions of dead ones are noise, and among many in few dimensions some
/// point along a column to four digits: taken over all, a run that found every mechanism can be reported with the length of a dead subcomponent.
/// </remarks>
public sealed record ColumnMatch(double Mmcs, double Ml2r, IReadOnlyList<int> BestMatches)
{
    /// <summary>Whether every column has a subcomponent of its own.</summary>
    public bool IsOneToOne => BestMatches.Distinct().Count() == BestMatches.Count;

    /// <summary>
    /// Matches the columns of W with <c>U_c V_c,j</c>, the columns of the components. A target column of zeros matches nothing and is left out.
    /// </summary>
    public static ColumnMatch Of(FactoredMatrix site) => Of(site, Significance.Of(site));

    /// <summary>The same with other candidates; all subcomponents of the site, for example.</summary>
    public static ColumnMatch Of(FactoredMatrix site, IReadOnlyList<int> candidates)
    {
        int inputs = site.Inputs, outputs = site.Outputs;
        var components = candidates.Select(c => (Index: c, Matrix: site.Subcomponent(c))).ToList();
        var cosines = new List<double>();
        var ratios = new List<double>();
        var best = new List<int>();
        for (int j = 0; j < inputs; j++)
        {
            double[] column = [.. Enumerable.Range(0, outputs).Select(o => (double)site.Target[o, j])];
            double norm = Math.Sqrt(column.Sum(value => value * value));
            if (norm == 0) continue;
            var matches = components.Select(component =>
            {
                double dot = 0, square = 0;
                for (int o = 0; o < outputs; o++)
                {
                    double entry = component.Matrix[o, j];
                    dot += entry * column[o];
                    square += entry * entry;
                }

                return (Subcomponent: component.Index, Cosine: square == 0 ? -1 : dot / (Math.Sqrt(square) * norm), Norm: Math.Sqrt(square));
            });
            var match = matches.DefaultIfEmpty((Subcomponent: -1, Cosine: double.NaN, Norm: double.NaN)).MaxBy(candidate => candidate.Cosine);
            cosines.Add(match.Cosine);
            ratios.Add(match.Norm / norm);
            best.Add(match.Subcomponent);
        }

        return new ColumnMatch(cosines.DefaultIfEmpty(double.NaN).Average(), ratios.DefaultIfEmpty(double.NaN).Average(), best);
    }
}

/// <summary>Counts of subcomponents that matter.</summary>
public static class Significance
{
    /// <summary>A subcomponent is significant when its Frobenius norm exceeds this share of the largest of its site.</summary>
    public const double NormShare = 0.05;

    /// <summary>The significant subcomponents of a site, largest first.</summary>
    public static IReadOnlyList<int> Of(FactoredMatrix site)
    {
        double[] norms = site.Norms();
        double threshold = NormShare * norms.Max();
        return [.. Enumerable.Range(0, site.C).Where(c => norms[c] > threshold).OrderByDescending(c => norms[c])];
    }
}
