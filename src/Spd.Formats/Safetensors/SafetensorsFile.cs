namespace Spd.Formats;

/// <summary>The content of a safetensors file.</summary>
/// <param name="Tensors">The tensors, in the order of their bytes.</param>
/// <param name="Metadata">The texts of the header's <c>__metadata__</c>; empty without one.</param>
public sealed record SafetensorsFile(IReadOnlyList<TensorData> Tensors, IReadOnlyDictionary<string, string> Metadata)
{
    /// <summary>The tensor of a name.</summary>
    /// <exception cref="KeyNotFoundException">There is none.</exception>
    public TensorData this[string name] =>
        Tensors.FirstOrDefault(tensor => tensor.Name == name)
        ?? throw new KeyNotFoundException($"no tensor is called {Quoted.Of(name)}; there are: {Quoted.List(Tensors.Select(tensor => tensor.Name))}");
}
