namespace Spd.Formats;

/// <summary>A named tensor of float32 values.</summary>
/// <param name="Name">Its name, unique within a file.</param>
/// <param name="Shape">Its dimensions, outermost first; none for a single number.</param>
/// <param name="Values">The values, row-major.</param>
public sealed record TensorData(string Name, IReadOnlyList<int> Shape, float[] Values)
{
    /// <summary>The shape as people write it: <c>[2, 5]</c>.</summary>
    public string ShapeText => $"[{string.Join(", ", Shape)}]";

    /// <summary>The values of a row-major matrix, column by column: its transpose.</summary>
    /// <param name="matrix">The matrix.</param>
    /// <param name="rows">Its rows.</param>
    public static float[] Transposed(ReadOnlySpan<float> matrix, int rows)
    {
        int columns = matrix.Length / rows;
        float[] values = new float[matrix.Length];
        for (int row = 0; row < rows; row++)
            for (int column = 0; column < columns; column++)
                values[column * rows + row] = matrix[row * columns + column];
        return values;
    }
}
