using Spd.Engine;
using Spd.Formats;

namespace Spd.Networks;

/// <summary>The weights of a network as a safetensors file, one tensor for each parameter under its dotted path; a tied matrix is stored once.</summary>
public static class ModuleWeights
{
    /// <summary>Writes the weights, whole or not at all.</summary>
    /// <param name="path">The file; an existing one is replaced.</param>
    /// <param name="module">The network.</param>
    /// <param name="metadata">Texts to keep with them, or null.</param>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void Save(string path, Module module, IReadOnlyDictionary<string, string>? metadata = null) =>
        Safetensors.Write(path, Of(module), metadata);

    /// <summary>The weights as tensors, each under its dotted path; a tied matrix once.</summary>
    public static IEnumerable<TensorData> Of(Module module) => module.NamedParameters()
        .Select(entry => new TensorData(entry.Path, Shape(entry.Path, entry.Parameter), entry.Parameter.Values.ToArray()));

    /// <summary>
    /// Reads weights into a network, from any file that <see cref="WeightFile"/> reads. Every parameter must be there with its shape, and nothing else but
    /// the second copy of a tied matrix, which must be equal to the first; otherwise the network is left as it was.
    /// </summary>
    /// <exception cref="FileContentException">The file is damaged, or its tensors are not this network's parameters.</exception>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    public static void Load(string path, Module module) => Load(path, WeightFile.ReadAll(path), module);

    /// <summary>Takes weights that have been read.</summary>
    /// <param name="path">Where they were read from, for messages.</param>
    /// <param name="weights">The tensors.</param>
    /// <param name="module">The network.</param>
    /// <inheritdoc cref="Load(string, Module)"/>
    public static void Load(string path, IReadOnlyList<TensorData> weights, Module module)
    {
        var tensors = weights.ToDictionary(tensor => tensor.Name);
        DropTiedCopies(path, tensors, module);
        var parameters = module.NamedParameters().ToList();
        var paths = parameters.Select(entry => entry.Path).ToList();
        if (paths.Except(tensors.Keys).ToList() is { Count: > 0 } missing)
            throw new FileContentException($"{Quoted.Path(path)} lacks {Quoted.List(missing)}; it holds {(tensors.Count == 0 ? "nothing" : Quoted.List(tensors.Keys))}");
        if (tensors.Keys.Except(paths).ToList() is { Count: > 0 } extra)
        {
            throw new FileContentException(
                $"{Quoted.Path(path)} holds {Quoted.List(extra)}, which this network does not have; its parameters are {Quoted.List(paths)}");
        }

        foreach (var (name, parameter) in parameters)
        {
            if (!Fits(tensors[name].Shape, parameter))
            {
                throw new FileContentException(
                    $"{Quoted.Path(path)} holds {Quoted.Of(name)} of shape {tensors[name].ShapeText}, "
                    + $"but this network needs [{string.Join(", ", Shape(name, parameter))}]");
            }
        }

        foreach (var (name, parameter) in parameters) tensors[name].Values.CopyTo(parameter.Values);
    }

    /// <summary>PyTorch writes a tied matrix under each of its names.</summary>
    private static void DropTiedCopies(string path, Dictionary<string, TensorData> tensors, Module module)
    {
        var owners = module.LinearMaps().Where(map => !map.Linear.IsTransposed).ToDictionary(map => map.Linear.Weight, map => $"{map.Path}.weight");
        foreach (var (name, linear) in module.LinearMaps())
        {
            if (!linear.IsTransposed || !owners.TryGetValue(linear.Weight, out string? owner)) continue;
            if (!tensors.TryGetValue(owner, out var first) || !tensors.Remove($"{name}.weight", out var copy)) continue;
            bool isEqual = copy.Shape.SequenceEqual([linear.Outputs, linear.Inputs]) && first.Shape.SequenceEqual([linear.Inputs, linear.Outputs])
                && Enumerable.Range(0, copy.Values.Length).All(i =>
                    BitConverter.SingleToInt32Bits(copy.Values[i])
                    == BitConverter.SingleToInt32Bits(first.Values[i % linear.Inputs * linear.Outputs + i / linear.Inputs]));
            if (!isEqual)
                throw new FileContentException($"{Quoted.Path(path)} holds {Quoted.Of($"{name}.weight")}, which is not the transpose of {Quoted.Of(owner)}: set tied_weights to false for this network");
        }
    }

    /// <summary>A weight is a matrix even with one column, as in PyTorch; any other parameter of one column is a vector.</summary>
    private static int[] Shape(string path, Parameter parameter) =>
        parameter.Columns == 1 && path != "weight" && !path.EndsWith(".weight", StringComparison.Ordinal)
            ? [parameter.Rows]
            : [parameter.Rows, parameter.Columns];

    private static bool Fits(IReadOnlyList<int> shape, Parameter parameter) =>
        shape.SequenceEqual([parameter.Rows, parameter.Columns]) || (parameter.Columns == 1 && shape.SequenceEqual([parameter.Rows]));
}
