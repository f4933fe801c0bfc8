using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
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
        (node, key) => bool.TryParse(Scalar(node), out bool value) ? value : throw node.Mistyped(key, "true or false"),
        value => Plain(value ? "true" : "false"));

    /// <summary>A seed: any whole number from 0.</summary>
    public static ValueKind<ulong> Seed { get; } = new(
        (node, key) => ulong.TryParse(Scalar(node), NumberStyles.None, CultureInfo.InvariantCulture, out ulong value)
            ? value
            : throw node.Mistyped(key, $"a whole number from 0 to {ulong.MaxValue}"),
        value => Plain(value.ToString(CultureInfo.InvariantCulture)));

    /// <summary>A text, which may be empty.</summary>
    public static ValueKind<string> Text { get; } = new(
        (node, key) => Scalar(node) ?? throw node.Mistyped(key, "a text"),
        value => PlainText().IsMatch(value) && !new ConfigScalar("", value, true).IsNull
            ? Plain(value)
            : new YamlScalarNode(value) { Style = ScalarStyle.DoubleQuoted });

    /// <summary>A finite number that passes a test.</summary>
    public static ValueKind<double> Number(Func<double, bool> allowed, string range) => new(
        (node, key) =>
        {
            if (!double.TryParse(Scalar(node), NumberStyles.Float, CultureInfo.InvariantCulture, out double value)) throw node.Mistyped(key, "a number");
            return double.IsFinite(value) && allowed(value) ? value : throw node.Error($"{key} is {Scalar(node)}, but it must be {range}");
        },
        value => Plain(NumberText(value)));

    /// <summary>A number from 0.</summary>
    public static ValueKind<double> NotNegative { get; } = Number(value => value >= 0, "a finite number of at least 0");

    /// <summary>A number above 0.</summary>
    public static ValueKind<double> Positive { get; } = Number(value => value > 0, "a finite number above 0");

    /// <summary>A probability above 0.</summary>
    public static ValueKind<double> Probability { get; } = Number(value => value is > 0 and <= 1, "above 0 and at most 1");

    /// <summary>A share from 0 to 1.</summary>
    public static ValueKind<double> Share { get; } = Number(value => value is >= 0 and <= 1, "from 0 to 1");

    /// <summary>A whole number in a range.</summary>
    public static ValueKind<int> WholeNumber(int least, int most = int.MaxValue) => new(
        (node, key) =>
        {
            if (!decimal.TryParse(Scalar(node), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out decimal value))
                throw node.Mistyped(key, "a whole number");
            return value >= least && value <= most
                ? (int)value
                : throw node.Error(
                    $"{key} is {value}, but it must be "
                    + (most == int.MaxValue && value < least ? $"at least {least}" : $"from {least} to {most}"));
        },
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

    // Begins with a letter, has nothing that YAML reads as a comment or a mapping, and is no word that some reader takes for a truth value.
    [GeneratedRegex(@"^(?!(?:true|false|yes|no|on|off|null|y|n)$)[A-Za-z][A-Za-z0-9_.,*()/+-]*(?: [A-Za-z0-9_.,*()/+-]+)*\z", RegexOptions.IgnoreCase)]
    private static partial Regex PlainText();
}
