namespace Spd.Formats;

/// <summary>What a file says of a tensor before its values are read.</summary>
/// <param name="Name">Its name, unique within a file.</param>
/// <param name="Shape">Its dimensions, outermost first; none for a single number.</param>
/// <param name="Type">The type of its numbers, as the file calls it: <c>BF16</c> in safetensors, <c>bfloat16</c> in PyTorch's files.</param>
public sealed record TensorInfo(string Name, IReadOnlyList<int> Shape, string Type)
{
    /// <summary>Why its values cannot be read, as a clause about it; null where they can.</summary>
    public string? Unreadable { get; init; }

    /// <summary>Bytes of its values in the file; null where the size of the type is not known, or they are more than 2^63.</summary>
    public long? Bytes
    {
        get => field ?? (Numbers.SizeOf(Type) is { } size ? BytesOf(size) : null);
        init;
    }

    /// <summary>Whether its numbers are whole or truth values by their type.</summary>
    public bool IsInteger => Numbers.IsInteger(Type);

    /// <summary>The shape as people write it: <c>[2, 5]</c>.</summary>
    public string ShapeText => $"[{string.Join(", ", Shape)}]";

    /// <summary>Bytes of as many numbers as the shape has.</summary>
    internal long? BytesOf(int size)
    {
        Int128 bytes = Shape.Contains(0) ? 0 : size;
        foreach (int dimension in Shape)
        {
            bytes *= dimension;
            if (bytes > long.MaxValue) return null;
        }

        return (long)bytes;
    }
}
