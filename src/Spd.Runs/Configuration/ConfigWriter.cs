using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Spd.Runs.Configuration;

/// <summary>Writes nodes as YAML text.</summary>
internal static class ConfigWriter
{
    /// <summary>The text of a mapping, lines ending in a line feed on every system.</summary>
    public static string Write(YamlMappingNode root)
    {
        using var writer = new StringWriter { NewLine = "\n" };
        new YamlStream(new YamlDocument(root)).Save(new Emitter(writer, EmitterSettings.Default.WithBestWidth(int.MaxValue)), assignAnchors: false);
        const string EndOfDocument = "...\n";
        string text = writer.ToString();
        return text.EndsWith(EndOfDocument, StringComparison.Ordinal) ? text[..^EndOfDocument.Length] : text;
    }
}
