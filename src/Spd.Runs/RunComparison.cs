using Spd.Runs.Configuration;

namespace Spd.Runs;

/// <summary>Where configurations of runs differ.</summary>
public static class RunComparison
{
    private const string SeedOfTarget = "target.train.seed";
    private const int DifferencesTold = 3;

    // They say nothing about what is computed.
    private static readonly string[] IgnoredKeys = ["name", "description", "tensorboard"];

    /// <summary>The keys in which configurations differ, with the value of each run; null where it has no such key.</summary>
    /// <param name="configs">The texts of the configurations.</param>
    public static IReadOnlyList<(string Key, IReadOnlyList<string?> Values)> Differences(IReadOnlyList<string> configs)
    {
        var flat = configs.Select(FlatConfig.Read).ToList();
        return
        [
            .. from key in flat.SelectMany(config => config.Keys).Distinct()
               where !PublishedNumbers.Has(key)
               let values = flat.Select(config => config.GetValueOrDefault(key)).ToList()
               where values.Distinct().Count() > 1
               select (key, (IReadOnlyList<string?>)values),
        ];
    }

    /// <summary>That a run is of another configuration, as a clause with the first keys in which it differs.</summary>
    /// <param name="differences">What <see cref="Differences(string, string, IReadOnlyList{string})"/> found, at least one.</param>
    internal static string Told(IReadOnlyList<string> differences) =>
        $"is a run of another configuration ({string.Join(", ", differences.Take(DifferencesTold))}{(differences.Count > DifferencesTold ? ", …" : "")})";

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
               where value != other && !IgnoredKeys.Contains(key) && !PublishedNumbers.Has(key) && !except.Contains(key) && !(key == SeedOfTarget && IsSeedTried(value, other))
               select $"{key} {value} instead of {other}",
        ];

        static bool IsSeedTried(string value, string first) => ulong.TryParse(value, out ulong seed) && ulong.TryParse(first, out ulong start)
            && seed >= start && seed - start < TargetProvider.MostSeeds;
    }
}
