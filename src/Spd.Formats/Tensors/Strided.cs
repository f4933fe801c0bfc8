namespace Spd.Formats;

/// <summary>Arrays whose elements lie at any strides, brought into the order of rows.</summary>
internal static class Strided
{
    /// <summary>How many elements a shape has.</summary>
    /// <exception cref="OverflowException">More than 2^63.</exception>
    public static long Count(IReadOnlyList<int> shape)
    {
        if (shape.Contains(0)) return 0;
        long count = 1;
        foreach (int size in shape) count = checked(count * size);
        return count;
    }

    /// <summary>The strides of an array in the order of rows.</summary>
    public static long[] RowMajorStrides(IReadOnlyList<int> shape)
    {
        long[] strides = new long[shape.Count];
        long stride = 1;
        for (int axis = shape.Count - 1; axis >= 0; axis--)
        {
            strides[axis] = stride;
            stride *= Math.Max(shape[axis], 1);
        }

        return strides;
    }

    /// <summary>The strides of an array in Fortran's order, the first index running fastest.</summary>
    public static long[] ColumnMajorStrides(IReadOnlyList<int> shape) => [.. RowMajorStrides([.. shape.Reverse()]).Reverse()];

    /// <summary>Copies the elements of an array, all of which lie within its storage, into the order of rows.</summary>
    public static float[] ToRowMajor(float[] storage, long offset, IReadOnlyList<int> shape, IReadOnlyList<long> strides)
    {
        float[] values = new float[Count(shape)];
        int[] index = new int[shape.Count];
        long at = offset;
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = storage[at];
            for (int axis = shape.Count - 1; axis >= 0; axis--)
            {
                at += strides[axis];
                if (++index[axis] < shape[axis]) break;
                at -= strides[axis] * shape[axis];
                index[axis] = 0;
            }
        }

        return values;
    }
}
