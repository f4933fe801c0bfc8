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
        using var file = ArrayFile.Open(files.Inputs, new[] { files.Labels, files.Targets, files.ExpectedOutputs }.OfType<string>());
        var inputs = file.Choose();
        int count = inputs.Shape.Count == 0 ? 0 : inputs.Shape[0];
        if (count == 0 && inputs.Shape.Count > 0) throw new ConfigException($"'{files.Inputs}' holds no rows: its array is of shape {inputs.ShapeText}");
        if (count == 0 || NumbersOf(inputs) != (Int128)count * features)
        {
            throw new ConfigException(
                $"'{files.Inputs}' holds an array of shape {inputs.ShapeText}, but rows of {features} numbers are needed, the first of target.mlp.layer_sizes{file.Advice}");
        }

        float[] values = file.ReadValues(), scaled = [.. values.Select(value => (float)(value * files.InputScale + files.InputShift))];
        if (Array.FindIndex(scaled, value => !float.IsFinite(value)) is >= 0 and var bad)
            throw new ConfigException($"'{files.Inputs}' holds {values[bad]} in row {bad / features}: the network needs finite numbers");
        int heldOut = (int)Math.Round(count * files.HeldOutShare);
        if (files.HeldOutShare > 0 && (heldOut == 0 || heldOut == count))
            throw new ConfigException($"'{files.Inputs}' has {count} rows, too few to hold out a share of {files.HeldOutShare}");
        var (labels, classNames) = files.Labels is { } path ? ReadLabels(path, files, count, outputs) : (null, files.ClassNames);
        return new LabelledRows(scaled, count, heldOut, [.. inputs.Shape.Skip(1)])
        {
            Labels = labels,
            Targets = files.Targets is { } targets ? ReadOutputs("targets", targets, files.Inputs, count, outputs) : null,
            ExpectedOutputs = files.ExpectedOutputs is { } expected ? ReadOutputs("expected_outputs", expected, files.Inputs, count, outputs) : null,
            ClassNames = classNames,
            FeatureNames = files.FeatureNames ?? file.ColumnNames,
        };
    }

    private static (int[] Labels, IReadOnlyList<string>? Names) ReadLabels(string path, MlpDataConfig files, int count, int classes)
    {
        using var file = ArrayFile.Open(path);
        var labels = file.Choose();
        if (file.HasTexts && labels.Shape[0] == count) return ReadClasses(file, path, files.ClassNames, classes);
        bool isOneHot = labels.Shape is [var rows, > 1] && rows == count;
        if (isOneHot && labels.Shape[1] != classes)
        {
            throw new ConfigException(
                $"'{path}' holds rows of {labels.Shape[1]} numbers, but the network has {classes} outputs: labels are one class from 0 a row, or a row of a single 1 among zeros{file.Advice}");
        }

        if (!isOneHot && NumbersOf(labels) != count) throw new ConfigException($"'{path}' holds {NumbersOf(labels)} labels, but '{files.Inputs}' has {count} rows");
        float[] values = file.ReadValues();
        if (isOneHot) return ([.. Enumerable.Range(0, count).Select(row => ClassOf(path, values.AsSpan(row * classes, classes), row))], files.ClassNames);
        if (Array.FindIndex(values, label => !(label >= 0 && label < classes && label == MathF.Floor(label))) is >= 0 and var odd)
        {
            throw new ConfigException(
                $"'{path}' holds the label {values[odd]} in row {odd}, but classes are whole numbers from 0 to {classes - 1}: "
                + "what a network that is no classifier is to give is named under target.data.targets");
        }

        return ([.. values.Select(label => (int)label)], files.ClassNames);
    }

    /// <summary>Classes by their names: in the order of the class names that are given, or else of the texts themselves.</summary>
    private static (int[] Labels, IReadOnlyList<string> Names) ReadClasses(ArrayFile file, string path, IReadOnlyList<string>? names, int classes)
    {
        var (texts, rows) = file.ReadTexts(Math.Max(classes, 2));
        if (names is null)
        {
            return texts.Count == classes
                ? (rows, texts)
                : throw new ConfigException(
                    $"'{path}' holds {texts.Count} different labels, {Quoted.List(texts)}, but the network has {classes} outputs: "
                    + "name the classes of all, in the order of the outputs, under target.data.class_names");
        }

        int[] places = [.. texts.Select(text => Array.IndexOf([.. names], text))];
        return Array.IndexOf(places, -1) is >= 0 and var unknown
            ? throw new ConfigException($"'{path}' holds the label {Quoted.Of(texts[unknown])}, which is not among target.data.class_names: {Quoted.List(names)}")
            : ([.. rows.Select(row => places[row])], names);
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
        using var file = ArrayFile.Open(path);
        var array = file.Choose();
        bool fits = array.Shape.Count > 0 && array.Shape[0] == count && NumbersOf(array) == (Int128)count * outputs;
        if (!fits)
        {
            throw new ConfigException(
                $"'{path}' holds an array of shape {array.ShapeText}, but {count} rows of {outputs} numbers are needed, "
                + $"as many as '{inputs}' has rows and the network outputs{file.Advice}");
        }

        float[] values = file.ReadValues();
        return Array.FindIndex(values, value => !float.IsFinite(value)) is >= 0 and var bad
            ? throw new ConfigException($"'{path}' holds {values[bad]} in row {bad / outputs}, but target.data.{key} must be finite numbers")
            : values;
    }

    /// <summary>How many numbers an array has; its shape is all that is known of it by then.</summary>
    private static Int128 NumbersOf(TensorInfo array) => array.Shape.Aggregate((Int128)1, (count, size) => count * size);
}
