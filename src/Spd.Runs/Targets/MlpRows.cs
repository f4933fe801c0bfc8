using Spd.Formats;
using Spd.Runs.Configuration;

namespace Spd.Runs.Targets;

/// <summary>Reads the data files of an MLP, and holds them against its shape and against one another.</summary>
internal static class MlpRows
{
    /// <summary>Reads all that the configuration names.</summary>
    /// <param name="files">The files.</param>
    /// <param name="features">Inputs of the network.</param>
    /// <param name="outputs">Its outputs.</param>
    /// <exception cref="ConfigException">The files do not fit the network, or one another.</exception>
    /// <exception cref="IOException">A file is missing, damaged or of another kind.</exception>
    public static LabelledRows Read(MlpDataConfig files, int features, int outputs)
    {
        using var file = Open("inputs", files.Inputs);
        var inputs = file.Choose();
        int count = inputs.Shape.Count == 0 ? 0 : inputs.Shape[0];
        if (count == 0 || NumbersOf(inputs) != (Int128)count * features)
        {
            throw new ConfigException(
                $"'{files.Inputs}' holds an array of shape {inputs.ShapeText}, but rows of {features} numbers are needed, the first of target.mlp.layer_sizes");
        }

        float[] values = file.ReadValues(), scaled = [.. values.Select(value => (float)(value * files.InputScale + files.InputShift))];
        if (Array.FindIndex(scaled, value => !float.IsFinite(value)) is >= 0 and var bad)
            throw new ConfigException($"'{files.Inputs}' holds {values[bad]} in row {bad / features}: the network needs finite numbers");
        int heldOut = (int)Math.Round(count * files.HeldOutShare);
        if (files.HeldOutShare > 0 && (heldOut == 0 || heldOut == count))
            throw new ConfigException($"'{files.Inputs}' has {count} rows, too few to hold out a share of {files.HeldOutShare}");
        return new LabelledRows(scaled, count, heldOut, [.. inputs.Shape.Skip(1)])
        {
            Labels = files.Labels is { } labels ? ReadLabels(labels, files.Inputs, count, outputs) : null,
            Targets = files.Targets is { } targets ? ReadOutputs("targets", targets, files.Inputs, count, outputs) : null,
            ExpectedOutputs = files.ExpectedOutputs is { } expected ? ReadOutputs("expected_outputs", expected, files.Inputs, count, outputs) : null,
            ClassNames = files.ClassNames,
            FeatureNames = files.FeatureNames,
        };
    }

    private static int[] ReadLabels(string path, string inputs, int count, int classes)
    {
        using var file = Open("labels", path);
        var labels = file.Choose();
        bool isOneHot = labels.Shape is [var rows, > 1] && rows == count;
        if (isOneHot && labels.Shape[1] != classes)
        {
            throw new ConfigException(
                $"'{path}' holds rows of {labels.Shape[1]} numbers, but the network has {classes} outputs: labels are one class from 0 a row, or a row of a single 1 among zeros");
        }

        if (!isOneHot && NumbersOf(labels) != count) throw new ConfigException($"'{path}' holds {NumbersOf(labels)} labels, but '{inputs}' has {count} rows");
        float[] values = file.ReadValues();
        if (isOneHot) return [.. Enumerable.Range(0, count).Select(row => ClassOf(path, values.AsSpan(row * classes, classes), row))];
        if (Array.FindIndex(values, label => !(label >= 0 && label < classes && label == MathF.Floor(label))) is >= 0 and var odd)
        {
            throw new ConfigException(
                $"'{path}' holds the label {values[odd]} in row {odd}, but classes are whole numbers from 0 to {classes - 1}: "
                + "what a network that is no classifier is to give is named under target.data.targets");
        }

        return [.. values.Select(label => (int)label)];
    }

    private static int ClassOf(string file, ReadOnlySpan<float> row, int number)
    {
        int one = row.IndexOf(1f);
        return one >= 0 && !row[..one].ContainsAnyExcept(0f) && !row[(one + 1)..].ContainsAnyExcept(0f)
            ? one
            : throw new ConfigException(
                $"'{file}' has no class in row {number}, which is not a single 1 among zeros: "
                + "what a network that is no classifier is to give is named under target.data.targets");
    }

    private static float[] ReadOutputs(string key, string path, string inputs, int count, int outputs)
    {
        using var file = Open(key, path);
        var array = file.Choose();
        bool fits = array.Shape.Count > 0 && array.Shape[0] == count && NumbersOf(array) == (Int128)count * outputs;
        if (!fits)
        {
            throw new ConfigException(
                $"'{path}' holds an array of shape {array.ShapeText}, but {count} rows of {outputs} numbers are needed, "
                + $"as many as '{inputs}' has rows and the network outputs");
        }

        float[] values = file.ReadValues();
        return Array.FindIndex(values, value => !float.IsFinite(value)) is >= 0 and var bad
            ? throw new ConfigException($"'{path}' holds {values[bad]} in row {bad / outputs}, but target.data.{key} must be finite numbers")
            : values;
    }

    /// <summary>How many numbers an array has; its shape is all that is known of it by then.</summary>
    private static Int128 NumbersOf(TensorInfo array) => array.Shape.Aggregate((Int128)1, (count, size) => count * size);

    private static ArrayFile Open(string key, string path) => Path.Exists(ArrayFile.FileOf(path))
        ? ArrayFile.Open(path)
        : throw new ConfigException($"target.data.{key} is '{path}', but there is no such file: name it with --set target.data.{key}=PATH");
}
