namespace Spd.Formats;

/// <summary>NumPy's archive of arrays with names, as a file of weights.</summary>
internal sealed class ArrayArchive : IWeightReader
{
    /// <summary>What a message calls such a file.</summary>
    public const string Kind = "NumPy archive (.npz)";

    private readonly CheckedZip _zip;
    private readonly List<string> _entries;

    /// <summary>Lists the arrays of an archive, which is disposed of with this.</summary>
    public ArrayArchive(CheckedZip zip)
    {
        _zip = zip;
        _entries = [.. zip.Names.Where(ArrayFile.IsArray)];
        Tensors = [.. _entries.Select(Info)];
        Notes = zip.Names.Count() == _entries.Count ? [] : [$"{zip.Names.Count() - _entries.Count} entries of the archive are no arrays."];
    }

    /// <inheritdoc/>
    public string Format => Kind;

    /// <inheritdoc/>
    public IReadOnlyList<TensorInfo> Tensors { get; }

    /// <inheritdoc/>
    public IReadOnlyList<string> Notes { get; }

    /// <inheritdoc/>
    public float[] Read(int index) => ArrayFile.ReadEntry(_zip, _entries[index]).Values;

    /// <inheritdoc/>
    public void Dispose() => _zip.Dispose();

    private TensorInfo Info(string entry)
    {
        string name = ArrayFile.NameOfEntry(entry);
        try
        {
            var header = _zip.ReadStart(entry, ArrayHeader.Read);
            return new TensorInfo(name, header.Shape, header.Type.Dtype());
        }
        catch (FormatException exception)
        {
            return new TensorInfo(name, [], "unknown") { Unreadable = exception.Message };
        }
    }
}
