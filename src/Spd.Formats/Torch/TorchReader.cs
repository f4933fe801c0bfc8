namespace Spd.Formats;

/// <summary>Where the elements of a PyTorch file's tensors lie.</summary>
internal interface ITorchElements : IDisposable
{
    /// <summary>What the file is, in words.</summary>
    string Format { get; }

    /// <summary>Bytes of the file.</summary>
    long FileLength { get; }

    /// <summary>The elements of a storage, as float32.</summary>
    /// <param name="storage">The storage.</param>
    /// <param name="type">The type of its elements.</param>
    /// <param name="count">How many of that type it has.</param>
    float[] Read(TorchStorage storage, NumberType type, long count);
}

/// <summary>An open file of <c>torch.save</c>, of any version. No code of a file is ever run; see <see cref="Pickle"/>.</summary>
internal sealed class TorchReader : IWeightReader
{
    /// <summary>What a message calls such a file.</summary>
    public const string Kind = "PyTorch file";

    private const string Advice = "save its weights with torch.save(model.state_dict(), path)";

    // Tensors may share elements, or repeat them with strides of zero, but not without end.
    private const int NumbersPerByte = 4, NumbersAtLeast = 1 << 24;

    private readonly ITorchElements _elements;
    private readonly IReadOnlyList<(string Name, TorchTensor Tensor)> _tensors;

    // Elements that belong to several tensors are read once, and kept.
    private readonly HashSet<string> _shared;
    private readonly Dictionary<(string Key, NumberType Type), float[]> _kept = [];

    /// <summary>Lists the tensors of a file.</summary>
    /// <param name="elements">The elements; disposed of with this.</param>
    /// <param name="root">What the file's pickle holds.</param>
    /// <exception cref="FormatException">It holds no tensors or is damaged; a clause says what.</exception>
    public TorchReader(ITorchElements elements, object? root)
    {
        _elements = elements;
        var found = new TorchTensors(root);
        _tensors = found.Tensors;
        string objects = string.Join(", ", found.Objects) + (found.ObjectCount > found.Objects.Count ? $" … and {found.ObjectCount - found.Objects.Count} more" : "");
        if (_tensors.Count == 0)
        {
            throw new FormatException(
                root is Pickle.Opaque ? $"it holds a whole object of Python, {objects}, which only its code could build, and no code of a file is run: {Advice}"
                : found.ObjectCount > 0 ? $"it holds no tensors, but objects of Python, which only their code could build, and no code of a file is run: {objects}; {Advice}"
                : found.WithoutName > 0 ? $"its {found.WithoutName} tensors stand under keys that are neither texts nor whole numbers: {Advice}"
                : "it holds no tensors");
        }

        var notes = new List<string>();
        if (found.ObjectCount > 0)
            notes.Add($"{found.ObjectCount} {(found.ObjectCount == 1 ? "object" : "objects")} of Python beside the tensors, not built and left aside: {objects}.");
        if (found.WithoutName > 0) notes.Add($"{found.WithoutName} tensors stand under keys that are neither texts nor whole numbers, and were left aside.");
        Notes = notes;
        _shared = [.. _tensors.Where(entry => entry.Tensor.Storage is not null).CountBy(entry => entry.Tensor.Storage!.Key).Where(uses => uses.Value > 1).Select(uses => uses.Key)];
        Tensors = Infos(_tensors, elements.FileLength * NumbersPerByte + NumbersAtLeast);
    }

    public string Format => _elements.Format;

    public IReadOnlyList<TensorInfo> Tensors { get; }

    public IReadOnlyList<string> Notes { get; }

    public float[] Read(int index)
    {
        var tensor = _tensors[index].Tensor;
        var (shape, storage, type) = (Tensors[index].Shape, tensor.Storage!, Numbers.Dtypes[tensor.Type]);
        bool isShared = _shared.Contains(storage.Key);
        if (!_kept.TryGetValue((storage.Key, type), out float[]? elements))
        {
            long count = Capacity(storage, type.Size());
            if (count > Array.MaxLength) throw new FormatException($"its storage {Quoted.Of(storage.Key)} has {count} numbers; at most {Array.MaxLength} are read");
            elements = count == 0 ? [] : _elements.Read(storage, type, count);
        }

        if (isShared) _kept[(storage.Key, type)] = elements;
        bool isWhole = tensor.Offset == 0 && elements.Length == Strided.Count(shape) && tensor.Strides.SequenceEqual(Strided.RowMajorStrides(shape));
        return isWhole && !isShared ? elements : Strided.ToRowMajor(elements, tensor.Offset, shape, tensor.Strides);
    }

    public void Dispose() => _elements.Dispose();

    /// <summary>The tensors as they are listed; those that can be read lie within their storages.</summary>
    private static List<TensorInfo> Infos(IReadOnlyList<(string Name, TorchTensor Tensor)> tensors, long mostNumbers)
    {
        var infos = new List<TensorInfo>();
        Int128 left = mostNumbers;
        foreach (var (name, tensor) in tensors)
        {
            if (Array.Exists(tensor.Shape, size => size is < 0 or > int.MaxValue) || Array.Exists(tensor.Strides, stride => stride < 0))
                throw new FormatException($"the tensor {Quoted.Of(name)} has a size or stride that is negative or too large");
            int[] shape = [.. tensor.Shape.Select(size => (int)size)];
            string? reason = tensor.Unreadable;
            if (reason is null && !Numbers.Dtypes.ContainsKey(tensor.Type))
                reason = $"its numbers are of the type {Quoted.Of(tensor.Type)}; {string.Join(", ", Numbers.Dtypes.Keys)} are read";
            if (reason is null)
            {
                var count = Count(Quoted.Of(name), shape, tensor);
                left -= count;
                if (left < 0) reason = "the tensors up to it have far more numbers than the file";
                else if (count > Array.MaxLength) reason = $"it has {count} numbers; at most {Array.MaxLength} are read";
            }

            var info = new TensorInfo(name, shape, tensor.Type) { Unreadable = reason };
            infos.Add(tensor.Storage is { } storage && storage.Type == tensor.Type ? info with { Bytes = info.BytesOf(storage.Size) } : info);
        }

        return infos;
    }

    /// <summary>How many numbers a tensor has, all of which lie within its storage.</summary>
    private static Int128 Count(string name, int[] shape, TorchTensor tensor)
    {
        if (shape.Length != tensor.Strides.Length || tensor.Offset < 0) throw new FormatException($"the tensor {name} has a shape and strides that do not fit");
        if (shape.Contains(0)) return 0;
        Int128 count = 1, last = tensor.Offset;
        for (int axis = 0; axis < shape.Length; axis++)
        {
            last += (shape[axis] - 1) * (Int128)tensor.Strides[axis];
            // However many axes repeat the elements.
            count = Int128.Min(count * shape[axis], long.MaxValue);
        }

        long capacity = Capacity(tensor.Storage!, Numbers.Dtypes[tensor.Type].Size());
        return last < capacity ? count : throw new FormatException($"the tensor {name} reaches beyond its storage of {capacity} numbers");
    }

    /// <summary>How many numbers of so many bytes a storage has.</summary>
    private static long Capacity(TorchStorage storage, int size) => storage.Size == size ? storage.Count : storage.Count * storage.Size / size;
}
