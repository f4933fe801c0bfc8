namespace Spd.Runs.Configuration;

/// <summary>A configuration as values by dotted key, whatever its kind.</summary>
internal static class FlatConfig
{
    /// <summary>Reads the text of a configuration: <c>target.train.seed</c> to <c>0</c>, a list as <c>[linear1, linear2]</c>.</summary>
    /// <exception cref="ConfigException">It is no valid YAML.</exception>
    public static Dictionary<string, string> Read(string yaml)
    {
        var values = new Dictionary<string, string>();
        Add("", ConfigReader.ReadMap(yaml, "config.yaml"));
        return values;

        void Add(string path, ConfigNode node)
        {
            if (node is ConfigMap map)
            {
                foreach (var entry in map.Entries) Add(path.Length == 0 ? entry.Key : $"{path}.{entry.Key}", entry.Value);
            }
            else
            {
                values[path] = Text(node);
            }
        }
    }

    private static string Text(ConfigNode node) => node switch
    {
        ConfigScalar scalar => scalar.IsNull ? "null" : scalar.Text,
        ConfigList list => $"[{string.Join(", ", list.Items.Select(Text))}]",
        ConfigMap map => $"{{{string.Join(", ", map.Entries.Select(entry => $"{entry.Key}: {Text(entry.Value)}"))}}}",
        _ => node.Shown,
    };
}
