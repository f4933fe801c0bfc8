namespace Spd.Formats;

/// <summary>A file of one array: NumPy's <c>.npy</c> or IDX, possibly compressed with gzip.</summary>
internal sealed class SingleArray : IWeightReader
{
    private readonly FileStream _file;
    private readonly bool _isCompressed;

    /// <summary>Reads what stands before the numbers.</summary>
    /// <param name="file">The file, which is disposed of with this.</param>
    /// <param name="isCompressed">Whether it is a gzip file.</param>
    /// <param name="name">What the array is called.</param>
    public SingleArray(FileStream file, bool isCompressed, string name)
    {
        (_file, _isCompressed) = (file, isCompressed);
        var header = Read(ReadHeader);
        Tensors = [new TensorInfo(name, header.Shape, header.Type.Dtype())];
    }

    public string Format => "array of numbers (NumPy's .npy, or IDX)";

    public IReadOnlyList<TensorInfo> Tensors { get; }

    public float[] Read(int index) => Read(content =>
    {
        var header = ReadHeader(content);
        return header.Shape.SequenceEqual(Tensors[index].Shape) ? header.ReadNumbers(content) : throw new FormatException("it was changed while it was read");
    });

    public void Dispose() => _file.Dispose();

    private ArrayHeader ReadHeader(Stream content)
    {
        var header = ArrayHeader.Read(content);
        header.CheckFits(_isCompressed ? _file.Length * CheckedZip.LargestRatio : _file.Length);
        return header;
    }

    private T Read<T>(Func<Stream, T> read)
    {
        _file.Position = 0;
        if (!_isCompressed) return read(_file);
        using var content = new GzipContent(_file);
        return read(content);
    }
}
