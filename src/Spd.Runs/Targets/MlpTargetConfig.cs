using Spd.Networks;
using Spd.Networks.Data;
using Spd.Networks.Targets;
using Spd.Formats;
using Spd.Runs.Configuration;

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
    public IReadOnlyList<int> LayerSizes { get; init; } = [];

    /// <summary>The activation function between the layers.</summary>
    public ActivationName Activation { get; init; }

    /// <summary>The names of the matrices in the file, from input to output; null for <c>layers.0.weight</c> and so on.</summary>
    public IReadOnlyList<string>? Weights { get; init; }

    /// <summary>The names of the biases in the file, from input to output; null for a network without.</summary>
    public IReadOnlyList<string>? Biases { get; init; }

    /// <summary>How the matrices are stored.</summary>
    public WeightLayout WeightLayout { get; init; }
}

/// <summary>The inputs of an MLP, from files (<c>target: data:</c>).</summary>
public sealed record MlpDataConfig
{
    /// <summary>The file of inputs, a row or an image each: <c>.npy</c>, <c>file.npz:name</c> or IDX.</summary>
    public string Inputs { get; init; } = "";

    /// <summary>The file of labels, a class from 0 each; null where there are none.</summary>
    public string? Labels { get; init; }

    /// <summary>What inputs are multiplied by: 1/255 for bytes that the network takes as 0 to 1.</summary>
    public double InputScale { get; init; } = 1;

    /// <summary>What is added to the scaled inputs.</summary>
    public double InputShift { get; init; }

    /// <summary>The share of the rows, the last ones, that the decomposition is measured on and not trained on; at 0, both use all rows.</summary>
    public double HeldOutShare { get; init; } = 0.2;

    /// <summary>The accuracy that the network is known to have on these labels; one that falls short by more than half a percent is refused. Null: unknown.</summary>
    public double? PublishedAccuracy { get; init; }
}

/// <summary>An MLP of the user's own: its weights, its shape and its data are read from files.</summary>
public sealed record MlpTargetConfig : TargetConfig
{
    /// <summary>How far the accuracy may lie below the published one.</summary>
    public const double AccuracyTolerance = 0.005;

    /// <summary>The shape.</summary>
    public MlpConfig Model { get; init; } = new();

    /// <summary>The data.</summary>
    public MlpDataConfig DataFiles { get; init; } = new();

    /// <inheritdoc/>
    public override int Features => Model.LayerSizes[0];

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, string> Files => new (string Key, string? Path)[]
    {
        ("target.data.inputs", DataFiles.Inputs), ("target.data.labels", DataFiles.Labels),
    }.Where(file => file.Path is not null).ToDictionary(file => file.Key, file => file.Path!);

    /// <inheritdoc/>
    public override Module Build() => new Mlp(Model.LayerSizes, Model.Activation, Model.Biases is not null);

    /// <inheritdoc/>
    public override void LoadInto(Module network)
    {
        var tensors = WeightFile.ReadAll(Load!).ToDictionary(tensor => tensor.Name);
        var renamed = new List<TensorData>();
        for (int layer = 0; layer + 1 < Model.LayerSizes.Count; layer++)
        {
            var weight = Take(Model.Weights?[layer] ?? $"layers.{layer}.weight");
            renamed.Add((Model.WeightLayout == WeightLayout.OutIn ? weight : Transposed(weight)) with { Name = $"layers.{layer}.weight" });
            if (Model.Biases is not null) renamed.Add(Take(Model.Biases[layer]) with { Name = $"layers.{layer}.bias" });
        }

        if (tensors.Keys.FirstOrDefault() is { } extra)
        {
            throw new FileContentException(
                $"'{Load}' also holds {extra}, which the target does not use: name it under target.mlp.weights or target.mlp.biases if it is a part of the network");
        }

        ModuleWeights.Load(Load!, renamed, network);

        TensorData Take(string name) => tensors.Remove(name, out var tensor)
            ? tensor
            : throw new FileContentException($"'{Load}' holds no {name}; it holds {string.Join(", ", tensors.Keys.Take(20))}: correct the names under target.mlp");
    }

    /// <inheritdoc/>
    public override string Verify(Module network)
    {
        var rows = ReadRows();
        if (rows.Labels is not { } labels) return "its accuracy is not known, since target.data has no labels";
        double accuracy = Accuracy.Of(NetworkOutputs.Of(network, rows.Inputs, rows.Count), labels);
        if (DataFiles.PublishedAccuracy is { } published && accuracy < published - AccuracyTolerance)
        {
            throw new TargetException(
                $"the network in '{Load}' has an accuracy of {accuracy:P2} on its data, but {published:P2} is expected: "
                + "look at input_scale, weight_layout and the order of the layers");
        }

        return $"it classifies {accuracy:P2} of {rows.Count} inputs correctly{(DataFiles.PublishedAccuracy is { } told ? $" (published: {told:P1})" : "")}";
    }

    /// <inheritdoc/>
    public override DataSource Data(TaskConfig task) => new TableData(ReadRows().Training.Table());

    /// <inheritdoc/>
    public override DataSource EvaluationData(TaskConfig task) => new TableData(ReadRows().HeldOut.Table());

    /// <summary>Reads the rows.</summary>
    /// <exception cref="ConfigException">The files do not fit the network, or one another.</exception>
    /// <exception cref="IOException">A file is missing, damaged or of another kind.</exception>
    public LabelledRows ReadRows()
    {
        var inputs = ReadFile("inputs", DataFiles.Inputs);
        int count = inputs.Shape.Count == 0 ? 0 : inputs.Shape[0];
        if (count == 0 || inputs.Values.Length / count != Features)
        {
            throw new ConfigException(
                $"'{DataFiles.Inputs}' holds an array of shape {inputs.ShapeText}, but rows of {Features} numbers are needed, the first of target.mlp.layer_sizes");
        }

        float[] scaled = [.. inputs.Values.Select(value => (float)(value * DataFiles.InputScale + DataFiles.InputShift))];
        if (Array.FindIndex(scaled, value => !float.IsFinite(value)) is >= 0 and var bad)
            throw new ConfigException($"'{DataFiles.Inputs}' holds {inputs.Values[bad]} in row {bad / Features}: the network needs finite numbers");
        int heldOut = (int)Math.Round(count * DataFiles.HeldOutShare);
        if (DataFiles.HeldOutShare > 0 && (heldOut == 0 || heldOut == count))
            throw new ConfigException($"'{DataFiles.Inputs}' has {count} rows, too few to hold out a share of {DataFiles.HeldOutShare}");
        return new LabelledRows(scaled, ReadLabels(count), count, heldOut, [.. inputs.Shape.Skip(1)]);
    }

    /// <inheritdoc/>
    public override string ToYaml() => ConfigWriter.Write(MlpKeys.Target.Write(this));

    /// <inheritdoc/>
    public bool Equals(MlpTargetConfig? other) => base.Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => base.GetHashCode();

    private int[]? ReadLabels(int count)
    {
        if (DataFiles.Labels is not { } file) return null;
        var labels = ReadFile("labels", file);
        int classes = Model.LayerSizes[^1];
        if (labels.Values.Length != count) throw new ConfigException($"'{file}' holds {labels.Values.Length} labels, but '{DataFiles.Inputs}' has {count} rows");
        if (Array.Find(labels.Values, label => !(label >= 0 && label < classes && label == MathF.Floor(label))) is not 0 and var odd)
            throw new ConfigException($"'{file}' holds the label {odd}, but classes are whole numbers from 0 to {classes - 1}");
        return [.. labels.Values.Select(label => (int)label)];
    }

    private static TensorData ReadFile(string key, string path) => File.Exists(ArrayFile.FileOf(path))
        ? ArrayFile.Read(path)
        : throw new ConfigException($"target.data.{key} is '{path}', but there is no such file: name it with --set target.data.{key}=PATH");

    private static TensorData Transposed(TensorData matrix) => matrix.Shape is [var rows, var columns]
        ? new TensorData(matrix.Name, [columns, rows], TensorData.Transposed(matrix.Values, rows))
        : matrix;
}

/// <summary>Rows of inputs with their labels.</summary>
/// <param name="Inputs">Row-major <c>[Count, features]</c>.</param>
/// <param name="Labels">The class of each row, or null.</param>
/// <param name="Count">Rows.</param>
/// <param name="HeldOutCount">How many of them, the last ones, are only measured on; 0 where all are used for both.</param>
/// <param name="Shape">The shape of one input: <c>[28, 28]</c> of an image.</param>
public sealed record LabelledRows(float[] Inputs, int[]? Labels, int Count, int HeldOutCount, IReadOnlyList<int> Shape)
{
    /// <summary>The rows that a decomposition is trained on.</summary>
    public LabelledRows Training => HeldOutCount == 0 ? this : Part(0, Count - HeldOutCount);

    /// <summary>The rows that it is measured on.</summary>
    public LabelledRows HeldOut => HeldOutCount == 0 ? this : Part(Count - HeldOutCount, HeldOutCount);

    /// <summary>The inputs as a table.</summary>
    public float[,] Table()
    {
        float[,] table = new float[Count, Inputs.Length / Count];
        Buffer.BlockCopy(Inputs, 0, table, 0, sizeof(float) * Inputs.Length);
        return table;
    }

    private LabelledRows Part(int first, int count)
    {
        int width = Inputs.Length / Count;
        return new LabelledRows(Inputs[(first * width)..((first + count) * width)], Labels?[first..(first + count)], count, 0, Shape);
    }
}
