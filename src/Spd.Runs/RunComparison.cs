using Spd.Decomposition;
using Spd.Runs.Configuration;

namespace Spd.Runs;

/// <summary>How alike the subcomponents of one matrix are in two runs.</summary>
/// <param name="Matrix">The matrix.</param>
/// <param name="Significant">Significant subcomponents of the first run.</param>
/// <param name="OfOther">Those of the other.</param>
/// <param name="MeanMaxCosine">
/// Mean over the pairs of a matching of the cosine similarity of the two as matrices; each is matched once, the most alike first.
/// </param>
public sealed record MatrixLikeness(string Matrix, int Significant, int OfOther, double MeanMaxCosine);

/// <summary>Runs side by side.</summary>
public static class RunComparison
{
    private const string SeedOfTarget = "target.train.seed";

    // They say nothing about what is computed.
    private static readonly string[] IgnoredKeys = ["name", "description", "tensorboard"];

    /// <summary>Compares the significant subcomponents of the matrices that two runs have in common.</summary>
    /// <param name="first">The matrices of a run.</param>
    /// <param name="other">Those of another.</param>
    public static IReadOnlyList<MatrixLikeness> Likeness(IReadOnlyList<FactoredMatrix> first, IReadOnlyList<FactoredMatrix> other) =>
    [
        .. from matrix in first
           let same = other.FirstOrDefault(candidate => candidate.Name == matrix.Name)
           where same is not null && (same.Inputs, same.Outputs) == (matrix.Inputs, matrix.Outputs)
           select Likeness(matrix, same),
    ];

    /// <summary>The keys in which configurations differ, with the value of each run.</summary>
    /// <param name="configs">The texts of the configurations.</param>
    public static IReadOnlyList<(string Key, IReadOnlyList<string> Values)> Differences(IReadOnlyList<string> configs)
    {
        var flat = configs.Select(FlatConfig.Read).ToList();
        return
        [
            .. from key in flat.SelectMany(config => config.Keys).Distinct()
               let values = flat.Select(config => config.GetValueOrDefault(key, "")).ToList()
               where values.Distinct().Count() > 1
               select (key, (IReadOnlyList<string>)values),
        ];
    }

    /// <summary>Keys in which two configurations differ, with both values: <c>steps 500 instead of 40000</c>.</summary>
    /// <remarks>
    /// A run's file has the target seed that was used: the planned one, or one of the next that were tried because a seed left a feature unlearned.
    /// That is the same configuration.
    /// </remarks>
    /// <param name="found">A configuration with every key.</param>
    /// <param name="planned">The one it should be.</param>
    /// <param name="except">Keys that may differ.</param>
    public static IReadOnlyList<string> Differences(string found, string planned, params IReadOnlyList<string> except)
    {
        var there = FlatConfig.Read(found);
        var wanted = FlatConfig.Read(planned);
        return
        [
            .. from key in there.Keys.Union(wanted.Keys)
               let value = there.GetValueOrDefault(key, "nothing")
               let other = wanted.GetValueOrDefault(key, "nothing")
               where value != other && !IgnoredKeys.Contains(key) && !except.Contains(key) && !(key == SeedOfTarget && IsSeedTried(value, other))
               select $"{key} {value} instead of {other}",
        ];

        static bool IsSeedTried(string value, string first) => ulong.TryParse(value, out ulong seed) && ulong.TryParse(first, out ulong start)
            && seed >= start && seed - start < TargetProvider.MostSeeds;
    }

    private static MatrixLikeness Likeness(FactoredMatrix matrix, FactoredMatrix other)
    {
        IReadOnlyList<int> mine = Significance.Of(matrix), theirs = Significance.Of(other);
        var pairs = from a in mine from b in theirs select (A: a, B: b, Cosine: Cosine(matrix, a, other, b));
        HashSet<int> usedA = [], usedB = [];
        var cosines = new List<double>();
        foreach (var (a, b, cosine) in pairs.OrderByDescending(pair => pair.Cosine))
        {
            if (usedA.Contains(a) || usedB.Contains(b)) continue;
            usedA.Add(a);
            usedB.Add(b);
            cosines.Add(cosine);
        }

        return new MatrixLikeness(matrix.Name, mine.Count, theirs.Count, cosines.DefaultIfEmpty(double.NaN).Average());
    }

    /// <summary>The cosine of two components as matrices: their inner product over their norms.</summary>
    private static double Cosine(FactoredMatrix matrix, int a, FactoredMatrix other, int b)
    {
        double dot = matrix.InnerProduct(a, other, b), square = matrix.InnerProduct(a, matrix, a) * other.InnerProduct(b, other, b);
        return square > 0 ? dot / Math.Sqrt(square) : 0;
    }
}
