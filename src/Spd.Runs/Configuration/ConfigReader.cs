using System.Text;
using System.Text.Unicode;
using Spd.Formats;

namespace Spd.Runs.Configuration;

/// <summary>Reads YAML text into <see cref="ConfigNode"/>s that know their lines.</summary>
internal static class ConfigReader
{
    private const int LargestFile = 1 << 20;

    /// <summary>Reads a file whose top level is a mapping.</summary>
    /// <param name="path">The file.</param>
    /// <param name="called">What messages call it; null for its path.</param>
    public static ConfigMap ReadFile(string path, string? called = null)
    {
        if (Directory.Exists(path))
        {
            string inside = Path.Combine(path, "config.yaml");
            throw new ConfigException($"'{path}' is a folder, not a config file{(File.Exists(inside) ? $"; did you mean '{inside}'?" : "")}");
        }

        if (!File.Exists(path)) throw new ConfigException($"there is no config file '{path}'");
        if (!RegularFile.HasContent(path)) throw new ConfigException($"'{path}' is empty or no regular file, but a mapping of keys to values is needed");
        return ReadMap(ReadText(path), called ?? path);
    }

    /// <summary>Reads text whose top level is a mapping.</summary>
    public static ConfigMap ReadMap(string text, string file) => YamlReader.Read(text, line => line is null ? file : $"{file}, line {line}") switch
    {
        ConfigMap map => map with { Origin = file },
        null => throw new ConfigException($"'{file}' is empty, but a mapping of keys to values is needed"),
        var other => throw other.Error($"the file holds {other.Shown}, but a mapping of keys to values is needed"),
    };

    /// <summary>Reads the value of an override.</summary>
    public static ConfigNode ReadValue(string text, string origin) => YamlReader.Read(text, _ => origin) ?? new ConfigScalar(origin, "", Plain: true);

    private static string ReadText(string path)
    {
        byte[] content = new byte[LargestFile + 1];
        int length;
        try
        {
            using var stream = File.OpenRead(path);
            length = stream.ReadAtLeast(content, content.Length, throwOnEndOfStream: false);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new ConfigException($"'{path}' cannot be read: {exception.Message}", exception);
        }

        if (length > LargestFile) throw new ConfigException($"'{path}' is larger than {LargestFile >> 20} MiB, so it is no config file");
        using var reader = new StreamReader(new MemoryStream(content, 0, length), detectEncodingFromByteOrderMarks: true);
        string text = reader.ReadToEnd();
        if (reader.CurrentEncoding is UTF8Encoding && FirstBrokenLine(content.AsSpan(0, length)) is { } line)
            throw new ConfigException($"{path}, line {line}: this is no text in UTF-8: save the file in that encoding");
        return text;
    }

    private static int? FirstBrokenLine(ReadOnlySpan<byte> content)
    {
        int line = 0;
        foreach (var range in content.Split((byte)'\n'))
        {
            line++;
            if (!Utf8.IsValid(content[range])) return line;
        }

        return null;
    }
}
