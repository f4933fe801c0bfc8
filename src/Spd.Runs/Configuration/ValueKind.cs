using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Spd.Formats;
using Spd.Networks;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;
using YamlDotNet.RepresentationModel;

namespace Spd.Runs.Configuration;

/// <summary>A kind of value: how it is read, with its range, and how it is written.</summary>
/// <param name="Read">Makes the value of a node; the text is the key, for messages.</param>
/// <param name="Write">The node of a value.</param>
internal sealed record ValueKind<T>(Func<ConfigNode, string, T> Read, Func<T, YamlNode> Write);

/// <summary>The kinds of values that configurations hold.</summary>
internal static partial class ValueKind
{
    /// <summary>True or false.</summary>
    public static ValueKind<bool> Flag { get; } = new(
        (node, key) => FlagOf(node) ?? throw node.Mistyped(key, "true or false"),
        value => Plain(value ? "true" : "false"));

    /// <summary>A seed: any whole number from 0.</summary>
    public static ValueKind<ulong> Seed { get; } = new(
        (node, key) =>
        {
            string needed = $"a whole number from 0 to {ulong.MaxValue}";
            return Whole(node, key, needed) is >= 0 and <= ulong.MaxValue and var value ? (ulong)value : throw node.Mistyped(key, needed);
        },
        value => Plain(value.ToString(CultureInfo.InvariantCulture)));

    /// <summary>A text, which may be empty.</summary>
    public static ValueKind<string> AnyText { get; } = new(
        (node, key) => Scalar(node) ?? throw (node is ConfigScalar { Text: not "" }
            ? node.Error($"{key} is null, but a text is needed: put the word in quotes if it is meant as one")
            : node.Mistyped(key, "a text")),
        value => PlainText().IsMatch(value) && !new ConfigScalar("", value, true).IsNull
            ? Plain(value)
            : new YamlScalarNode(value) { Style = ScalarStyle.DoubleQuoted });

    /// <summary>The path of a file or folder, which may begin with <c>~</c> for the home folder.</summary>
    public static ValueKind<string> FilePath { get; } = new(
        (node, key) => AnyText.Read(node, key) switch
        {
            "" => throw node.Error($"{key} is empty, but the path of a file is needed"),
            var path when path.Contains('\0', StringComparison.Ordinal) => throw node.Error($"{key} is {node.Shown}, but no path can hold the character U+0000"),
            var path => HomeFolder.Expand(path),
        },
        AnyText.Write);

    /// <summary>A finite number in a range.</summary>
    public static ValueKind<double> Number(RangeAttribute range) => new(
        (node, key) =>
        {
            string text = Numeral(node, key, "a number");
            double value = text.TrimStart('+', '-').ToLowerInvariant() switch
            {
                ".inf" => double.PositiveInfinity,
                ".nan" => double.NaN,
                _ => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double number) ? number : throw node.Mistyped(key, "a number"),
            };
            return range.IsValid(value) ? value : throw OutOfRange(node, key, range, value);
        },
        value => Plain(NumberText(value)));

    /// <summary>A whole number in a range.</summary>
    public static ValueKind<int> WholeNumber(RangeAttribute range) => new(
        (node, key) => Whole(node, key, "a whole number") is var value && value is >= int.MinValue and <= int.MaxValue && range.IsValid((int)value)
            ? (int)value
            : throw OutOfRange(node, key, range, (double)value),
        value => Plain(value.ToString(CultureInfo.InvariantCulture)));

    /// <summary>One of an enumeration's names in snake case.</summary>
    public static ValueKind<TEnum> Choice<TEnum>()
        where TEnum : struct, Enum
    {
        var names = Enum.GetValues<TEnum>().ToDictionary(value => JsonNamingPolicy.SnakeCaseLower.ConvertName(value.ToString()));
        return new ValueKind<TEnum>(
            (node, key) => Scalar(node) is { } text && names.TryGetValue(text, out var value)
                ? value
                : throw node.Mistyped(key, $"one of {string.Join(", ", names.Keys)}"),
            value => Plain(names.First(name => name.Value.Equals(value)).Key));
    }

    /// <summary>A value or null.</summary>
    public static ValueKind<T?> OrNull<T>(ValueKind<T> kind)
        where T : struct => new(
            (node, key) => node.IsNull ? null : kind.Read(node, key),
            value => value is { } given ? kind.Write(given) : Plain("null"));

    /// <inheritdoc cref="OrNull{T}"/>
    public static ValueKind<T?> OrNone<T>(ValueKind<T> kind)
        where T : class => new(
            (node, key) => node.IsNull ? null : kind.Read(node, key),
            value => value is null ? Plain("null") : kind.Write(value));

    /// <summary>A list of at least one value.</summary>
    public static ValueKind<IReadOnlyList<T>> List<T>(ValueKind<T> item, string needed) => new(
        (node, key) => node switch
        {
            ConfigList { Items.Count: > 0 } list => [.. list.Items.Select(value => item.Read(value, $"an entry of {key}"))],
            ConfigList => throw node.Error($"{key} is {node.Shown}, but at least one entry is needed: {needed.TrimEnd(',')}"),
            _ => throw node.Mistyped(key, needed),
        },
        values => new YamlSequenceNode(values.Select(item.Write)) { Style = typeof(T) == typeof(int) ? SequenceStyle.Flow : SequenceStyle.Block });

    /// <summary>The flag of a node, in the words of YAML 1.1 too; null where it is none.</summary>
    public static bool? FlagOf(ConfigNode node) => Scalar(node)?.ToLowerInvariant() switch
    {
        "true" or "yes" or "on" => true,
        "false" or "no" or "off" => false,
        _ => null,
    };

    /// <summary>A whole number, also as <c>1e4</c> or <c>10000.0</c>; one that is beyond every range is as large as numbers get.</summary>
    private static decimal Whole(ConfigNode node, string key, string needed)
    {
        string text = Numeral(node, key, needed);
        const NumberStyles Styles = NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent;
        // As a decimal, a part behind the point that is small enough is lost; as a double, the last digits of large numbers are.
        if (!double.TryParse(text, Styles, CultureInfo.InvariantCulture, out double value) || (double.IsFinite(value) && !double.IsInteger(value)))
            throw node.Mistyped(key, needed);
        return decimal.TryParse(text, Styles, CultureInfo.InvariantCulture, out decimal whole) ? whole : value < 0 ? decimal.MinValue : decimal.MaxValue;
    }

    /// <summary>
    /// The text of a number, without the underscores between digits that YAML 1.1 allows. What readers of YAML 1.1 and 1.2 take for different numbers, or
    /// only some for one, is told instead.
    /// </summary>
    private static string Numeral(ConfigNode node, string key, string needed)
    {
        string text = Scalar(node) ?? throw node.Mistyped(key, needed);
        if (Prefixed().IsMatch(text)) throw node.Mistyped(key, $"{needed} in decimal digits");
        if (LeadingZero().IsMatch(text)) throw node.Error($"{key} is {node.Shown}, which some readers of YAML take for an octal number: leave out the zero before it");
        if (WithCommas().IsMatch(text)) throw node.Error($"{key} is {node.Shown}, but {needed} is needed: write it without commas, and with a point before decimals");
        return BetweenDigits().Replace(text, "");
    }

    private static ConfigException OutOfRange(ConfigNode node, string key, RangeAttribute range, double value) =>
        node.Error($"{key} is {Quoted.Bare(Scalar(node)!)}, but it must be {OptionRanges.InWords(range, value)}");

    private static string? Scalar(ConfigNode node) => node is ConfigScalar { IsNull: false } scalar ? scalar.Text : null;

    internal static YamlScalarNode Plain(string text) => new(text) { Style = ScalarStyle.Plain };

    /// <summary>
    /// The shortest text that reads back as the same number, with a point in it so that every YAML reader takes it for one:
    /// <c>1.0</c>, <c>3.0e-05</c>.
    /// </summary>
    private static string NumberText(double value)
    {
        string text = value.ToString("R", CultureInfo.InvariantCulture).Replace('E', 'e');
        if (text.Contains('.')) return text;
        int exponent = text.IndexOf('e');
        return exponent < 0 ? text + ".0" : text.Insert(exponent, ".0");
    }

    [GeneratedRegex("^[+-]?0(?:x[0-9a-f_]+|o[0-7_]+|b[01_]+)$", RegexOptions.IgnoreCase)]
    private static partial Regex Prefixed();

    // Of two digits at least: 010 is eight, or ten.
    [GeneratedRegex("^[+-]?0[0-7_]*[1-7][0-7_]*[0-7]$")]
    private static partial Regex LeadingZero();

    [GeneratedRegex("^[+-]?[0-9]+(?:,[0-9]+)+(?:[.][0-9]*)?$")]
    private static partial Regex WithCommas();

    [GeneratedRegex("(?<=[0-9])_(?=[0-9])")]
    private static partial Regex BetweenDigits();

    // Begins with a letter, has nothing that YAML reads as a comment or a mapping, and is no word that some reader takes for a truth value.
    [GeneratedRegex(@"^(?!(?:true|false|yes|no|on|off|null|y|n)$)[A-Za-z][A-Za-z0-9_.,*()/+-]*(?: [A-Za-z0-9_.,*()/+-]+)*\z", RegexOptions.IgnoreCase)]
    private static partial Regex PlainText();
}
