namespace Spd.Networks.Weights;

/// <summary>A named tensor of float32 values.</summary>
/// <param name="Name">Its name, unique within a file.</param>
/// <param name="Shape">Its dimensions, outermost first; none for a single number.</param>
/// <param name="Values">The values, row-major.</param>
public sealed record TensorData(string Name, IReadOnlyList<int> Shape, float[] Values)
{
    /// <summary>The shape as people write it: <c>[2, 5]</c>.</summary>
    public string ShapeText => $"[{string.Join(", ", Shape)}]";
}

/// <summary>The content of a safetensors file.</summary>
/// <param name="Tensors">The tensors, in the order of their bytes.</param>
/// <param name="Metadata">The texts of the header's <c>__metadata__</c>; empty without one.</param>
public sealed record SafetensorsFile(IReadOnlyList<TensorData> Tensors, IReadOnlyDictionary<string, string> Metadata)
{
    /// <summary>The tensor of a name.</summary>
    /// <exception cref="KeyNotFoundException">There is none.</exception>
    public TensorData this[string name] =>
        Tensors.FirstOrDefault(tensor => tensor.Name == name)
        ?? throw new KeyNotFoundException($"no tensor is called '{name}'; there are: {string.Join(", ", Tensors.Select(tensor => tensor.Name))}");
}

/// <summary>A weight file is damaged, or holds something that this library does not read; the message is one sentence that names the file.</summary>
public sealed class SafetensorsException : IOException
{
    /// <summary>An exception with its sentence.</summary>
    public SafetensorsException(string message, Exception? inner = null) : base(message, inner) { }
}
