using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Spd.Engine;

/// <summary>A named matrix of weights, row-major; a vector has one column.</summary>
public sealed unsafe class Parameter
{
    private readonly float[] _values;

    /// <summary>A parameter of zeros.</summary>
    /// <param name="name">Its name in messages and files.</param>
    /// <param name="rows">Rows, at least 1.</param>
    /// <param name="columns">Columns, at least 1.</param>
    public Parameter(string name, int rows, int columns = 1)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentOutOfRangeException.ThrowIfLessThan(rows, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(columns, 1);
        Name = name;
        Rows = rows;
        Columns = columns;
        _values = GC.AllocateArray<float>(checked(rows * columns), pinned: true);
        Pointer = (float*)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(_values));
    }

    private Parameter(string name, Parameter other)
    {
        Name = name;
        Rows = other.Rows;
        Columns = other.Columns;
        _values = other._values;
        Pointer = other.Pointer;
    }

    /// <summary>The name in messages and files.</summary>
    public string Name { get; }

    /// <summary>Number of rows.</summary>
    public int Rows { get; }

    /// <summary>Number of columns.</summary>
    public int Columns { get; }

    /// <summary>Number of values.</summary>
    public int Count => Rows * Columns;

    /// <summary>The values, row-major; writing to them changes the parameter.</summary>
    public Span<float> Values => _values;

    /// <summary>One value.</summary>
    public ref float this[int row, int column] => ref _values[row * Columns + column];

    internal float* Pointer { get; }

    /// <summary>The values, as <see cref="Values"/>, for those who keep them.</summary>
    public Memory<float> Memory => _values;

    /// <summary>A parameter over the same memory, with a gradient and optimiser state of its own.</summary>
    public static Parameter SharingMemoryWith(Parameter other, string name) => new(name, other);

    /// <summary>Whether both are over the same memory.</summary>
    public bool SharesMemoryWith(Parameter other) => _values == other._values;

    /// <summary>One row of the values.</summary>
    public Span<float> Row(int row) => _values.AsSpan(row * Columns, Columns);
}
