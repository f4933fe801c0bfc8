namespace Spd.Figures;

/// <summary>An immutable matrix of numbers to draw; entries may be non-finite.</summary>
public sealed class Grid
{
    private readonly double[] _values;

    private Grid(int rows, int columns, double[] values)
    {
        if (rows < 1 || columns < 1) throw Invalid.Input($"A grid needs at least one row and one column, but got {rows} x {columns}.");
        if (values.Length != (long)rows * columns)
            throw Invalid.Input($"A grid of {rows} x {columns} needs {(long)rows * columns} values, but got {values.Length}.");
        Rows = rows;
        Columns = columns;
        _values = values;
    }

    /// <summary>The number of rows.</summary>
    public int Rows { get; }

    /// <summary>The number of columns.</summary>
    public int Columns { get; }

    /// <summary>All entries, row after row.</summary>
    internal ReadOnlySpan<double> Values => _values;

    /// <summary>The entry at a row and column.</summary>
    public double this[int row, int column]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)row, (uint)Rows, nameof(row));
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)column, (uint)Columns, nameof(column));
            return _values[(row * Columns) + column];
        }
    }

    /// <summary>Copies a two-dimensional array [rows, columns].</summary>
    /// <exception cref="ArgumentException">The array is empty.</exception>
    public static Grid From(double[,] values)
    {
        ArgumentNullException.ThrowIfNull(values);
        return new Grid(values.GetLength(0), values.GetLength(1), [.. values.Cast<double>()]);
    }

    /// <summary>Copies a two-dimensional array [rows, columns].</summary>
    /// <exception cref="ArgumentException">The array is empty.</exception>
    public static Grid From(float[,] values)
    {
        ArgumentNullException.ThrowIfNull(values);
        return new Grid(values.GetLength(0), values.GetLength(1), [.. values.Cast<float>().Select(value => (double)value)]);
    }

    /// <summary>Copies numbers laid out row after row.</summary>
    /// <exception cref="ArgumentException">The count of values is not rows times columns, or a size is below one.</exception>
    public static Grid FromRowMajor(int rows, int columns, ReadOnlySpan<float> values)
    {
        double[] copy = new double[values.Length];
        for (int index = 0; index < values.Length; index++) copy[index] = values[index];
        return new Grid(rows, columns, copy);
    }
}
