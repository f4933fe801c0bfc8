namespace Spd.Runs.Configuration;

/// <summary>Finds the names that somebody may have meant.</summary>
public static class NearestNames
{
    /// <summary>The names closest to a mistyped one, the closest first.</summary>
    /// <param name="name">What was typed.</param>
    /// <param name="candidates">The names that exist.</param>
    /// <param name="most">How many to return at most.</param>
    /// <param name="tolerance">The share of the longer name's letters that may have to be changed; one letter always may.</param>
    public static IReadOnlyList<string> To(string name, IEnumerable<string> candidates, int most = 3, double tolerance = 0.5)
    {
        var near =
            from candidate in candidates
            let longer = Math.Max(candidate.Length, name.Length)
            let allowed = Math.Max(1, tolerance * longer)
            // So many letters have to be inserted at least; it spares comparing a name of any length.
            where Math.Abs(candidate.Length - name.Length) <= allowed
            let distance = Distance(name, candidate)
            where distance <= allowed && distance < longer
            orderby distance, candidate
            select candidate;
        return [.. near.Take(most)];
    }

    /// <summary>
    /// Letters to insert, delete, replace or swap with their neighbour to make one name of the other (optimal string alignment);
    /// upper and lower case count as equal.
    /// </summary>
    public static int Distance(string first, string second)
    {
        (first, second) = (first.ToLowerInvariant(), second.ToLowerInvariant());
        int[,] distance = new int[first.Length + 1, second.Length + 1];
        for (int i = 0; i <= first.Length; i++) distance[i, 0] = i;
        for (int j = 0; j <= second.Length; j++) distance[0, j] = j;
        for (int i = 1; i <= first.Length; i++)
        {
            for (int j = 1; j <= second.Length; j++)
            {
                int replaced = distance[i - 1, j - 1] + (first[i - 1] == second[j - 1] ? 0 : 1);
                distance[i, j] = Math.Min(replaced, 1 + Math.Min(distance[i - 1, j], distance[i, j - 1]));
                if (i > 1 && j > 1 && first[i - 1] == second[j - 2] && first[i - 2] == second[j - 1])
                    distance[i, j] = Math.Min(distance[i, j], distance[i - 2, j - 2] + 1);
            }
        }

        return distance[first.Length, second.Length];
    }
}
