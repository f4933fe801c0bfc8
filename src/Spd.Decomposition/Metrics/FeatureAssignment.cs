namespace Spd.Decomposition;

/// <summary>
/// The known answer for residual MLPs (METHOD §8): the subcomponents of a first matrix split into one per input feature. A feature has
/// one when, on the input <c>0.75 e_i</c>, exactly one subcomponent of all the given sites exceeds <see cref="UnneededImportance"/>, and that one
/// reaches <see cref="NeededImportance"/>.
/// </summary>
/// <remarks>
/// A target of several layers computes each feature with neurons of all of them (section 3.4 of the paper), so each layer has a subcomponent for it:
/// the answer to expect is one in every layer (<see cref="InEveryLayer"/>), and one in all layers together only where a single layer does the work.
/// </remarks>
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
    public int WithOwnSubcomponent => Enumerable.Range(0, Features).Count(HasOwn);

    /// <summary>Features with exactly one subcomponent, which another such feature has as well.</summary>
    public int WithSharedSubcomponent => Subcomponents.Count(one => one is not null) - WithOwnSubcomponent;

    /// <summary>Reads the assignment off the importance maps of sites that are looked at together.</summary>
    /// <param name="maps">Maps <c>[features, C]</c> on one active feature at a time, at least one; see <see cref="ImportanceMap.OfSingleFeatures"/>.</param>
    public static FeatureAssignment Of(IReadOnlyList<ImportanceMap> maps) =>
        new([.. Enumerable.Range(0, maps[0].Values.GetLength(0)).Select(feature => OnlyOne(maps, feature))]);

    /// <summary>The features that have a subcomponent of their own in each layer, looked at on its own.</summary>
    /// <param name="maps">The maps of the layers.</param>
    public static int InEveryLayer(IReadOnlyList<ImportanceMap> maps)
    {
        var layers = maps.Select(map => Of([map])).ToList();
        return Enumerable.Range(0, layers[0].Features).Count(feature => layers.TrueForAll(layer => layer.HasOwn(feature)));
    }

    private bool HasOwn(int feature) => Subcomponents[feature] is { } own && Subcomponents.Count(other => other == own) == 1;

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
