using Spd.Engine.Execution;
using Spd.Decomposition;
using Spd.Formats;
using Spd.Networks;
using Spd.Networks.Data;
using Spd.Networks.Targets;
using Spd.Runs.Configuration;
using Spd.Runs.Reporting;
using Spd.Runs.Results;

namespace Spd.Runs.Targets;

/// <summary>MLPs of the user's own, with their data from files.</summary>
internal sealed class MlpTarget : TargetKind
{
    /// <summary>The one of its kind.</summary>
    public static readonly MlpTarget Instance = new();

    public override string TaskName => "mlp";

    public override string ModelKey => "mlp";

    public override TargetConfig Defaults => new MlpTargetConfig();

    internal override ConfigKey<TargetConfig> TargetKey { get; } = TargetKeys.Target(MlpKeys.Target);

    internal override KeyTable<TaskConfig> TaskKeys => TargetKeys.FileTask(this);

    internal override string ModuleNameOf(TargetConfig config, string path) => ((MlpTargetConfig)config).Model.ModuleOf(path) ?? path;

    public override string ToYaml(TargetConfig config) => ConfigWriter.Write(MlpKeys.Target.Write((MlpTargetConfig)config));

    public override IReadOnlyList<string> Load(TargetConfig config, Module network)
    {
        var (path, model) = (config.Load!, ((MlpTargetConfig)config).Model);
        var layers = Enumerable.Range(0, model.LayerSizes.Count - 1).ToList();
        using var file = TargetTensors.Open(
            path, [.. layers.Select(model.WeightOf), .. layers.Select(model.BiasOf).OfType<string>()], "correct the names under target.mlp",
            prefix: model.Prefix ?? "", ignore: model.Ignore);
        if (model.Biases is null) RequireNoBiases(path, model, file);

        var tensors = new Dictionary<string, TensorInfo>();
        var readers = new Dictionary<string, Func<TensorData>>();
        foreach (int layer in layers)
        {
            string name = $"layers.{layer}.weight", weight = model.WeightOf(layer);
            RequireShape(path, file.Found[weight], model, layer);
            tensors[name] = file.Found[weight] with { Shape = [model.LayerSizes[layer + 1], model.LayerSizes[layer]] };
            readers[name] = model.LayoutOf(layer) == WeightLayout.OutIn ? () => file.Read(weight) : () => Transposed(path, file.Read(weight));
            if (model.BiasOf(layer) is not { } bias) continue;
            var stored = file.Found[bias];
            // NumPy's users keep them as a row or a column.
            if (Holds(stored, model.LayerSizes[layer + 1])) stored = stored with { Shape = [model.LayerSizes[layer + 1]] };
            tensors[$"layers.{layer}.bias"] = stored;
            readers[$"layers.{layer}.bias"] = () => file.Read(bias);
        }

        ModuleWeights.Load(path, tensors, name => readers[name](), network);
        return
        [
            .. file.Notes,
            .. file.UnusedNote(file.Others, other => other.MightBeParameter && layers.Exists(layer => HasShapeOf(other.Tensor, model, layer)), "name it under target.mlp if it is a part of the network"),
        ];
    }

    public override string Verify(TargetConfig config, Module network, Backend backend)
    {
        var mlp = (MlpTargetConfig)config;
        return MlpVerification.Of(mlp, network, ReadRows(mlp), backend);
    }

    public override TargetData Data(TargetConfig config, TaskConfig task)
    {
        var rows = ReadRows((MlpTargetConfig)config);
        return new TargetData(new TableData(rows.Training.Table()), new TableData(rows.HeldOut.Table()), rows);
    }

    internal override IEnumerable<(string Metric, MetricValue Value)> Evidence(ComponentModel model, TargetData data, Evaluation? evaluation, ulong seed, Backend backend) =>
        evaluation is null ? [] : TaskEvidence.Of(model, data.Measured, seed, backend);

    internal override SiteDirections DirectionsOf(ComponentModel model, TargetData data, Site site)
    {
        var (layers, rows, own) = (((Mlp)model.Network).Layers, data.Measured!, SiteDirections.Of(site, "unit", "unit"));
        if (site.Linear == layers[0]) own = own with { ReadName = rows.InputName, ReadSize = rows.ImageSize };
        // What gives as many numbers as it takes, and no classes, gives what is like its inputs.
        bool isLikeInputs = rows.Labels is null && site.Outputs == layers[0].Inputs;
        return site.Linear == layers[^1] ? own with { WriteName = rows.OutputName, WrittenSize = isLikeInputs ? rows.ImageSize : null } : own;
    }

    public override IEnumerable<RunFigure> Draw(ComponentModel model, TargetData data, Backend backend) => data.Measured is { } rows ? MlpFigures.Draw(model, rows, backend) : [];

    /// <summary>Reads the rows.</summary>
    /// <exception cref="ConfigException">The files do not fit the network, or one another.</exception>
    /// <exception cref="IOException">A file is missing, damaged or of another kind.</exception>
    internal static LabelledRows ReadRows(MlpTargetConfig config)
    {
        config.RequireFiles();
        return MlpRows.Read(config.DataFiles, config.Features, outputs: config.Model.LayerSizes[^1]);
    }

    /// <summary>A network whose biases were forgotten would be another one.</summary>
    private static void RequireNoBiases(string path, MlpConfig model, TargetTensors file)
    {
        var others = file.Others.ToDictionary(other => other.Tensor.Name, other => other.Tensor);
        var biases = Enumerable.Range(0, model.LayerSizes.Count - 1).Select(layer => TensorNames.BiasesBeside(file.Found[model.WeightOf(layer)].Name)
            .FirstOrDefault(name => others.TryGetValue(name, out var tensor) && Holds(tensor, model.LayerSizes[layer + 1]))).ToList();
        if (biases.OfType<string>().FirstOrDefault() is not { } bias) return;
        throw new ConfigException(
            $"{Quoted.Path(path)} holds {Quoted.Of(bias)} beside the weights, and target.mlp does not say whether the network has it: "
            + $"set target.mlp.biases to [{string.Join(", ", biases.Select(name => name is null ? "null" : Quoted.Bare(name)))}], or to null for a network without biases");
    }

    private static void RequireShape(string path, TensorInfo weight, MlpConfig model, int layer)
    {
        int[] outIn = [model.LayerSizes[layer + 1], model.LayerSizes[layer]], inOut = [outIn[1], outIn[0]];
        var (needed, other) = model.LayoutOf(layer) == WeightLayout.OutIn ? (outIn, inOut) : (inOut, outIn);
        if (weight.Shape.SequenceEqual(needed)) return;
        throw new FileContentException(
            $"{Quoted.Path(path)} holds {Quoted.Of(weight.Name)} of shape {weight.ShapeText}, but this network needs [{string.Join(", ", needed)}]: "
            + (weight.Shape.SequenceEqual(other)
                ? $"try target.mlp.weight_layout={(model.LayoutOf(layer) == WeightLayout.OutIn ? "in_out" : "out_in")}"
                : "correct target.mlp.layer_sizes, or the order of the weights"));
    }

    private static bool HasShapeOf(TensorInfo tensor, MlpConfig model, int layer)
    {
        var (inputs, outputs) = (model.LayerSizes[layer], model.LayerSizes[layer + 1]);
        return Holds(tensor, outputs) || tensor.Shape.SequenceEqual(model.LayoutOf(layer) == WeightLayout.OutIn ? [outputs, inputs] : [inputs, outputs]);
    }

    /// <summary>Whether a tensor is a vector of a length, whichever way it is written.</summary>
    private static bool Holds(TensorInfo tensor, int length) => tensor.Shape is [_] or [1, _] or [_, 1]
        && tensor.Shape.Max() == length && tensor.Shape.All(size => size > 0);

    private static TensorData Transposed(string path, TensorData matrix)
    {
        // Before its places change.
        ModuleWeights.RequireFinite(path, matrix);
        return new TensorData(matrix.Name, [matrix.Shape[1], matrix.Shape[0]], TensorData.Transposed(matrix.Values, matrix.Shape[0]));
    }
}
