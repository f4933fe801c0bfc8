using Spd.Networks;
using Spd.Runs.Configuration;
using static Spd.Runs.Configuration.ValueKind;

namespace Spd.Runs.Targets;

/// <summary>The keys of an MLP of the user's own.</summary>
internal static class MlpKeys
{
    private const int MostLayers = 100;

    /// <summary>The shape of the network and the names in its file.</summary>
    public static KeyTable<MlpConfig> Model { get; } = new(
    [
        Keys<MlpConfig>.Value("layer_sizes", List(WholeNumber(Keys<MlpConfig>.RangeOf("layer_sizes")), "a list of sizes from input to output, such as [784, 100, 10],"),
            c => c.LayerSizes, (c, v) => c with { LayerSizes = v }, required: true),
        Keys<MlpConfig>.Value("activation", Activations, c => (ForAll: c.Activation, ByLayer: c.ActivationByLayer),
            (c, v) => c with { Activation = v.ForAll, ActivationByLayer = v.ByLayer }, required: true),
        Keys<MlpConfig>.Value("weights", OrNone(Names), c => c.Weights, (c, v) => c with { Weights = v }),
        Keys<MlpConfig>.Value("biases", OrNone(Names), c => c.Biases, (c, v) => c with { Biases = v }),
        Keys<MlpConfig>.Value("weight_layout", Choice<WeightLayout>(), c => c.WeightLayout, (c, v) => c with { WeightLayout = v }),
    ],
    model =>
    {
        int layers = model.LayerSizes.Count - 1;
        if (layers is < 1 or > MostLayers)
            return new ConfigFault("layer_sizes", $"layer_sizes has {model.LayerSizes.Count} sizes, but from 2 to {MostLayers + 1} are needed: inputs, hidden layers, outputs");
        if (model.ActivationByLayer is { } activations && activations.Count != layers - 1 && activations.Count != layers)
        {
            return new ConfigFault(
                "activation",
                $"activation names {activations.Count} functions, but layer_sizes describes {layers - 1} hidden layers: "
                + $"{layers - 1} are needed, or {layers} with one behind the last layer");
        }

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
        Keys<MlpDataConfig>.Optional("targets", Text, c => c.Targets, (c, v) => c with { Targets = v }),
        Keys<MlpDataConfig>.Optional("expected_outputs", Text, c => c.ExpectedOutputs, (c, v) => c with { ExpectedOutputs = v }),
        Keys<MlpDataConfig>.Optional("class_names", List(Text, "a list of names, one for each output,"), c => c.ClassNames, (c, v) => c with { ClassNames = v }),
        Keys<MlpDataConfig>.Optional("feature_names", List(Text, "a list of names, one for each input,"), c => c.FeatureNames, (c, v) => c with { FeatureNames = v }),
        Keys<MlpDataConfig>.Number("input_scale", c => c.InputScale, (c, v) => c with { InputScale = v }),
        Keys<MlpDataConfig>.Number("input_shift", c => c.InputShift, (c, v) => c with { InputShift = v }),
        Keys<MlpDataConfig>.Number("held_out_share",
            c => c.HeldOutShare, (c, v) => c with { HeldOutShare = v }),
        Keys<MlpDataConfig>.Number("published_accuracy", c => c.PublishedAccuracy, (c, v) => c with { PublishedAccuracy = v }),
    ],
    data => data switch
    {
        { PublishedAccuracy: not null, Labels: null } =>
            new ConfigFault("published_accuracy", "published_accuracy can only be checked with labels: name their file, or leave published_accuracy out"),
        { Labels: not null, Targets: not null } =>
            new ConfigFault("targets", "labels are for a classifier and targets for any other network: name one of them"),
        _ => null,
    });

    /// <summary>The whole target.</summary>
    public static KeyTable<MlpTargetConfig> Target { get; } = new(
    [
        Keys<MlpTargetConfig>.Value("load", Text, c => c.Load!, (c, v) => c with { Load = v }, required: true),
        Keys<MlpTargetConfig>.Nested("mlp", Model, c => c.Model, (c, v) => c with { Model = v }, required: true),
        Keys<MlpTargetConfig>.Nested("data", Data, c => c.DataFiles, (c, v) => c with { DataFiles = v }, required: true),
    ],
    target => Fits("class_names", target.DataFiles.ClassNames, target.Model.LayerSizes[^1], "outputs")
        ?? Fits("feature_names", target.DataFiles.FeatureNames, target.Model.LayerSizes[0], "inputs"));

    private static ConfigFault? Fits(string key, IReadOnlyList<string>? names, int count, string what) => names is null || names.Count == count
        ? null
        : new ConfigFault("data", $"{key} has {names.Count} names, but the network has {count} {what}");

    private static ValueKind<(ActivationName ForAll, IReadOnlyList<ActivationName>? ByLayer)> Activations
    {
        get
        {
            var one = Choice<ActivationName>();
            var each = List(one, "a list of functions");
            return new(
                (node, key) => node is ConfigList ? (default, each.Read(node, key)) : (one.Read(node, key), null),
                value => value.ByLayer is { } byLayer ? each.Write(byLayer) : one.Write(value.ForAll));
        }
    }

    private static ValueKind<IReadOnlyList<string>> Names => List(Text, "a list of names, one for each layer,");
}
