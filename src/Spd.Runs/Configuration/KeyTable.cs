using System.ComponentModel.DataAnnotations;
using System.Diagnostics.CodeAnalysis;
using Spd.Formats;
using Spd.Networks;
using YamlDotNet.RepresentationModel;

namespace Spd.Runs.Configuration;

/// <summary>A key of a configuration record.</summary>
/// <param name="Name">The key.</param>
/// <param name="Bind">The record with the value of a node; may add notes for the user.</param>
/// <param name="Write">The node of the record's value, or null to leave it out; null for a key that is read only.</param>
internal sealed record ConfigKey<TRecord>(string Name, Func<TRecord, ConfigNode, List<string>, TRecord> Bind, Func<TRecord, YamlNode?>? Write)
{
    /// <summary>Whether the key must be given.</summary>
    public bool Required { get; init; }

    /// <summary>A key that takes its place: of the two, one is given.</summary>
    public string? Instead { get; init; }

    /// <summary>The dotted paths of the keys below this one; none for a single value.</summary>
    public IEnumerable<string> PathsBelow { get; init; } = [];

    /// <summary>The same key of a record that holds this one.</summary>
    public ConfigKey<TOuter> Within<TOuter>(Func<TOuter, TRecord> get, Func<TOuter, TRecord, TOuter> set) => new(
        Name,
        (outer, node, notes) => set(outer, Bind(get(outer), node, notes)),
        Write is null ? null : outer => Write(get(outer)))
    {
        Required = Required,
        Instead = Instead,
        PathsBelow = PathsBelow,
    };

    /// <summary>The same key, written only where a record needs it.</summary>
    public ConfigKey<TRecord> WrittenWhere(Func<TRecord, bool> isNeeded) =>
        this with { Write = Write is { } write ? record => isNeeded(record) ? write(record) : null : null };
}

/// <summary>Something that is wrong with a record as a whole, and the key to blame.</summary>
internal sealed record ConfigFault(string Key, string Sentence)
{
    /// <summary>The fault of which something complains when it is built; null where it does not.</summary>
    public static ConfigFault? Of(string key, Func<object> build)
    {
        try
        {
            build();
            return null;
        }
        catch (ArgumentException exception)
        {
            return new ConfigFault(key, exception.Message);
        }
    }
}

/// <summary>All keys of a configuration record: what is read, what is written, and what an unknown key is compared with.</summary>
/// <param name="keys">The keys, in the order they are written.</param>
/// <param name="check">Looks at the complete record.</param>
internal sealed class KeyTable<TRecord>(IReadOnlyList<ConfigKey<TRecord>> keys, Func<TRecord, ConfigFault?>? check = null)
{
    private const int MostKeysListed = 12;
    private const double KeyTolerance = 0.4;

    /// <summary>The keys.</summary>
    public IReadOnlyList<ConfigKey<TRecord>> Keys => keys;

    /// <summary>A record with the values of a mapping.</summary>
    /// <param name="start">The values of keys that are not given.</param>
    /// <param name="map">The mapping.</param>
    /// <param name="notes">Receives what the user should be told.</param>
    /// <exception cref="ConfigException">A key is unknown or missing, or its value cannot be used.</exception>
    public TRecord Bind(TRecord start, ConfigMap map, List<string> notes)
    {
        var record = start;
        foreach (var entry in map.Entries)
        {
            var key = keys.FirstOrDefault(key => key.Name == entry.Key)
                ?? throw new ConfigException($"{entry.Origin}: unknown key {Quoted.Of(entry.Key)}{Hint(entry.Key)}");
            record = key.Bind(record, entry.Value, notes);
        }

        if (keys.FirstOrDefault(key => key.Instead is { } other && map.Find(key.Name) is not null && map.Find(other) is not null) is { } twice)
            throw map.Find(twice.Name)!.Error($"{twice.Name} is given beside {twice.Instead}, which takes its place: leave one of them out");
        if (keys.FirstOrDefault(key => key.Required && map.Find(key.Name) is null && !(key.Instead is { } other && map.Find(other) is not null)) is { } missing)
            throw map.Error($"the key '{missing.Name}' is missing");
        if (check?.Invoke(record) is { } fault) throw (map.Find(fault.Key) ?? map).Error(fault.Sentence);
        return record;
    }

    /// <summary>Every key with its value.</summary>
    public YamlMappingNode Write(TRecord record)
    {
        var map = new YamlMappingNode();
        foreach (var key in keys)
            if (key.Write?.Invoke(record) is { } node) map.Add(key.Name, node);
        return map;
    }

    private string Hint(string unknown)
    {
        var names = keys.Select(key => key.Name);
        string ending = $".{unknown}";
        string? elsewhere = keys.SelectMany(key => key.PathsBelow).FirstOrDefault(path => path.EndsWith(ending, StringComparison.Ordinal));
        // A key of that very name elsewhere is likelier than one here that is more than a letter away.
        var meant = NearestNames.To(unknown, names, most: 1, elsewhere is null ? KeyTolerance : 0).Append(elsewhere).OfType<string>().ToList();
        if (meant.Count > 0) return $"; did you mean {string.Join(" or ", meant.Select(key => $"'{key}'"))}?";
        return keys.Count <= MostKeysListed ? $"; the keys here are {string.Join(", ", names)}" : "";
    }
}

/// <summary>Makes the keys of a record.</summary>
internal static class Keys<[DynamicallyAccessedMembers(OptionRanges.Needed)] TRecord>
{
    /// <summary>A key that holds a value of a record.</summary>
    public static ConfigKey<TRecord> Value<TValue>(
        string name, ValueKind<TValue> kind, Func<TRecord, TValue> get, Func<TRecord, TValue, TRecord> set, bool required = false) =>
        new(name, (record, node, _) => set(record, kind.Read(node, name)), record => kind.Write(get(record))) { Required = required };

    /// <summary>A key that holds a whole number, in the range of the property of that name.</summary>
    public static ConfigKey<TRecord> Number(string name, Func<TRecord, int> get, Func<TRecord, int, TRecord> set, bool required = false) =>
        Value(name, ValueKind.WholeNumber(RangeOf(name)), get, set, required);

    /// <inheritdoc cref="Number(string, Func{TRecord, int}, Func{TRecord, int, TRecord}, bool)"/>
    public static ConfigKey<TRecord> Number(string name, Func<TRecord, int?> get, Func<TRecord, int?, TRecord> set, bool required = false) =>
        Value(name, ValueKind.OrNull(ValueKind.WholeNumber(RangeOf(name))), get, set, required);

    /// <summary>A key that holds a number, in the range of the property of that name.</summary>
    public static ConfigKey<TRecord> Number(string name, Func<TRecord, double> get, Func<TRecord, double, TRecord> set, bool required = false) =>
        Value(name, ValueKind.Number(RangeOf(name)), get, set, required);

    /// <inheritdoc cref="Number(string, Func{TRecord, double}, Func{TRecord, double, TRecord}, bool)"/>
    public static ConfigKey<TRecord> Number(string name, Func<TRecord, double?> get, Func<TRecord, double?, TRecord> set, bool required = false) =>
        Value(name, ValueKind.OrNull(ValueKind.Number(RangeOf(name))), get, set, required);

    /// <summary>The range of the property that a key stands for.</summary>
    /// <exception cref="InvalidOperationException">It has none.</exception>
    public static RangeAttribute RangeOf(string name) => OptionRanges.Of(typeof(TRecord), name)
        ?? throw new InvalidOperationException($"the property of {typeof(TRecord).Name} for '{name}' has no range: give it one");

    /// <summary>A key that is written only where it has a value.</summary>
    public static ConfigKey<TRecord> Optional<TValue>(
        string name, ValueKind<TValue> kind, Func<TRecord, TValue?> get, Func<TRecord, TValue?, TRecord> set)
        where TValue : class => new(
            name,
            (record, node, _) => set(record, node.IsNull ? null : kind.Read(node, name)),
            record => get(record) is { } value ? kind.Write(value) : null);

    /// <summary>A key that holds a record of its own, with a table of its own.</summary>
    public static ConfigKey<TRecord> Nested<TInner>(
        string name, KeyTable<TInner> table, Func<TRecord, TInner> get, Func<TRecord, TInner, TRecord> set, bool required = false) =>
        new(
            name,
            (record, node, notes) => set(record, table.Bind(get(record), node as ConfigMap ?? throw node.Mistyped(name, "a mapping of keys to values"), notes)),
            record => table.Write(get(record)))
        {
            Required = required,
            PathsBelow = [.. table.Keys.SelectMany(key => key.PathsBelow.Prepend(key.Name)).Select(below => $"{name}.{below}")],
        };

    /// <summary>A key of the released configs that has no meaning here.</summary>
    public static ConfigKey<TRecord> Unused(string name) => new(name, (record, _, _) => record, null);

    /// <summary>A key of the released configs that is left aside, with a note when it has a value.</summary>
    public static ConfigKey<TRecord> Noted(string name, string reason) => new(
        name,
        (record, node, notes) =>
        {
            if (!node.IsNull && node is not ConfigScalar { Text: "" }) notes.Add($"{node.Origin}: {name} is ignored: {reason}");
            return record;
        },
        null);

    /// <summary>A key of the released configs whose value must be null or false.</summary>
    public static ConfigKey<TRecord> Refused(string name, string reason) => new(
        name,
        (record, node, _) => node.IsNull || ValueKind.FlagOf(node) == false
            ? record
            : throw node.Error($"{name} is {node.Shown}, but {reason}"),
        null);
}
