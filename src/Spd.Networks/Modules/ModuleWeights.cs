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
    public static IEnumerable<TensorData> Of(Module module) => Of(module, stored => stored);

    /// <summary>The weights as tensors of another program's names and shapes.</summary>
    /// <param name="module">The network.</param>
    /// <param name="storedAs">How a parameter lies in the file, of how it lies in our own.</param>
    internal static IEnumerable<TensorData> Of(Module module, Func<StoredParameter, StoredParameter> storedAs)
    {
        foreach (var parts in Stored(module, storedAs).GroupBy(entry => entry.Stored.Name))
        {
            var shape = parts.First().Stored.Shape;
            float[] values = new float[shape.Aggregate(1, (count, size) => count * size)];
            foreach (var (parameter, stored) in parts) stored.Put(parameter.Values, values);
            yield return new TensorData(parts.Key, shape, values);
        }
    }

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
    public static void Load(string path, IReadOnlyDictionary<string, TensorInfo> tensors, Func<string, TensorData> read, Module module) =>
        Load(path, tensors, read, module, stored => stored);

    /// <summary>Reads weights into a network from tensors of another program's names and shapes.</summary>
    /// <param name="path">The file, for messages.</param>
    /// <param name="tensors">What the file says of each tensor, by its name.</param>
    /// <param name="read">Reads the tensor of one of these names.</param>
    /// <param name="module">The network.</param>
    /// <param name="storedAs">How a parameter lies in the file, of how it lies in our own.</param>
    /// <inheritdoc cref="Load(string, Module)"/>
    internal static void Load(
        string path, IReadOnlyDictionary<string, TensorInfo> tensors, Func<string, TensorData> read, Module module,
        Func<StoredParameter, StoredParameter> storedAs)
    {
        var copies = TiedCopies(module).Where(copy => tensors.ContainsKey(copy.Name)).ToList();
        var parameters = Stored(module, storedAs).ToList();
        var names = parameters.Select(entry => entry.Stored.Name).Distinct().ToList();
        if (names.Except(tensors.Keys).ToList() is { Count: > 0 } missing)
            throw new FileContentException($"{Quoted.Path(path)} lacks {Quoted.List(missing)}; it holds {(tensors.Count == 0 ? "nothing" : Quoted.List([.. tensors.Keys]))}");
        if (tensors.Keys.Except(names).Except(copies.Select(copy => copy.Name)).ToList() is { Count: > 0 } extra)
        {
            throw new FileContentException(
                $"{Quoted.Path(path)} holds {Quoted.List(extra)}, which this network does not have; its parameters are {Quoted.List(names)}");
        }

        foreach (var (parameter, stored) in parameters)
        {
            var tensor = tensors[stored.Name];
            if (!tensor.Shape.SequenceEqual(stored.Shape) && !(stored.Place is null && IsAlike(tensor.Shape, parameter)))
            {
                throw new FileContentException(
                    $"{Quoted.Path(path)} holds {Quoted.Of(tensor.Name)} of shape {tensor.ShapeText}, but this network needs [{string.Join(", ", stored.Shape)}]");
            }
        }

        foreach (var (name, _, linear) in copies)
        {
            if (!tensors[name].Shape.SequenceEqual([linear.Outputs, linear.Inputs]))
                throw NotTied(path, module, name, linear);
        }

        // Everything is read twice: a network is changed as a whole or not at all, and there is never more than one tensor in memory besides.
        foreach (string name in names) RequireFinite(path, read(name));
        foreach (var (name, owner, linear) in copies)
        {
            var stored = parameters.Find(entry => entry.Parameter == owner).Stored;
            float[] copy = read(name).Values, first = read(stored.Name).Values;
            for (int i = 0; i < copy.Length; i++)
            {
                float own = first[stored.PlaceOf(linear.IsTransposed ? i % linear.Inputs * linear.Outputs + i / linear.Inputs : i)];
                if (BitConverter.SingleToInt32Bits(copy[i]) != BitConverter.SingleToInt32Bits(own)) throw NotTied(path, module, name, linear);
            }
        }

        foreach (var (parameter, stored) in parameters) stored.Take(read(stored.Name).Values, parameter.Values);
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

    /// <summary>The maps whose matrix is another's, by the name of each.</summary>
    private static IEnumerable<(string Name, Parameter Owner, Linear Linear)> TiedCopies(Module module)
    {
        var owned = module.NamedParameters().Select(entry => entry.Parameter).ToHashSet();
        return module.LinearMaps().Where(map => map.Linear.IsTied && owned.Contains(map.Linear.Weight))
            .Select(map => ($"{map.Path}.weight", map.Linear.Weight, map.Linear));
    }

    private static FileContentException NotTied(string path, Module module, string name, Linear copy)
    {
        string owner = module.NamedParameters().First(entry => entry.Parameter == copy.Weight).Path;
        return new FileContentException($"{Quoted.Path(path)} holds {Quoted.Of(name)}, which is not "
            + (copy.IsTransposed
                ? $"the transpose of {Quoted.Of(owner)}: set tied_weights to false for this network"
                : $"equal to {Quoted.Of(owner)}, as tie_word_embeddings says: set that to false for this network"));
    }

    private static IEnumerable<(Parameter Parameter, StoredParameter Stored)> Stored(Module module, Func<StoredParameter, StoredParameter> storedAs)
    {
        var matrices = Matrices(module);
        return module.NamedParameters().Select(entry => (entry.Parameter, storedAs(new StoredParameter(entry.Path, Shape(entry.Parameter, matrices)))));
    }

    /// <summary>The parameters that are matrices even with one column, as in PyTorch; any other of one column is a vector.</summary>
    private static HashSet<Parameter> Matrices(Module module) =>
        [.. module.LinearMaps().Select(map => map.Linear).Append(module as Linear).OfType<Linear>().Select(linear => linear.Weight)];

    private static int[] Shape(Parameter parameter, HashSet<Parameter> matrices) =>
        parameter.Columns == 1 && !matrices.Contains(parameter) ? [parameter.Rows] : [parameter.Rows, parameter.Columns];

    private static bool IsAlike(IReadOnlyList<int> shape, Parameter parameter) =>
        shape.SequenceEqual([parameter.Rows, parameter.Columns]) || (parameter.Columns == 1 && shape.SequenceEqual([parameter.Rows]));
}

/// <summary>How a parameter lies in a file.</summary>
/// <param name="Name">The name of its tensor there, in which there may be others too.</param>
/// <param name="Shape">The shape of that.</param>
/// <param name="Place">Where in the tensor each of its values lies, both counted row-major; null where they are the same.</param>
internal sealed record StoredParameter(string Name, IReadOnlyList<int> Shape, Func<int, int>? Place = null)
{
    /// <summary>Where in the tensor a value of the parameter lies.</summary>
    public int PlaceOf(int index) => Place is null ? index : Place(index);

    /// <summary>Takes the parameter's values out of the tensor's.</summary>
    public void Take(ReadOnlySpan<float> tensor, Span<float> own)
    {
        if (Place is null) tensor.CopyTo(own);
        else for (int i = 0; i < own.Length; i++) own[i] = tensor[Place(i)];
    }

    /// <summary>Puts the parameter's values among the tensor's.</summary>
    public void Put(ReadOnlySpan<float> own, Span<float> tensor)
    {
        if (Place is null) own.CopyTo(tensor);
        else for (int i = 0; i < own.Length; i++) tensor[Place(i)] = own[i];
    }
}
