using Spd.Networks;

namespace Spd.Runs.Targets;

/// <summary>The network that an experiment decomposes (<c>target</c>), and the data that belong to it.</summary>
public abstract record TargetConfig
{
    /// <summary>Its kind, which does what the configuration says.</summary>
    public abstract TargetKind Kind { get; }

    /// <summary>The weight file of a network that was trained elsewhere; null for one that is trained here.</summary>
    public string? Load { get; init; }

    /// <summary>Input features of the network.</summary>
    public abstract int Features { get; }

    /// <summary>The network, with zeros for weights.</summary>
    public abstract Module Build();

    /// <summary>
    /// The files of data that it rests on, each by the dotted key that names it: <c>target.data.inputs</c>. A run knows them by their content, wherever they lie.
    /// </summary>
    public virtual IReadOnlyDictionary<string, string> Files => new Dictionary<string, string>();

    /// <summary>Every key with its value, as YAML: the canonical text of what is kept beside the weights.</summary>
    public string ToYaml() => Kind.ToYaml(this);

    /// <summary>Whether both are the same when written out.</summary>
    public virtual bool Equals(TargetConfig? other) => other is not null && Load == other.Load && ToYaml() == other.ToYaml();

    public override int GetHashCode() => ToYaml().GetHashCode(StringComparison.Ordinal);
}
