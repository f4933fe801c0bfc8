using Spd.Formats;

namespace Spd.Networks;

/// <summary>The names of a network's parts in messages.</summary>
public static class NameList
{
    private const int Most = 20;

    /// <summary>The first names, and how many more there are: a large model has hundreds.</summary>
    public static string Of(IEnumerable<string> names) => Quoted.Names([.. names], Most);
}
