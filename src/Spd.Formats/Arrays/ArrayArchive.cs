namespace Spd.Formats;

/// <summary>NumPy's archive of arrays with names, as a file of weights.</summary>
internal sealed class ArrayArchive : IWeightReader
{
    /// <summary>What a message calls such a file.</summary>
    public const string Kind = "NumPy archive (.npz)";

    private const string Suffix = ".npy";

    private readonly CheckedZip _zip;
    private readonly List<string> _entries;

    /// <summary>Lists the arrays of an archive, which is disposed of with this.</summary>
    public ArrayArchive(CheckedZip zip)
    {
        _zip = zip;
        _entries = [.. zip.Names.Where(IsArray)];
        Tensors = [.. _entries.Select(Info)];
        Notes = zip.Names.Count() == _entries.Count ? [] : [$"{zip.Names.Count() - _entries.Count} entries of the archive are no arrays."];
    }

    public string Format => Kind;

    public IReadOnlyList<TensorInfo> Tensors { get; }

    public IReadOnlyList<string> Notes { get; }

    public float[] Read(int index)
    {
        string entry = _entries[index];
        try
        {
            return _zip.Read(entry, stream =>
            {
                var header = ArrayHeader.Read(stream);
                header.CheckFits(_zip.Length(entry));
                return header.ReadNumbers(stream);
            });
        }
        catch (FormatException exception)
        {
            throw new FormatException($"of its array {Quoted.Of(entry)}: {exception.Message}", exception);
        }
    }

    public void Dispose() => _zip.Dispose();

    /// <summary>Whether an entry of an archive is an array.</summary>
    public static bool IsArray(string entry) => entry.EndsWith(Suffix, StringComparison.Ordinal);

    private TensorInfo Info(string entry)
    {
        string name = entry[..^Suffix.Length];
        try
        {
            var header = _zip.ReadStart(entry, ArrayHeader.Read);
            header.CheckFits(_zip.Length(entry));
            return new TensorInfo(name, header.Shape, header.Type.Dtype());
        }
        catch (FormatException exception)
        {
            return new TensorInfo(name, [], "unknown") { Unreadable = exception.Message };
        }
    }
}
