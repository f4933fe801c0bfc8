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

    /// <summary>The second names of matrices that are tied to another, under which PyTorch writes them once more: <c>linear2.weight</c>.</summary>
    public static IReadOnlyList<string> TiedNames(Module module) => [.. TiedCopies(module).Select(copy => copy.Name)];

    /// <summary>
    /// Reads weights into a network, from any file that <see cref="WeightFile"/> reads. Every parameter must be there with its shape and finite numbers, and
    /// nothing else but the second copy of a tied matrix, which must be equal to the first; otherwise the network is left as it was.
    /// </summary>
    /// <exception cref="FileContentException">The file is damaged, or its tensors are not this network's parameters.</exception>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    public static void Load(string path, Module module)
    {
        using var file = WeightFile.Open(path);
        Load(path, file.Tensors.ToDictionary(tensor => tensor.Name), file.Read, module);
    }

    /// <summary>Reads weights into a network from tensors that have been found; shapes are compared before anything is read.</summary>
    /// <param name="path">The file, for messages.</param>
    /// <param name="tensors">What the file says of each tensor, by the network's name for it.</param>
    /// <param name="read">Reads the tensor of one of these names.</param>
    /// <param name="module">The network.</param>
    /// <inheritdoc cref="Load(string, Module)"/>
    public static void Load(string path, IReadOnlyDictionary<string, TensorInfo> tensors, Func<string, TensorData> read, Module module)
    {
        var copies = TiedCopies(module).Where(copy => tensors.ContainsKey(copy.Name)).ToList();
        var parameters = module.NamedParameters().ToList();
        var paths = parameters.Select(entry => entry.Path).ToList();
        if (paths.Except(tensors.Keys).ToList() is { Count: > 0 } missing)
            throw new FileContentException($"{Quoted.Path(path)} lacks {Quoted.List(missing)}; it holds {(tensors.Count == 0 ? "nothing" : Quoted.List([.. tensors.Keys]))}");
        if (tensors.Keys.Except(paths).Except(copies.Select(copy => copy.Name)).ToList() is { Count: > 0 } extra)
        {
            throw new FileContentException(
                $"{Quoted.Path(path)} holds {Quoted.List(extra)}, which this network does not have; its parameters are {Quoted.List(paths)}");
        }

        foreach (var (name, parameter) in parameters)
        {
            if (!Fits(tensors[name].Shape, parameter))
            {
                throw new FileContentException(
                    $"{Quoted.Path(path)} holds {Quoted.Of(tensors[name].Name)} of shape {tensors[name].ShapeText}, "
                    + $"but this network needs [{string.Join(", ", Shape(name, parameter))}]");
            }
        }

        foreach (var (name, _, linear) in copies)
        {
            if (!tensors[name].Shape.SequenceEqual([linear.Outputs, linear.Inputs]))
                throw NotTied(path, name, copies);
        }

        var values = parameters.ToDictionary(entry => entry.Path, entry => read(entry.Path));
        foreach (var tensor in values.Values) RequireFinite(path, tensor);
        foreach (var (name, owner, linear) in copies)
        {
            float[] copy = read(name).Values, first = values[owner].Values;
            for (int i = 0; i < copy.Length; i++)
            {
                float own = first[i % linear.Inputs * linear.Outputs + i / linear.Inputs];
                if (BitConverter.SingleToInt32Bits(copy[i]) != BitConverter.SingleToInt32Bits(own)) throw NotTied(path, name, copies);
            }
        }

        foreach (var (name, parameter) in parameters) values[name].Values.CopyTo(parameter.Values);
    }

    /// <summary>Refuses a tensor that holds infinity or what is no number.</summary>
    /// <param name="path">The file, for the message.</param>
    /// <param name="tensor">The tensor.</param>
    /// <exception cref="FileContentException">It does; the message names the first place.</exception>
    public static void RequireFinite(string path, TensorData tensor)
    {
        int at = Array.FindIndex(tensor.Values, value => !float.IsFinite(value));
        if (at < 0) return;
        var place = new Stack<int>();
        for (int axis = tensor.Shape.Count - 1, rest = at; axis >= 0; rest /= tensor.Shape[axis--]) place.Push(rest % tensor.Shape[axis]);
        throw new FileContentException(
            $"{Quoted.Path(path)} holds {(float.IsNaN(tensor.Values[at]) ? "NaN" : "infinity")} in {Quoted.Of(tensor.Name)} at [{string.Join(", ", place)}], "
            + "but a network's weights must be finite numbers");
    }

    /// <summary>The maps whose matrix is the transpose of another's, by the name of each, with the name under which it is owned.</summary>
    private static IEnumerable<(string Name, string Owner, Linear Linear)> TiedCopies(Module module)
    {
        var owners = module.LinearMaps().Where(map => !map.Linear.IsTransposed).ToDictionary(map => map.Linear.Weight, map => $"{map.Path}.weight");
        foreach (var (path, linear) in module.LinearMaps())
            if (linear.IsTransposed && owners.TryGetValue(linear.Weight, out string? owner)) yield return ($"{path}.weight", owner, linear);
    }

    private static FileContentException NotTied(string path, string name, IEnumerable<(string Name, string Owner, Linear Linear)> copies) => new(
        $"{Quoted.Path(path)} holds {Quoted.Of(name)}, which is not the transpose of {Quoted.Of(copies.First(copy => copy.Name == name).Owner)}: set tied_weights to false for this network");

    /// <summary>A weight is a matrix even with one column, as in PyTorch; any other parameter of one column is a vector.</summary>
    private static int[] Shape(string path, Parameter parameter) =>
        parameter.Columns == 1 && path != "weight" && !path.EndsWith(".weight", StringComparison.Ordinal)
            ? [parameter.Rows]
            : [parameter.Rows, parameter.Columns];

    private static bool Fits(IReadOnlyList<int> shape, Parameter parameter) =>
        shape.SequenceEqual([parameter.Rows, parameter.Columns]) || (parameter.Columns == 1 && shape.SequenceEqual([parameter.Rows]));
}
