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
        var inputs = ReadFile("inputs", files.Inputs);
        int count = inputs.Shape.Count == 0 ? 0 : inputs.Shape[0];
        if (count == 0 || inputs.Values.Length / count != features)
        {
            throw new ConfigException(
                $"'{files.Inputs}' holds an array of shape {inputs.ShapeText}, but rows of {features} numbers are needed, the first of target.mlp.layer_sizes");
        }

        float[] scaled = [.. inputs.Values.Select(value => (float)(value * files.InputScale + files.InputShift))];
        if (Array.FindIndex(scaled, value => !float.IsFinite(value)) is >= 0 and var bad)
            throw new ConfigException($"'{files.Inputs}' holds {inputs.Values[bad]} in row {bad / features}: the network needs finite numbers");
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

    private static int[] ReadLabels(string file, string inputs, int count, int classes)
    {
        var labels = ReadFile("labels", file);
        if (labels.Shape is [var rows, > 1 and var columns] && rows == count)
        {
            return columns == classes
                ? [.. Enumerable.Range(0, count).Select(row => ClassOf(file, labels.Values.AsSpan(row * columns, columns), row))]
                : throw new ConfigException(
                    $"'{file}' holds rows of {columns} numbers, but the network has {classes} outputs: labels are one class from 0 a row, or a row of a single 1 among zeros");
        }

        if (labels.Values.Length != count) throw new ConfigException($"'{file}' holds {labels.Values.Length} labels, but '{inputs}' has {count} rows");
        if (Array.FindIndex(labels.Values, label => !(label >= 0 && label < classes && label == MathF.Floor(label))) is >= 0 and var odd)
        {
            throw new ConfigException(
                $"'{file}' holds the label {labels.Values[odd]} in row {odd}, but classes are whole numbers from 0 to {classes - 1}: "
                + "what a network that is no classifier is to give is named under target.data.targets");
        }

        return [.. labels.Values.Select(label => (int)label)];
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

    private static float[] ReadOutputs(string key, string file, string inputs, int count, int outputs)
    {
        var array = ReadFile(key, file);
        bool fits = array.Shape.Count > 0 && array.Shape[0] == count && array.Values.Length == (long)count * outputs;
        if (!fits)
        {
            throw new ConfigException(
                $"'{file}' holds an array of shape {array.ShapeText}, but {count} rows of {outputs} numbers are needed, "
                + $"as many as '{inputs}' has rows and the network outputs");
        }

        return Array.FindIndex(array.Values, value => !float.IsFinite(value)) is >= 0 and var bad
            ? throw new ConfigException($"'{file}' holds {array.Values[bad]} in row {bad / outputs}, but target.data.{key} must be finite numbers")
            : array.Values;
    }

    private static TensorData ReadFile(string key, string path) => File.Exists(ArrayFile.FileOf(path))
        ? ArrayFile.Read(path)
        : throw new ConfigException($"target.data.{key} is '{path}', but there is no such file: name it with --set target.data.{key}=PATH");
}
