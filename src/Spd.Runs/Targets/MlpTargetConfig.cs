using System.ComponentModel.DataAnnotations;
using System.Diagnostics.CodeAnalysis;
using Spd.Networks;
using Spd.Networks.Targets;

namespace Spd.Runs.Targets;

/// <summary>How a matrix is stored in a weight file.</summary>
public enum WeightLayout
{
    /// <summary><c>[d_out, d_in]</c>, as PyTorch's <c>nn.Linear</c> does.</summary>
    OutIn,

    /// <summary><c>[d_in, d_out]</c>.</summary>
    InOut,
}

/// <summary>The shape of an MLP that was trained elsewhere, and what its tensors are called (<c>target: mlp:</c>).</summary>
public sealed record MlpConfig
{
    /// <summary>Inputs, neurons of every hidden layer, outputs.</summary>
    [Range(1, 100_000)]
    public IReadOnlyList<int> LayerSizes { get; init; } = [];

    /// <summary>The activation function between the layers, where <see cref="ActivationByLayer"/> is null.</summary>
    public ActivationName Activation { get; init; }

    /// <summary>The activation function after each hidden layer, and, if there is one more, after the last; null for <see cref="Activation"/> between all.</summary>
    public IReadOnlyList<ActivationName>? ActivationByLayer { get; init; }

    /// <summary>The activation function after each layer that has one.</summary>
    public IReadOnlyList<ActivationName> Activations => ActivationByLayer ?? [.. Enumerable.Repeat(Activation, Math.Max(0, LayerSizes.Count - 2))];

    /// <summary>The names of the matrices in the file, from input to output; null for <c>layers.0.weight</c> and so on.</summary>
    public IReadOnlyList<string>? Weights { get; init; }

    /// <summary>
    /// The names of the biases in the file, from input to output, null for a layer without; empty for a network without. Null: not said, which will do where the
    /// file has none beside its weights.
    /// </summary>
    public IReadOnlyList<string?>? Biases { get; init; }

    /// <summary>How the matrices are stored, where <see cref="WeightLayoutByLayer"/> is null.</summary>
    public WeightLayout WeightLayout { get; init; }

    /// <summary>How each matrix is stored; null for <see cref="WeightLayout"/> of all.</summary>
    public IReadOnlyList<WeightLayout>? WeightLayoutByLayer { get; init; }

    /// <summary>What stands before all names in the file; null for nothing.</summary>
    public string? Prefix { get; init; }

    /// <summary>Patterns of names in the file that are no part of the network, and of which nothing is to be said; <c>*</c> is any text. Null for none.</summary>
    public IReadOnlyList<string>? Ignore { get; init; }

    /// <summary>Whether any layer has a bias.</summary>
    [MemberNotNullWhen(true, nameof(Biases))]
    public bool HasBiases => Biases is { Count: > 0 };

    /// <summary>The name of a layer's matrix.</summary>
    public string WeightOf(int layer) => Weights?[layer] ?? $"layers.{layer}.weight";

    /// <summary>The name of a layer's bias, or null.</summary>
    public string? BiasOf(int layer) => HasBiases ? Biases[layer] : null;

    /// <summary>
    /// What the module of a layer, <c>layers.0</c>, is called in the file: <c>fc1</c> where its matrix is <c>fc1.weight</c>; null where the matrices are not all
    /// called so, as those of PyTorch are.
    /// </summary>
    internal string? ModuleOf(string layer)
    {
        const string Weight = ".weight";
        var weights = Enumerable.Range(0, LayerSizes.Count - 1).Select(WeightOf).ToList();
        return weights.TrueForAll(name => name.Length > Weight.Length && name.EndsWith(Weight, StringComparison.Ordinal))
            && weights.DistinctBy(name => name.Replace('.', '-')).Count() == weights.Count
            && Enumerable.Range(0, weights.Count).Select(i => $"layers.{i}").ToList().IndexOf(layer) is >= 0 and var at
            ? weights[at][..^Weight.Length]
            : null;
    }

    /// <summary>How a layer's matrix is stored.</summary>
    public WeightLayout LayoutOf(int layer) => WeightLayoutByLayer?[layer] ?? WeightLayout;
}

/// <summary>The inputs of an MLP, from files (<c>target: data:</c>).</summary>
public sealed record MlpDataConfig
{
    /// <summary>
    /// The file of inputs, a row or an image each: <c>.npy</c>, <c>file.npz:name</c>, IDX, or columns of a table, <c>file.csv:a,b</c>; where those are not named,
    /// all that the other keys do not name in the same file.
    /// </summary>
    public string Inputs { get; init; } = "";

    /// <summary>
    /// The file of labels, a class from 0, a row of a single 1 among zeros, or a text each; null where there are none. Texts are classes in the order of
    /// <see cref="ClassNames"/>, or else in that of their characters.
    /// </summary>
    public string? Labels { get; init; }

    /// <summary>The file of what a network that is no classifier is to give, a row of outputs each; null where there are none.</summary>
    public string? Targets { get; init; }

    /// <summary>
    /// The file of what the network gives on these inputs where it was trained, before any softmax; compared on load. Null: not known.
    /// </summary>
    public string? ExpectedOutputs { get; init; }

    /// <summary>The names of the outputs, for figures; null for their numbers.</summary>
    public IReadOnlyList<string>? ClassNames { get; init; }

    /// <summary>The names of the inputs, for figures; null for those of the columns, or their numbers.</summary>
    public IReadOnlyList<string>? FeatureNames { get; init; }

    /// <summary>What inputs are multiplied by: 1/255 for bytes that the network takes as 0 to 1.</summary>
    [Finite]
    public double InputScale { get; init; } = 1;

    /// <summary>What is added to the scaled inputs.</summary>
    [Finite]
    public double InputShift { get; init; }

    /// <summary>The share of the rows, the last ones, that the decomposition is measured on and not trained on; at 0, both use all rows.</summary>
    [Range(0.0, 1.0, MaximumIsExclusive = true)]
    public double HeldOutShare { get; init; } = 0.2;

    /// <summary>The accuracy that the network is known to have on these labels; one that falls short by more than half a percent is refused. Null: unknown.</summary>
    [Share]
    public double? PublishedAccuracy { get; init; }
}

/// <summary>An MLP of the user's own: its weights, its shape and its data are read from files.</summary>
public sealed record MlpTargetConfig : TargetConfig
{
    public override TargetKind Kind => MlpTarget.Instance;

    /// <summary>The shape.</summary>
    public MlpConfig Model { get; init; } = new();

    /// <summary>The data.</summary>
    public MlpDataConfig DataFiles { get; init; } = new();

    public override int Features => Model.LayerSizes[0];

    public override IReadOnlyDictionary<string, string> Files => new (string Key, string? Path)[]
    {
        ("target.data.inputs", DataFiles.Inputs), ("target.data.labels", DataFiles.Labels),
        ("target.data.targets", DataFiles.Targets), ("target.data.expected_outputs", DataFiles.ExpectedOutputs),
    }.Where(file => file.Path is not null).ToDictionary(file => file.Key, file => file.Path!);

    public override Module Build() => new Mlp(
        Model.LayerSizes, Model.Activations, [.. Enumerable.Range(0, Model.LayerSizes.Count - 1).Select(layer => Model.BiasOf(layer) is not null)]);

    public bool Equals(MlpTargetConfig? other) => base.Equals(other);

    public override int GetHashCode() => base.GetHashCode();
}
