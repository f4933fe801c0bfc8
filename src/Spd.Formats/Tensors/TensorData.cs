namespace Spd.Formats;

/// <summary>A named tensor of float32 values.</summary>
/// <param name="Name">Its name, unique within a file.</param>
/// <param name="Shape">Its dimensions, outermost first; none for a single number.</param>
/// <param name="Values">The values, row-major.</param>
public sealed record TensorData(string Name, IReadOnlyList<int> Shape, float[] Values)
{
    /// <summary>The shape as people write it: <c>[2, 5]</c>.</summary>
    public string ShapeText => $"[{string.Join(", ", Shape)}]";
}
