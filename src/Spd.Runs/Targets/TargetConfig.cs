using Spd.Networks;
using Spd.Networks.Data;
using Spd.Formats;
using Spd.Runs.Configuration;

namespace Spd.Runs.Targets;

/// <summary>The network that an experiment decomposes (<c>target</c>), and the data that belong to it.</summary>
public abstract record TargetConfig
{
    /// <summary>The weight file of a network that was trained elsewhere; null for one that is trained here.</summary>
    public string? Load { get; init; }

    /// <summary>Input features of the network.</summary>
    public abstract int Features { get; }

    /// <summary>The network, with zeros for weights.</summary>
    public abstract Module Build();

    /// <summary>Reads the weights of <see cref="Load"/> into a network; on failure it is left as it was.</summary>
    /// <exception cref="FileContentException">The file is damaged, or its tensors are not this network's.</exception>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    public abstract void LoadInto(Module network);

    /// <summary>Looks whether a network does what it should.</summary>
    /// <returns>A clause about what it has learnt, for the user.</returns>
    /// <exception cref="TargetException">It falls short of what the configuration says of it.</exception>
    public abstract string Verify(Module network);

    /// <summary>The inputs on which it is decomposed.</summary>
    /// <exception cref="ArgumentException">The inputs cannot be drawn as the task says.</exception>
    /// <exception cref="ConfigException">A file of inputs does not fit the network.</exception>
    public abstract DataSource Data(TaskConfig task);

    /// <summary>The inputs on which a decomposition is measured: fresh ones, or rows that were kept from training.</summary>
    /// <inheritdoc cref="Data"/>
    public virtual DataSource EvaluationData(TaskConfig task) => Data(task);

    /// <summary>
    /// The files of data that it rests on, each by the dotted key that names it: <c>target.data.inputs</c>. A run knows them by their content, wherever they lie.
    /// </summary>
    public virtual IReadOnlyDictionary<string, string> Files => new Dictionary<string, string>();

    /// <summary>Every key with its value, as YAML: the canonical text of what is kept beside the weights.</summary>
    public abstract string ToYaml();

    /// <summary>Whether both are the same when written out.</summary>
    public virtual bool Equals(TargetConfig? other) => other is not null && Load == other.Load && ToYaml() == other.ToYaml();

    /// <inheritdoc/>
    public override int GetHashCode() => ToYaml().GetHashCode(StringComparison.Ordinal);
}
