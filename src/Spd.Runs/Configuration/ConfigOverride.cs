using Spd.Formats;

namespace Spd.Runs.Configuration;

/// <summary>A value given on the command line that takes the place of the file's.</summary>
/// <param name="Key">Dotted path of the key: <c>task_config.feature_probability</c>.</param>
/// <param name="Value">The value as YAML: <c>0.1</c>, <c>[linear1]</c>, <c>null</c>.</param>
/// <param name="Origin">What messages call it: <c>--set steps=500</c>, <c>--steps 500</c>.</param>
public sealed record ConfigOverride(string Key, string Value, string Origin)
{
    /// <summary>Reads <c>key=value</c>, as given to <c>--set</c>.</summary>
    /// <exception cref="ConfigException">There is no key or no equals sign.</exception>
    public static ConfigOverride Parse(string text)
    {
        int equals = text.IndexOf('=', StringComparison.Ordinal);
        if (equals < 0 || text[..equals].Split('.').Any(string.IsNullOrWhiteSpace))
            throw new ConfigException($"--set {Quoted.Bare(text)}: this is not of the form key=value, such as steps=500 or task_config.feature_probability=0.1");
        return new ConfigOverride(text[..equals].Trim(), text[(equals + 1)..], $"--set {Quoted.Bare(text)}");
    }

    /// <summary>An option of its own that stands for a key: <c>--steps 500</c>.</summary>
    public static ConfigOverride Option(string option, string key, string value) => new(key, value, $"{option} {Quoted.Bare(value)}");

    /// <summary>An option of its own whose value is a text as it stands, such as a path.</summary>
    public static ConfigOverride Literal(string option, string key, string value) =>
        new(key, $"'{value.Replace("'", "''", StringComparison.Ordinal)}'", $"{option} {Quoted.Bare(value)}");

    /// <summary>Puts the value into a configuration.</summary>
    internal void Apply(ConfigMap root)
    {
        string[] path = Key.Split('.');
        var map = root;
        foreach (string key in path[..^1])
        {
            switch (map.Find(key))
            {
                case ConfigMap inner:
                    map = inner;
                    break;
                case null or { IsNull: true }:
                    var added = new ConfigMap(Origin, []);
                    map.Set(key, added);
                    map = added;
                    break;
                case var other:
                    throw new ConfigException($"{Origin}: {Quoted.Of(key)} is {other.Shown}, which has no keys below it");
            }
        }

        map.Set(path[^1], ConfigReader.ReadValue(Value, Origin));
    }
}
