using Spd.Decomposition;
using Spd.Runs.Configuration;

namespace Spd.Runs.Activations;

/// <summary>Sees what the subcomponents of a decomposed network do.</summary>
internal abstract class RunActivations
{
    /// <summary>The site of a name, or of the end of one that no other site has.</summary>
    /// <exception cref="ConfigException">There is none; the nearest names are told.</exception>
    public static Site Find(IReadOnlyList<Site> sites, string name)
    {
        if (sites.FirstOrDefault(site => site.Name == name) is { } found) return found;
        if (sites.Where(site => site.Name.EndsWith($".{name}", StringComparison.Ordinal)).ToList() is [var only]) return only;
        var names = sites.Select(site => site.Name).ToList();
        var nearest = NearestNames.To(name, names);
        throw new ConfigException($"there is no site '{name}' in this run; {(nearest.Count > 0 ? $"did you mean {string.Join(" or ", nearest)}?" : $"there are {string.Join(", ", names)}")}");
    }

    /// <summary>What the subcomponents of some sites do, site by site.</summary>
    /// <param name="sites">The sites.</param>
    /// <param name="component">The only subcomponent to be shown; null for those that are needed most often.</param>
    /// <param name="onProgress">Is told now and then how far it is: a sentence without its full stop.</param>
    /// <exception cref="ConfigException">The site has no such subcomponent.</exception>
    public abstract IEnumerable<SiteReport> Of(IReadOnlyList<Site> sites, int? component = null, Action<string>? onProgress = null);

    /// <summary>Refuses a subcomponent that a site does not have.</summary>
    /// <exception cref="ConfigException">One of them is none.</exception>
    public static void Require(Site site, params IEnumerable<int> components)
    {
        foreach (int component in components.Where(component => component < 0 || component >= site.C))
            throw new ConfigException($"'{site.Name}' has no subcomponent {component}: its {site.C} subcomponents are numbered 0 to {site.C - 1}");
    }

    /// <summary>Refuses the only subcomponent that is asked for, where a site does not have it.</summary>
    protected static void Check(IReadOnlyList<Site> sites, int? component)
    {
        if (component is not { } only) return;
        foreach (var site in sites) Require(site, only);
    }

    /// <summary>Those that are needed anywhere, the one that is needed most often first.</summary>
    protected static List<SubcomponentActivity> Needed(SiteActivity activity) =>
        [.. activity.Subcomponents.Where(one => one.Contexts.Count > 0).OrderByDescending(one => one.Frequencies[^1]).ThenByDescending(one => one.MeanImportance)];
}
