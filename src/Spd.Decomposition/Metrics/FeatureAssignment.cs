namespace Spd.Decomposition;

/// <summary>
/// The known answer for residual MLPs (METHOD §8): the subcomponents of all first matrices together split into one per input feature. A feature has
/// one when, on the input <c>0.75 e_i</c>, exactly one subcomponent of all the given sites exceeds <see cref="UnneededImportance"/>, and that one
/// reaches <see cref="NeededImportance"/>.
/// </summary>
/// <param name="Subcomponents">For each feature its one subcomponent, or null where it has none or several.</param>
public sealed record FeatureAssignment(IReadOnlyList<(Site Site, int Subcomponent)?> Subcomponents)
{
    /// <summary>The causal importance that a feature's one subcomponent has at least.</summary>
    public const float NeededImportance = 0.9f;

    /// <summary>The causal importance that no other subcomponent exceeds.</summary>
    public const float UnneededImportance = Evaluator.AliveThreshold;

    /// <summary>Input features.</summary>
    public int Features => Subcomponents.Count;

    /// <summary>Features with exactly one subcomponent that is no other such feature's too.</summary>
    public int WithOwnSubcomponent => Subcomponents.Where(one => one is not null).GroupBy(one => one!.Value).Count(features => features.Count() == 1);

    /// <summary>Features with exactly one subcomponent, which another such feature has as well.</summary>
    public int WithSharedSubcomponent => Subcomponents.Count(one => one is not null) - WithOwnSubcomponent;

    /// <summary>Reads the assignment off the importance maps of sites that are looked at together.</summary>
    /// <param name="maps">Maps <c>[features, C]</c> on one active feature at a time, at least one; see <see cref="ImportanceMap.OfSingleFeatures"/>.</param>
    public static FeatureAssignment Of(IReadOnlyList<ImportanceMap> maps) =>
        new([.. Enumerable.Range(0, maps[0].Values.GetLength(0)).Select(feature => OnlyOne(maps, feature))]);

    private static (Site Site, int Subcomponent)? OnlyOne(IReadOnlyList<ImportanceMap> maps, int feature)
    {
        (Site Site, int Subcomponent)? one = null;
        foreach (var map in maps)
        {
            for (int c = 0; c < map.Site.C; c++)
            {
                float importance = map.Values[feature, c];
                if (importance <= UnneededImportance) continue;
                // Above the threshold, or not a number, which is no feature's one subcomponent either.
                if (one is not null || !(importance >= NeededImportance)) return null;
                one = (map.Site, c);
            }
        }

        return one;
    }
}
