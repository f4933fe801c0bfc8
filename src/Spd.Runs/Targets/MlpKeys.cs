using Spd.Formats;
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
        Keys<MlpConfig>.Value("activation", OneOrEach(Choice<ActivationName>(), "a list of functions"), c => (ForAll: c.Activation, ByLayer: c.ActivationByLayer),
            (c, v) => c with { Activation = v.ForAll, ActivationByLayer = v.ByLayer }, required: true),
        Keys<MlpConfig>.Value("weights", OrNone(List(AnyText, "a list of names, one for each layer,")), c => c.Weights, (c, v) => c with { Weights = v }),
        Keys<MlpConfig>.Value("biases", Biases, c => c.Biases, (c, v) => c with { Biases = v }),
        Keys<MlpConfig>.Value("weight_layout", OneOrEach(Choice<WeightLayout>(), "a list of layouts, one for each layer,"),
            c => (ForAll: c.WeightLayout, ByLayer: c.WeightLayoutByLayer), (c, v) => c with { WeightLayout = v.ForAll, WeightLayoutByLayer = v.ByLayer }),
        Keys<MlpConfig>.Optional("prefix", AnyText, c => c.Prefix, (c, v) => c with { Prefix = v }),
        Keys<MlpConfig>.Optional("ignore", List(AnyText, "a list of names, such as [optimizer.*],"), c => c.Ignore, (c, v) => c with { Ignore = v }),
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

        return Fits("weights", model.Weights?.Count, "names") ?? Fits("biases", model.HasBiases ? model.Biases.Count : null, "names")
            ?? Fits("weight_layout", model.WeightLayoutByLayer?.Count, "layouts")
            ?? (Enumerable.Range(0, layers).SelectMany(layer => new[] { model.WeightOf(layer), model.BiasOf(layer) }.OfType<string>())
                .GroupBy(name => name).FirstOrDefault(group => group.Count() > 1) is { } twice
                ? new ConfigFault("weights", $"weights and biases name {Quoted.Of(twice.Key)} twice: each layer needs tensors of its own")
                : null);

        ConfigFault? Fits(string key, int? count, string what) => count is null || count == layers
            ? null
            : new ConfigFault(key, $"{key} has {count} {what}, but layer_sizes describes {layers} layers");
    });

    /// <summary>The data.</summary>
    public static KeyTable<MlpDataConfig> Data { get; } = new(
    [
        Keys<MlpDataConfig>.Value("inputs", AnyText, c => c.Inputs, (c, v) => c with { Inputs = v }, required: true),
        Keys<MlpDataConfig>.Value("labels", OrNone(AnyText), c => c.Labels, (c, v) => c with { Labels = v }),
        Keys<MlpDataConfig>.Optional("targets", AnyText, c => c.Targets, (c, v) => c with { Targets = v }),
        Keys<MlpDataConfig>.Optional("expected_outputs", AnyText, c => c.ExpectedOutputs, (c, v) => c with { ExpectedOutputs = v }),
        Keys<MlpDataConfig>.Optional("class_names", List(AnyText, "a list of names, one for each output,"), c => c.ClassNames, (c, v) => c with { ClassNames = v }),
        Keys<MlpDataConfig>.Optional("feature_names", List(AnyText, "a list of names, one for each input,"), c => c.FeatureNames, (c, v) => c with { FeatureNames = v }),
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
        Keys<MlpTargetConfig>.Value("load", FilePath, c => c.Load!, (c, v) => c with { Load = v }, required: true),
        Keys<MlpTargetConfig>.Optional("files_from", AnyText, c => c.FilesFrom, (c, v) => c with { FilesFrom = v }),
        Keys<MlpTargetConfig>.Nested("mlp", Model, c => c.Model, (c, v) => c with { Model = v }, required: true),
        Keys<MlpTargetConfig>.Nested("data", Data, c => c.DataFiles, (c, v) => c with { DataFiles = v }, required: true),
    ],
    target => Fits("class_names", target.DataFiles.ClassNames, target.Model.LayerSizes[^1], "outputs")
        ?? Fits("feature_names", target.DataFiles.FeatureNames, target.Model.LayerSizes[0], "inputs"));

    private static ConfigFault? Fits(string key, IReadOnlyList<string>? names, int count, string what) => names is null || names.Count == count
        ? null
        : new ConfigFault("data", $"{key} has {names.Count} names, but the network has {count} {what}");

    /// <summary>The names of biases, or null for those of layers without; written as null where there is none at all.</summary>
    private static ValueKind<IReadOnlyList<string?>?> Biases
    {
        get
        {
            var names = List(OrNone(AnyText), "a list of names, one for each layer,");
            return new(
                (node, key) => node.IsNull || (names.Read(node, key) is var read && read.All(name => name is null)) ? [] : names.Read(node, key),
                value => value is { Count: > 0 } ? names.Write(value) : Plain("null"));
        }
    }

    /// <summary>One value for all layers, or a list of one for each.</summary>
    private static ValueKind<(T ForAll, IReadOnlyList<T>? ByLayer)> OneOrEach<T>(ValueKind<T> one, string needed)
        where T : struct
    {
        var each = List(one, needed);
        return new(
            (node, key) => node is ConfigList ? (default, each.Read(node, key)) : (one.Read(node, key), null),
            value => value.ByLayer is { } byLayer ? each.Write(byLayer) : one.Write(value.ForAll));
    }
}
