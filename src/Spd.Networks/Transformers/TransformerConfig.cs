using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Nodes;
using Spd.Formats;

namespace Spd.Networks.Transformers;

/// <summary>The shape of a transformer of a known architecture; each has its fields under the names of its own configurations.</summary>
[DynamicallyAccessedMembers(OptionRanges.Needed)]
public abstract record TransformerConfig
{
    /// <summary>The network, with weights of zero but for those of norms.</summary>
    /// <exception cref="ArgumentException">A field is out of its range, or two do not fit each other; one sentence says which.</exception>
    public abstract Transformer Build();

    /// <summary>The network with the weights of a file, or of the index of several.</summary>
    /// <param name="path">Any file that <see cref="WeightFile"/> reads, under the names that this architecture's weights have.</param>
    /// <exception cref="ArgumentException">A field is out of its range, or two do not fit each other.</exception>
    /// <exception cref="FileContentException">The file is damaged, or its tensors are not this network's parameters; one sentence says which.</exception>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    public Transformer Load(string path)
    {
        using var file = WeightFile.Open(path);
        return Load(file);
    }

    /// <summary>Reads the weights of a file into a network that was built of this configuration.</summary>
    /// <inheritdoc cref="Load(string)"/>
    public void Load(string path, Transformer network)
    {
        using var file = WeightFile.Open(path);
        CheckAgainst(file);
        Read(file, network);
    }

    /// <inheritdoc cref="Load(string)"/>
    internal Transformer Load(WeightFile file)
    {
        // Before memory is taken for as many.
        CheckAgainst(file);
        var network = Build();
        Read(file, network);
        return network;
    }

    private void CheckAgainst(WeightFile file)
    {
        Check();
        double held = file.Tensors.Sum(tensor => tensor.Shape.Aggregate(1.0, (count, size) => count * size));
        if (Weights > held)
        {
            throw new FileContentException(
                $"{Quoted.Path(file.Path)} holds {held:F0} numbers, but a network of this configuration has {Weights:F0} weights in its matrices alone: "
                + $"some of its tensors are missing, or {TransformerFiles.ConfigName} is another model's");
        }

        if (file.Tensors.FirstOrDefault(tensor => tensor.IsInteger && !IsBuffer(tensor.Name)) is { } whole)
        {
            throw new FileContentException(
                $"{Quoted.Path(file.Path)} holds {Quoted.Of(whole.Name)} as {whole.Type}: quantised weights are not supported; save the model in floating point");
        }
    }

    private void Read(WeightFile file, Transformer network)
    {
        var tensors = file.Tensors.Where(tensor => !IsBuffer(tensor.Name)).ToDictionary(tensor => tensor.Name);
        bool isBare = Prefix.Length > 0 && !tensors.Keys.Any(name => name.StartsWith(Prefix, StringComparison.Ordinal));
        ModuleWeights.Load(file.Path, tensors, file.Read, network, own =>
        {
            var stored = StoredAs(own);
            return isBare && stored.Name.StartsWith(Prefix, StringComparison.Ordinal) ? stored with { Name = stored.Name[Prefix.Length..] } : stored;
        });
    }

    /// <summary>The weights of a network of this configuration, as files have them: under the names, and in the shapes, that <see cref="Load(string)"/> looks for.</summary>
    internal IEnumerable<TensorData> WeightsOf(Transformer network) => ModuleWeights.Of(network, StoredAs);

    /// <summary>The fields of a <c>config.json</c> that is read as this configuration.</summary>
    /// <exception cref="NotSupportedException">There is no such file for this architecture.</exception>
    internal virtual JsonObject ToJson() => throw new NotSupportedException($"a {GetType().Name} has no {TransformerFiles.ConfigName}");

    /// <summary>The class of PyTorch whose modules have the names of these weights; null where there is none.</summary>
    public virtual string? ClassName => null;

    /// <summary>Refuses fields that are out of their ranges, or do not fit each other.</summary>
    internal virtual void Check() => OptionRanges.Check(this, GetType());

    /// <summary>What a model without a head leaves out before the names of all weights; empty for nothing.</summary>
    private protected virtual string Prefix => "";

    /// <summary>Ends of the names of what files hold besides weights: tables and masks.</summary>
    private protected virtual IReadOnlyList<string> Buffers => [];

    /// <summary>Weights of all matrices together.</summary>
    private protected abstract double Weights { get; }

    /// <summary>How a parameter lies in files.</summary>
    /// <param name="own">How it lies in ours: under its path.</param>
    private protected virtual StoredParameter StoredAs(StoredParameter own) => own;

    /// <summary>The head: one that is tied to the embedding, or of its own.</summary>
    private protected static Linear Head(Embedding embedding, bool isTied) =>
        isTied ? Linear.TransposeOf(embedding, bias: false) : new Linear(embedding.Outputs, embedding.Inputs, bias: false);

    /// <summary>Refuses sizes of which one must divide the other and does not.</summary>
    private protected static void ThrowIfIndivisible(string name, int value, string divisor, int by)
    {
        if (value % by != 0) throw new ArgumentException($"{name} is {value}, which cannot be divided by {divisor}, {by}");
    }

    /// <summary>Refuses heads whose features do not make pairs.</summary>
    private protected static void ThrowIfOdd(string name, int value)
    {
        if (value % 2 != 0) throw new ArgumentException($"{name} is {value}, an odd number, but rotary positions turn pairs of a head's features");
    }

    private bool IsBuffer(string name) => Buffers.Any(end => name.EndsWith(end, StringComparison.Ordinal));
}
