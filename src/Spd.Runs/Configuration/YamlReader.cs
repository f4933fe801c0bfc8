using System.Globalization;
using Spd.Formats;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Spd.Runs.Configuration;

/// <summary>
/// Makes nodes of the events of YAML text, and counts them as they come: a few letters of YAML can stand for values without end, by brackets in brackets and
/// by aliases of aliases.
/// </summary>
internal sealed class YamlReader
{
    private const int DeepestNesting = 16, MostValues = 100_000;
    private const string CoreTag = "tag:yaml.org,2002:";

    private readonly string text;
    private readonly Func<long?, string> origin;
    private readonly Parser parser;
    // Null while the value that is named is not complete.
    private readonly Dictionary<string, ConfigNode?> anchors = [];
    private readonly Stack<NodeEvent> open = [];
    private (long Line, string Text) lastPlace = (-1, "");
    private int values;

    private YamlReader(string text, Func<long?, string> origin)
    {
        this.text = text;
        this.origin = origin;
        parser = new Parser(new StringReader(text));
    }

    /// <summary>Reads one document; null when there is none.</summary>
    /// <param name="text">The YAML text.</param>
    /// <param name="origin">What messages call a line; null is the text as a whole.</param>
    /// <exception cref="ConfigException">It is no valid YAML, holds several documents, or values that are nested too deep or too many.</exception>
    public static ConfigNode? Read(string text, Func<long?, string> origin)
    {
        text = text.TrimStart('\uFEFF');
        if (FirstUnprintable(text) is { } place)
            throw new ConfigException($"{origin(LineOf(text, place))}: this is no text: it has the character U+{(int)text[place]:X4}, which YAML does not allow");
        return new YamlReader(text, origin).ReadDocument();
    }

    private ConfigNode? ReadDocument()
    {
        Next();
        if (Next() is StreamEnd) return null;
        Next();
        var node = ReadNode(0);
        return Next() is DocumentStart second ? throw Error(second, "a second YAML document begins here, but one is expected") : node;
    }

    /// <summary>The node that begins with the current event; the event after it is the current one then.</summary>
    private ConfigNode ReadNode(int depth)
    {
        var start = (ParsingEvent)parser.Current!;
        if (++values > MostValues) throw TooMany(start);
        if (depth > DeepestNesting) throw TooDeep(start);
        if (start is AnchorAlias alias) return Aliased(alias, depth);
        // The parser leaves the node out in "- : a" where the line is less indented than it should be.
        if (start is not NodeEvent named) throw Error(open.TryPeek(out var outer) ? outer : start, "this is no valid YAML: a key or its value is missing");
        if (!named.Anchor.IsEmpty) anchors[named.Anchor.Value] = null;
        ConfigNode node = start switch
        {
            Scalar scalar => ReadScalar(scalar),
            SequenceStart list => ReadList(list, depth),
            MappingStart map => ReadMap(map, depth),
            _ => throw new InvalidOperationException($"a value cannot begin with {start.GetType().Name}"),
        };
        if (!named.Anchor.IsEmpty) anchors[named.Anchor.Value] = node;
        return node;
    }

    private ConfigScalar ReadScalar(Scalar scalar)
    {
        Next();
        string tag = scalar.Tag.IsEmpty ? "" : scalar.Tag.Value;
        bool plain = scalar.Style is ScalarStyle.Plain && tag is not ("!" or CoreTag + "str");
        return new ConfigScalar(Place(scalar), scalar.Value, plain);
    }

    private ConfigList ReadList(SequenceStart start, int depth)
    {
        var items = new List<ConfigNode>();
        open.Push(start);
        Next();
        while (parser.Current is not SequenceEnd) items.Add(ReadNode(depth + 1));
        open.Pop();
        Next();
        return new ConfigList(Place(start), items);
    }

    private ConfigMap ReadMap(MappingStart start, int depth)
    {
        var entries = new List<ConfigEntry>();
        var merged = new List<ConfigEntry>();
        var lines = new Dictionary<string, long>();
        open.Push(start);
        Next();
        while (parser.Current is not MappingEnd)
        {
            var key = (ParsingEvent)parser.Current!;
            if (ReadNode(depth + 1) is not ConfigScalar name) throw Error(key, "a key must be a single word");
            var value = ReadNode(depth + 1);
            if (name is { Plain: true, Text: "" }) throw value.Error("there is no key before the colon");
            if (name is { Plain: true, Text: "<<" }) merged.AddRange(Merged(value));
            else if (lines.TryAdd(name.Text, key.Start.Line)) entries.Add(new ConfigEntry(name.Text, Place(key), value));
            else throw Error(key, $"the key {Quoted.Of(name.Text)} is given twice{(origin(1) == origin(2) ? "" : $", first on line {lines[name.Text]}")}: leave one of them out");
        }

        // What is written here goes before what is merged.
        entries.AddRange(merged.Where(entry => lines.TryAdd(entry.Key, 0)));
        open.Pop();
        Next();
        return new ConfigMap(Place(start), entries);
    }

    private static IEnumerable<ConfigEntry> Merged(ConfigNode value) => value switch
    {
        ConfigMap map => map.Entries,
        ConfigList list when list.Items.All(item => item is ConfigMap) => list.Items.Cast<ConfigMap>().SelectMany(map => map.Entries),
        _ => throw value.Error($"<< is {value.Shown}, but the alias of a mapping is needed, such as *base"),
    };

    private ConfigNode Aliased(AnchorAlias alias, int depth)
    {
        if (!anchors.TryGetValue(alias.Value.Value, out var node)) throw Error(alias, $"the alias *{Quoted.Bare(alias.Value.Value)} has no anchor before it");
        if (node is null) throw Error(alias, $"the alias *{Quoted.Bare(alias.Value.Value)} refers to a value that holds it");
        Next();
        return Copy(node, depth);

        // Mappings are changed in place by overrides.
        ConfigNode Copy(ConfigNode node, int depth)
        {
            if (++values > MostValues) throw TooMany(alias);
            if (depth > DeepestNesting) throw TooDeep(alias);
            switch (node)
            {
                case ConfigMap map:
                    return map with { Entries = [.. map.Entries.Select(entry => entry with { Value = Copy(entry.Value, depth + 1) })] };
                case ConfigList list:
                    var items = list.Items.Select(item => Copy(item, depth + 1)).ToList();
                    return items.SequenceEqual(list.Items, ReferenceEqualityComparer.Instance) ? list : list with { Items = items };
                default:
                    return node;
            }
        }
    }

    /// <summary>Goes to the next event.</summary>
    private ParsingEvent Next()
    {
        try
        {
            return parser.MoveNext() ? parser.Current! : throw new InvalidOperationException("the text ends too early");
        }
        catch (Exception exception) when (exception is not (OutOfMemoryException or ConfigException))
        {
            throw new ConfigException(Fault(exception), exception);
        }
    }

    private string Fault(Exception exception)
    {
        const string Invalid = "this is no valid YAML";
        if (exception is YamlException && exception.Message.Contains(" tab ", StringComparison.Ordinal) && TabbedLine() is { } tabbed)
            return $"{origin(tabbed)}: {Invalid}: the line begins with a tab, but only spaces may stand before a key";
        bool isUnclosed = exception is InvalidOperationException || exception.Message.Contains("did not find expected ',' or", StringComparison.Ordinal);
        if (isUnclosed && open.TryPeek(out var inner))
        {
            if (inner is SequenceStart { Style: SequenceStyle.Flow })
                return $"{origin(inner.Start.Line)}: {Invalid}: the list that begins here lacks its closing ']', or a comma";
            if (inner is MappingStart { Style: MappingStyle.Flow })
                return $"{origin(inner.Start.Line)}: {Invalid}: the mapping that begins here lacks its closing '}}', or a comma";
        }

        if (exception.Message.Contains("anchor", StringComparison.Ordinal))
            return $"{origin(exception is YamlException at ? Math.Max(1, at.Start.Line) : 1)}: {Invalid}: * and & mean something else at the beginning of a value; put quotes around it, such as ['*']";
        if (exception is YamlException { Start.Line: > 0 } yaml) return $"{origin(yaml.Start.Line)}: {Invalid}: {Sentence(yaml.Message)}";
        long line = parser.Current?.End.Line ?? 1;
        return exception is ArgumentOutOfRangeException
            ? $"{origin(line)}: {Invalid}: an escape in double quotes is no character; a backslash is written twice there, or the text in single quotes"
            : $"{origin(line)}: {Invalid}";
    }

    // The parser names the beginning of the value before it.
    private long? TabbedLine()
    {
        long line = 0;
        foreach (var content in text.AsSpan().EnumerateLines())
        {
            line++;
            var rest = content.TrimStart(" \t");
            if (!rest.IsEmpty && rest[0] != '#' && content[..^rest.Length].Contains('\t')) return line;
        }

        return null;
    }

    private ConfigException TooDeep(ParsingEvent at) => Error(at, $"values are nested more than {DeepestNesting} deep");

    private ConfigException TooMany(ParsingEvent at) =>
        Error(at, string.Create(CultureInfo.InvariantCulture, $"this is no config: it holds more than {MostValues:N0} values, counted with what its aliases stand for"));

    private ConfigException Error(ParsingEvent at, string sentence) => new($"{Place(at)}: {sentence}");

    // Neighbours stand on one line, and share its name.
    private string Place(ParsingEvent at)
    {
        if (lastPlace.Line != at.Start.Line) lastPlace = (at.Start.Line, origin(at.Start.Line));
        return lastPlace.Text;
    }

    private static int? FirstUnprintable(string text)
    {
        for (int i = 0; i < text.Length; i++)
            if (char.IsControl(text[i]) && text[i] is not ('\t' or '\n' or '\r' or '\u0085')) return i;
        return null;
    }

    private static long LineOf(string text, int place) => 1 + text.AsSpan(0, place).Count('\n');

    /// <summary>The library's message without its closing stop, its first letter in lower case.</summary>
    private static string Sentence(string message) => message.Length == 0 ? message : char.ToLowerInvariant(message[0]) + message[1..].TrimEnd('.', ' ');
}
