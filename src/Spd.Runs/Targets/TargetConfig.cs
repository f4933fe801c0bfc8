using Spd.Formats;
using Spd.Networks;
using Spd.Runs.Configuration;

namespace Spd.Runs.Targets;

/// <summary>The network that an experiment decomposes (<c>target</c>), and the data that belong to it.</summary>
public abstract record TargetConfig
{
    /// <summary>Its kind, which does what the configuration says.</summary>
    public abstract TargetKind Kind { get; }

    /// <summary>The weight file of a network that was trained elsewhere; null for one that is trained here.</summary>
    public string? Load { get; init; }

    /// <summary>Where the files that it rests on are to be had, which is told where one is missing; null where that is not said.</summary>
    public string? FilesFrom { get; init; }

    /// <summary>Where its keys were written, by the dotted key, as messages tell it: <c>mine.yaml, line 31</c>.</summary>
    public IReadOnlyDictionary<string, string> Origins { get; init; } = new Dictionary<string, string>();

    /// <summary>Input features of the network.</summary>
    public abstract int Features { get; }

    /// <summary>The network, with zeros for weights.</summary>
    public abstract Module Build();

    /// <summary>
    /// The files of data that it rests on, each by the dotted key that names it: <c>target.data.inputs</c>. A run knows them by their content, wherever they lie.
    /// </summary>
    public virtual IReadOnlyDictionary<string, string> Files => new Dictionary<string, string>();

    /// <summary>Makes sure that there are the files of <see cref="Files"/>.</summary>
    /// <exception cref="ConfigException">One is missing; one sentence says which, and how to name it.</exception>
    internal void RequireFiles()
    {
        foreach (var (key, path) in Files)
            if (!Path.Exists(ArrayFile.FileOf(path))) throw Missing(key, path);
    }

    /// <summary>What to say where a key names nothing that can be used.</summary>
    /// <param name="key">The dotted key.</param>
    /// <param name="path">The path that it has.</param>
    /// <param name="reason">What is wrong with that, as a clause.</param>
    internal ConfigException Missing(string key, string path, string reason = "there is no such file") => new(
        $"{(Origins.TryGetValue(key, out string? origin) ? $"{origin}: " : "")}{key} is {Quoted.Path(path)}, but {reason}: name it with --set {key}=PATH"
        + (FilesFrom is null ? "" : $"; its files come from {Quoted.Path(FilesFrom)}"));

    /// <summary>Every key with its value, as YAML: the canonical text of what is kept beside the weights.</summary>
    public string ToYaml() => Kind.ToYaml(this);

    /// <summary>Whether both are the same when written out.</summary>
    public virtual bool Equals(TargetConfig? other) => other is not null && Load == other.Load && ToYaml() == other.ToYaml();

    public override int GetHashCode() => ToYaml().GetHashCode(StringComparison.Ordinal);
}
