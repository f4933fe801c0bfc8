using Spd.Runs.Results;
using YamlDotNet.RepresentationModel;
using static Spd.Runs.Configuration.ValueKind;

namespace Spd.Runs.Configuration;

/// <summary>What a paper says of an experiment (key <c>published</c>): shown beside results, and nothing is computed with it.</summary>
/// <param name="Results">What it reports, as printed, by the keys of <see cref="Metric"/>, with the site behind it where there is a number for each: <c>significant_subcomponents.linear1</c>.</param>
/// <param name="Settings">The values that it had for keys of the configuration.</param>
public sealed record PublishedNumbers(IReadOnlyDictionary<string, string> Results, IReadOnlyDictionary<string, string> Settings)
{
    internal const string Key = "published";

    private static readonly ValueKind<IReadOnlyDictionary<string, string>> Texts = new(
        (node, key) => (node as ConfigMap ?? throw node.Mistyped(key, "a mapping of keys to what was published")).Entries
            .ToDictionary(entry => entry.Key, entry => AnyText.Read(entry.Value, $"{key}.{entry.Key}")),
        texts => new YamlMappingNode(texts.Select(entry => KeyValuePair.Create<YamlNode, YamlNode>(AnyText.Write(entry.Key), AnyText.Write(entry.Value)))));

    private static readonly KeyTable<PublishedNumbers> Table = new(
    [
        Keys<PublishedNumbers>.Value("results", Texts, c => c.Results, (c, v) => c with { Results = v }),
        Keys<PublishedNumbers>.Value("settings", Texts, c => c.Settings, (c, v) => c with { Settings = v }),
    ]);

    /// <summary>How it is read and written.</summary>
    internal static ValueKind<PublishedNumbers> Kind { get; } = new(
        (node, key) => Table.Bind(
            new PublishedNumbers(new Dictionary<string, string>(), new Dictionary<string, string>()), node as ConfigMap ?? throw node.Mistyped(key, "a mapping with results and settings"), []),
        Table.Write);

    /// <summary>Whether a dotted key of a configuration is one of these, which say nothing of what is computed.</summary>
    internal static bool Has(string key) => key == Key || key.StartsWith($"{Key}.", StringComparison.Ordinal);
}
