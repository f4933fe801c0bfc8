namespace Spd.Engine;

/// <summary>A matrix in memory, or the transpose of one, for what is measured once in a while: products are summed in double, in order.</summary>
/// <param name="values">The entries, row-major unless <paramref name="isTransposed"/>.</param>
/// <param name="rows">Rows.</param>
/// <param name="columns">Columns.</param>
/// <param name="isTransposed">Whether the entries lie column by column.</param>
public readonly ref struct Matrix(ReadOnlySpan<float> values, int rows, int columns, bool isTransposed = false)
{
    private readonly ReadOnlySpan<float> _values = values;

    /// <summary>A parameter's values.</summary>
    public Matrix(Parameter parameter)
        : this(parameter.Values, parameter.Rows, parameter.Columns)
    {
    }

    /// <summary>Rows.</summary>
    public int Rows => rows;

    /// <summary>Columns.</summary>
    public int Columns => columns;

    /// <summary>The transpose, over the same memory.</summary>
    public Matrix Transposed => new(_values, columns, rows, !isTransposed);

    /// <summary>One entry.</summary>
    public float this[int row, int column] => _values[isTransposed ? column * rows + row : row * columns + column];

    /// <summary>The product <c>[rows, other's columns]</c>.</summary>
    /// <exception cref="ArgumentException">The other has not as many rows as this has columns.</exception>
    public double[,] Times(Matrix other)
    {
        if (other.Rows != Columns) throw new ArgumentException($"a matrix of {Columns} columns cannot be multiplied with one of {other.Rows} rows");
        double[,] product = new double[Rows, other.Columns];
        for (int row = 0; row < Rows; row++)
            for (int k = 0; k < Columns; k++)
                for (int column = 0; column < other.Columns; column++) product[row, column] += (double)this[row, k] * other[k, column];
        return product;
    }

    /// <summary>The entries, row-major.</summary>
    public float[] ToArray()
    {
        float[] entries = new float[Rows * Columns];
        for (int i = 0; i < entries.Length; i++) entries[i] = this[i / Columns, i % Columns];
        return entries;
    }
}
