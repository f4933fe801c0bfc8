using System.Text;

namespace Spd.Formats;

/// <summary>
/// An open file of <c>torch.save</c> (PyTorch 1.6 and later): a zip archive with a pickle and the elements of the tensors.
/// No code of a file is ever run; see <see cref="Pickle"/>.
/// </summary>
internal sealed class TorchReader : IWeightReader
{
    /// <summary>What a message calls such a file.</summary>
    public const string Kind = "PyTorch file";

    /// <summary>How the name of the pickle ends.</summary>
    public const string PickleName = "data.pkl";

    private const int LargestPickle = 16 << 20, LargestByteOrder = 100;

    // Tensors may share elements, or repeat them with strides of zero, but not without end.
    private const int NumbersPerByte = 4, NumbersAtLeast = 1 << 24;

    private readonly CheckedZip _zip;
    private readonly string _folder;
    private readonly bool _isBigEndian;
    private readonly IReadOnlyList<(string Name, TorchTensor Tensor)> _tensors;

    // Elements that belong to several tensors are read once, and kept.
    private readonly HashSet<string> _shared;
    private readonly Dictionary<string, float[]> _kept = [];

    /// <summary>Reads what an archive holds, which is disposed of with this.</summary>
    /// <exception cref="FormatException">It is no such archive, holds no tensors or is damaged; a clause says what.</exception>
    public TorchReader(CheckedZip zip)
    {
        _zip = zip;
        var pickles = zip.Names.Where(IsPickle).ToList();
        if (pickles is not [string pickle]) throw new FormatException($"it has more than one {PickleName}");
        _folder = pickle[..^PickleName.Length];
        if (zip.Contains($"{_folder}constants.pkl"))
            throw new FormatException("it holds a compiled model (TorchScript): save its weights with torch.save(model.state_dict(), path)");
        _tensors = new TorchTensors(Pickle.Read(Stored(pickle, LargestPickle))).Tensors;
        if (_tensors.Count == 0) throw new FormatException("it holds no tensors");
        var storages = _tensors.GroupBy(entry => entry.Tensor.Storage.Key, entry => entry.Tensor.Storage).ToList();
        if (storages.Find(uses => uses.Any(use => use != uses.First())) is { } contradictory)
            throw new FormatException($"its storage {Quoted.Of(contradictory.Key)} is described in two ways");
        _shared = [.. storages.Where(uses => uses.Skip(1).Any()).Select(uses => uses.Key)];
        _isBigEndian = IsBigEndian($"{_folder}byteorder");
        Tensors = Infos(_tensors, zip.FileLength * NumbersPerByte + NumbersAtLeast);
    }

    /// <inheritdoc/>
    public string Format => "PyTorch (zip archive)";

    /// <inheritdoc/>
    public IReadOnlyList<TensorInfo> Tensors { get; }

    /// <summary>Whether an entry of an archive is the pickle of its only folder, or of the archive itself.</summary>
    public static bool IsPickle(string entry) => entry == PickleName || (entry.EndsWith($"/{PickleName}", StringComparison.Ordinal) && entry.Count('/') == 1);

    /// <inheritdoc/>
    public float[] Read(int index)
    {
        var tensor = _tensors[index].Tensor;
        var shape = Tensors[index].Shape;
        string key = tensor.Storage.Key;
        bool isShared = _shared.Contains(key);
        if (!_kept.TryGetValue(key, out float[]? elements)) elements = Elements($"{_folder}data/{key}", tensor);
        if (isShared) _kept[key] = elements;
        bool isWhole = tensor.Offset == 0 && elements.Length == Strided.Count(shape) && tensor.Strides.SequenceEqual(Strided.RowMajorStrides(shape));
        return isWhole && !isShared ? elements : Strided.ToRowMajor(elements, tensor.Offset, shape, tensor.Strides);
    }

    /// <inheritdoc/>
    public void Dispose() => _zip.Dispose();

    private bool IsBigEndian(string name) => _zip.Contains(name) && Encoding.ASCII.GetString(Stored(name, LargestByteOrder)) switch
    {
        "little" => false,
        "big" => true,
        string other => throw new FormatException($"the order of its bytes is {Quoted.Of(other)}, neither 'little' nor 'big'"),
    };

    /// <summary>The tensors as they are listed, all of which lie within their storages.</summary>
    private static List<TensorInfo> Infos(IReadOnlyList<(string Name, TorchTensor Tensor)> tensors, long mostNumbers)
    {
        var infos = new List<TensorInfo>();
        Int128 left = mostNumbers;
        foreach (var (name, tensor) in tensors)
        {
            int[] shape = Shape(Quoted.Of(name), tensor, out var count);
            left -= count;
            string? reason = !Numbers.Dtypes.ContainsKey(tensor.Type) ? UnreadType(tensor.Type)
                : left < 0 ? "the tensors up to it have far more numbers than the file"
                : count > Array.MaxLength ? $"it has {count} numbers; at most {Array.MaxLength} are read"
                : null;
            infos.Add(new TensorInfo(name, shape, tensor.Type) { Unreadable = reason });
        }

        return infos;
    }

    private static string UnreadType(string type) => $"its numbers are of the type {Quoted.Of(type)}; {string.Join(", ", Numbers.Dtypes.Keys)} are read";

    private static int[] Shape(string name, TorchTensor tensor, out Int128 count)
    {
        if (tensor.Shape.Length != tensor.Strides.Length || tensor.Offset < 0)
            throw new FormatException($"the tensor {name} has a shape and strides that do not fit");
        if (Array.Exists(tensor.Shape, size => size is < 0 or > int.MaxValue) || Array.Exists(tensor.Strides, stride => stride < 0))
            throw new FormatException($"the tensor {name} has a size or stride that is negative or too large");
        int[] shape = [.. tensor.Shape.Select(size => (int)size)];
        count = shape.Contains(0) ? 0 : 1;
        if (count == 0) return shape;
        Int128 last = tensor.Offset;
        for (int axis = 0; axis < shape.Length; axis++)
        {
            last += (shape[axis] - 1) * (Int128)tensor.Strides[axis];
            // No more than fits, however many axes repeat the elements.
            count = Int128.Min(count * shape[axis], long.MaxValue);
        }

        if (last >= tensor.Storage.Count) throw new FormatException($"the tensor {name} reaches beyond its storage of {tensor.Storage.Count} numbers");
        return shape;
    }

    private float[] Elements(string name, TorchTensor tensor)
    {
        var type = Numbers.Dtypes[tensor.Type];
        long count = tensor.Storage.Count;
        if (count == 0) return [];
        CheckStored(name);
        if (count > Array.MaxLength || count * type.Size() != _zip.Length(name))
        {
            throw new FormatException(
                $"its storage {Quoted.Of(name)} has {_zip.Length(name)} bytes, but {count} numbers of {type.Size()} bytes are asked for");
        }

        return _zip.Read(name, stream => Numbers.Read(stream, type, count, $"storage {Quoted.Of(name)}", _isBigEndian));
    }

    private byte[] Stored(string name, int limit)
    {
        CheckStored(name);
        return _zip.Bytes(name, limit);
    }

    /// <summary>PyTorch does not compress, so that what is read is never larger than the file.</summary>
    private void CheckStored(string name)
    {
        if (!_zip.Contains(name)) throw new FormatException($"its entry {Quoted.Of(name)} is missing");
        if (_zip.IsCompressed(name)) throw new FormatException("its entries are compressed, which PyTorch does not do: save it again with torch.save");
    }
}
