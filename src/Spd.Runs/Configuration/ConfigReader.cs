using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Spd.Runs.Configuration;

/// <summary>Reads YAML text into <see cref="ConfigNode"/>s that know their lines.</summary>
internal static class ConfigReader
{
    private const long LargestFile = 1 << 20;
    private const int DeepestNesting = 16;

    /// <summary>Reads a file whose top level is a mapping.</summary>
    public static ConfigMap ReadFile(string path)
    {
        if (Directory.Exists(path))
        {
            string inside = Path.Combine(path, "config.yaml");
            throw new ConfigException($"'{path}' is a folder, not a config file{(File.Exists(inside) ? $"; did you mean '{inside}'?" : "")}");
        }

        if (!File.Exists(path)) throw new ConfigException($"there is no config file '{path}'");
        try
        {
            if (new FileInfo(path).Length > LargestFile) throw new ConfigException($"'{path}' is larger than {LargestFile >> 20} MiB, so it is no config file");
            return ReadMap(File.ReadAllText(path), path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new ConfigException($"'{path}' cannot be read: {exception.Message}", exception);
        }
    }

    /// <summary>Reads text whose top level is a mapping.</summary>
    public static ConfigMap ReadMap(string text, string file) => Read(text, line => line is null ? file : $"{file}, line {line}") switch
    {
        ConfigMap map => map with { Origin = file },
        null => throw new ConfigException($"'{file}' is empty, but a mapping of keys to values is needed"),
        var other => throw other.Error($"the file holds {other.Shown}, but a mapping of keys to values is needed"),
    };

    /// <summary>Reads the value of an override.</summary>
    public static ConfigNode ReadValue(string text, string origin) => Read(text, _ => origin) ?? new ConfigScalar(origin, "", Plain: true);

    /// <summary>Reads one document; null when there is none.</summary>
    private static ConfigNode? Read(string text, Func<long?, string> origin)
    {
        var stream = new YamlStream();
        try
        {
            stream.Load(new StringReader(text));
        }
        catch (YamlException exception)
        {
            // An unknown alias comes without a place.
            throw new ConfigException(
                $"{origin(exception.Start.Equals(Mark.Empty) ? null : exception.Start.Line)}: this is no valid YAML: {Sentence(exception.Message)}",
                exception);
        }

        if (stream.Documents.Count > 1)
            throw new ConfigException($"{origin(stream.Documents[1].RootNode.Start.Line)}: a second YAML document begins here, but one is expected");
        return stream.Documents.Count == 0 ? null : Convert(stream.Documents[0].RootNode, origin, 0);
    }

    private static ConfigNode Convert(YamlNode node, Func<long?, string> origin, int depth)
    {
        string place = origin(node.Start.Line);
        if (depth > DeepestNesting) throw new ConfigException($"{place}: values are nested more than {DeepestNesting} deep");
        return node switch
        {
            YamlScalarNode scalar => new ConfigScalar(place, scalar.Value ?? "", scalar.Style is ScalarStyle.Plain or ScalarStyle.Any),
            YamlSequenceNode list => new ConfigList(place, [.. list.Children.Select(item => Convert(item, origin, depth + 1))]),
            YamlMappingNode map => new ConfigMap(place, [.. map.Children.Select(child => Entry(child.Key, child.Value))]),
            _ => throw new ConfigException($"{place}: an alias refers to a value that holds it"),
        };

        ConfigEntry Entry(YamlNode key, YamlNode value) => key is YamlScalarNode { Value: { } name }
            ? new ConfigEntry(name, origin(key.Start.Line), Convert(value, origin, depth + 1))
            : throw new ConfigException($"{origin(key.Start.Line)}: a key must be a single word");
    }

    /// <summary>The library's message without its closing stop, its first letter in lower case.</summary>
    private static string Sentence(string message) => message.Length == 0 ? message : char.ToLowerInvariant(message[0]) + message[1..].TrimEnd('.', ' ');
}
