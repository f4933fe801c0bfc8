using Spd.Formats;
using YamlDotNet.RepresentationModel;
using static Spd.Runs.Configuration.ValueKind;

namespace Spd.Runs.Configuration;

/// <summary>C: one number for every decomposed matrix, or a mapping of patterns to numbers.</summary>
/// <param name="ForAll">C of all, where <paramref name="BySite"/> is null.</param>
/// <param name="BySite">C by pattern.</param>
internal sealed record SubcomponentCounts(int ForAll, IReadOnlyDictionary<string, int>? BySite)
{
    /// <summary>How it is read and written: <c>20</c>, or <c>{layers.0: 4, layers.1: 40}</c>.</summary>
    /// <param name="count">A number.</param>
    /// <param name="absent">The number of a configuration that gives a mapping, which nothing uses.</param>
    public static ValueKind<SubcomponentCounts> Kind(ValueKind<int> count, int absent) => new(
        (node, key) => node is ConfigMap map ? new SubcomponentCounts(absent, Read(map, key, count)) : new SubcomponentCounts(count.Read(node, key), null),
        counts => counts.BySite is { } bySite
            ? new YamlMappingNode(bySite.Select(entry => KeyValuePair.Create<YamlNode, YamlNode>(AnyText.Write(entry.Key), count.Write(entry.Value))))
            : count.Write(counts.ForAll));

    private static Dictionary<string, int> Read(ConfigMap map, string key, ValueKind<int> count) => map.Entries.Count > 0
        ? map.Entries.ToDictionary(entry => entry.Key, entry => count.Read(entry.Value, $"{key} of {Quoted.Of(entry.Key)}"))
        : throw map.Error($"{key} is an empty mapping, but a whole number, or one for each decomposed matrix, is needed");
}
