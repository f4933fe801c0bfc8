using Spd.Networks;
using Spd.Runs.Configuration;
using static Spd.Runs.Configuration.ValueKind;

namespace Spd.Runs.Targets;

/// <summary>The keys of an MLP of the user's own.</summary>
internal static class MlpKeys
{
    private const int MostLayers = 100, MostNeurons = 100_000;

    /// <summary>The shape of the network and the names in its file.</summary>
    public static KeyTable<MlpConfig> Model { get; } = new(
    [
        Keys<MlpConfig>.Value("layer_sizes", List(WholeNumber(1, MostNeurons), "a list of sizes from input to output, such as [784, 100, 10],"),
            c => c.LayerSizes, (c, v) => c with { LayerSizes = v }, required: true),
        Keys<MlpConfig>.Value("activation", Choice<ActivationName>(), c => c.Activation, (c, v) => c with { Activation = v }, required: true),
        Keys<MlpConfig>.Value("weights", OrNone(Names), c => c.Weights, (c, v) => c with { Weights = v }),
        Keys<MlpConfig>.Value("biases", OrNone(Names), c => c.Biases, (c, v) => c with { Biases = v }),
        Keys<MlpConfig>.Value("weight_layout", Choice<WeightLayout>(), c => c.WeightLayout, (c, v) => c with { WeightLayout = v }),
    ],
    model =>
    {
        int layers = model.LayerSizes.Count - 1;
        if (layers is < 1 or > MostLayers)
            return new ConfigFault("layer_sizes", $"layer_sizes has {model.LayerSizes.Count} sizes, but from 2 to {MostLayers + 1} are needed: inputs, hidden layers, outputs");
        return Fits("weights", model.Weights) ?? Fits("biases", model.Biases);

        ConfigFault? Fits(string key, IReadOnlyList<string>? names) => names is null || names.Count == layers
            ? null
            : new ConfigFault(key, $"{key} has {names.Count} names, but layer_sizes describes {layers} layers");
    });

    /// <summary>The data.</summary>
    public static KeyTable<MlpDataConfig> Data { get; } = new(
    [
        Keys<MlpDataConfig>.Value("inputs", Text, c => c.Inputs, (c, v) => c with { Inputs = v }, required: true),
        Keys<MlpDataConfig>.Value("labels", OrNone(Text), c => c.Labels, (c, v) => c with { Labels = v }),
        Keys<MlpDataConfig>.Value("input_scale", Number(_ => true, "finite"), c => c.InputScale, (c, v) => c with { InputScale = v }),
        Keys<MlpDataConfig>.Value("input_shift", Number(_ => true, "finite"), c => c.InputShift, (c, v) => c with { InputShift = v }),
        Keys<MlpDataConfig>.Value("held_out_share", Number(value => value is >= 0 and < 1, "at least 0 and below 1"),
            c => c.HeldOutShare, (c, v) => c with { HeldOutShare = v }),
        Keys<MlpDataConfig>.Value("published_accuracy", OrNull(Share), c => c.PublishedAccuracy, (c, v) => c with { PublishedAccuracy = v }),
    ],
    data => data is { PublishedAccuracy: not null, Labels: null }
        ? new ConfigFault("published_accuracy", "published_accuracy can only be checked with labels: name their file, or leave published_accuracy out")
        : null);

    /// <summary>The whole target.</summary>
    public static KeyTable<MlpTargetConfig> Target { get; } = new(
    [
        Keys<MlpTargetConfig>.Value("load", Text, c => c.Load!, (c, v) => c with { Load = v }, required: true),
        Keys<MlpTargetConfig>.Nested("mlp", Model, c => c.Model, (c, v) => c with { Model = v }, required: true),
        Keys<MlpTargetConfig>.Nested("data", Data, c => c.DataFiles, (c, v) => c with { DataFiles = v }, required: true),
    ]);

    private static ValueKind<IReadOnlyList<string>> Names => List(Text, "a list of names, one for each layer,");
}
