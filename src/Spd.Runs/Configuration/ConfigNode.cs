using Spd.Formats;

namespace Spd.Runs.Configuration;

/// <summary>A part of a configuration as it was written, with the place it was written at: <c>tms.yaml, line 9</c> or <c>--set C=20</c>.</summary>
internal abstract record ConfigNode(string Origin)
{
    /// <summary>How messages show the value.</summary>
    public abstract string Shown { get; }

    /// <summary>Whether it is YAML's null.</summary>
    public virtual bool IsNull => false;

    /// <summary>An error at this place.</summary>
    public ConfigException Error(string sentence) => new($"{Origin}: {sentence}");

    /// <summary>An error about the value of a key.</summary>
    public ConfigException Mistyped(string key, string needed) => Error($"{key} is {Shown}, but {needed} is needed");
}

/// <summary>A single value; <c>Plain</c> when it was written without quotes.</summary>
internal sealed record ConfigScalar(string Origin, string Text, bool Plain) : ConfigNode(Origin)
{
    public override string Shown => IsNull ? "null" : Quoted.Of(Text);

    public override bool IsNull => Plain && Text is "" or "~" or "null" or "Null" or "NULL";
}

/// <summary>A list of values.</summary>
internal sealed record ConfigList(string Origin, IReadOnlyList<ConfigNode> Items) : ConfigNode(Origin)
{
    public override string Shown => Items.Count == 0 ? "an empty list" : "a list";
}

/// <summary>A key of a mapping and its value.</summary>
internal sealed record ConfigEntry(string Key, string Origin, ConfigNode Value);

/// <summary>Keys with their values, in the order written; overrides replace values in place.</summary>
internal sealed record ConfigMap(string Origin, List<ConfigEntry> Entries) : ConfigNode(Origin)
{
    public override string Shown => Entries.Count == 0 ? "an empty mapping" : "a mapping";

    /// <summary>The value of a key, or null when it is not there.</summary>
    public ConfigNode? Find(string key) => Entries.Find(entry => entry.Key == key)?.Value;

    /// <summary>Replaces the value of a key, or adds it.</summary>
    public void Set(string key, ConfigNode value)
    {
        int index = Entries.FindIndex(entry => entry.Key == key);
        var entry = new ConfigEntry(key, value.Origin, value);
        if (index < 0) Entries.Add(entry);
        else Entries[index] = entry;
    }
}
