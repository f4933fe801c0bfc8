using System.Text;

namespace Spd.Formats;

/// <summary>
/// Reads the files that <c>torch.save</c> writes (<c>.pt</c>, <c>.pth</c>; PyTorch 1.6 and later): a zip archive with a pickle and the elements of the tensors.
/// No code of a file is ever run; see <see cref="Pickle"/>.
/// </summary>
public static class TorchFile
{
    /// <summary>How the name of the pickle ends.</summary>
    internal const string PickleName = "data.pkl";

    private const int LargestPickle = 16 << 20, LargestByteOrder = 100;

    // Tensors may share elements, or repeat them with strides of zero, but not without end.
    private const int NumbersPerByte = 4, NumbersAtLeast = 1 << 24;

    private static readonly Dictionary<string, NumberType> Types = new()
    {
        ["torch.FloatStorage"] = NumberType.F32,
        ["torch.DoubleStorage"] = NumberType.F64,
        ["torch.HalfStorage"] = NumberType.F16,
        ["torch.BFloat16Storage"] = NumberType.BF16,
        ["torch.LongStorage"] = NumberType.I64,
        ["torch.IntStorage"] = NumberType.I32,
        ["torch.ShortStorage"] = NumberType.I16,
        ["torch.CharStorage"] = NumberType.I8,
        ["torch.ByteStorage"] = NumberType.U8,
        ["torch.BoolStorage"] = NumberType.BOOL,
    };

    /// <summary>
    /// The tensors of a file, each under its keys joined by dots: <c>linear1.weight</c> of a state dict, <c>model_state_dict.linear1.weight</c> where that is
    /// one of several things saved, <c>tensor</c> where a tensor alone is saved. Whatever is no tensor is left out. Numbers of any type become float32 as
    /// <see cref="Safetensors"/> says, rows before columns whatever their strides; tensors that share their elements each get a copy.
    /// </summary>
    /// <exception cref="FileContentException">The file is no such file, is damaged, or holds more than weights; one sentence says what.</exception>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    public static IReadOnlyList<TensorData> Read(string path)
    {
        try
        {
            if (!FileStart.IsZip(FileStart.Read(path, 4)))
                throw new FormatException("it is no zip archive: files of PyTorch before 1.6 have to be saved again with a newer one");
            using var zip = new CheckedZip(path);
            return Read(zip);
        }
        catch (FormatException exception)
        {
            throw new FileContentException($"'{path}' is no usable PyTorch file: {exception.Message}", exception);
        }
    }

    /// <summary>Whether an entry of an archive is the pickle of its only folder, or of the archive itself.</summary>
    internal static bool IsPickle(string entry) => entry == PickleName || (entry.EndsWith($"/{PickleName}", StringComparison.Ordinal) && entry.Count('/') == 1);

    private static List<TensorData> Read(CheckedZip zip)
    {
        var pickles = zip.Names.Where(IsPickle).ToList();
        if (pickles is not [string pickle]) throw new FormatException(pickles.Count == 0 ? $"it has no {PickleName}" : $"it has more than one {PickleName}");
        string folder = pickle[..^PickleName.Length];
        if (zip.Contains($"{folder}constants.pkl"))
            throw new FormatException("it holds a compiled model (TorchScript): save its weights with torch.save(model.state_dict(), path)");

        var tensors = new TorchTensors(Pickle.Read(Stored(zip, pickle, LargestPickle))).Tensors;
        if (tensors.Count == 0) throw new FormatException("it holds no tensors");
        var shapes = Shapes(tensors, zip.FileLength * NumbersPerByte + NumbersAtLeast);

        bool isBigEndian = IsBigEndian(zip, $"{folder}byteorder");
        var uses = tensors.CountBy(entry => entry.Tensor.Storage.Key).ToDictionary();
        var storages = new Dictionary<string, (TorchStorage Storage, float[] Values)>();
        var read = new List<TensorData>();
        foreach (var ((name, tensor), shape) in tensors.Zip(shapes))
        {
            string key = tensor.Storage.Key;
            bool isShared = storages.TryGetValue(key, out var storage) || uses[key] > 1;
            if (storage.Values is null) storages[key] = storage = (tensor.Storage, Elements(zip, $"{folder}data/{key}", tensor.Storage, isBigEndian));
            if (storage.Storage != tensor.Storage) throw new FormatException($"its storage {Quoted.Of(key)} is described in two ways");
            bool isWhole = tensor.Offset == 0 && tensor.Storage.Count == Strided.Count(shape) && tensor.Strides.SequenceEqual(Strided.RowMajorStrides(shape));
            float[] values = isWhole && !isShared ? storage.Values : Strided.ToRowMajor(storage.Values, tensor.Offset, shape, tensor.Strides);
            read.Add(new TensorData(name, shape, values));
            if (--uses[key] == 0) storages.Remove(key);
        }

        return read;
    }

    private static bool IsBigEndian(CheckedZip zip, string name) => zip.Contains(name) && Encoding.ASCII.GetString(Stored(zip, name, LargestByteOrder)) switch
    {
        "little" => false,
        "big" => true,
        string other => throw new FormatException($"the order of its bytes is {Quoted.Of(other)}, neither 'little' nor 'big'"),
    };

    /// <summary>The shapes of the tensors, all of which lie within their storages.</summary>
    private static List<int[]> Shapes(IReadOnlyList<(string Name, TorchTensor Tensor)> tensors, long mostNumbers)
    {
        var shapes = new List<int[]>();
        long left = mostNumbers;
        foreach (var (name, tensor) in tensors)
        {
            int[] shape = Shape(Quoted.Of(name), tensor, left);
            left -= Strided.Count(shape);
            shapes.Add(shape);
        }

        return shapes;
    }

    private static int[] Shape(string name, TorchTensor tensor, long mostNumbers)
    {
        if (tensor.Shape.Length != tensor.Strides.Length || tensor.Offset < 0)
            throw new FormatException($"the tensor {name} has a shape and strides that do not fit");
        if (Array.Exists(tensor.Shape, size => size is < 0 or > int.MaxValue) || Array.Exists(tensor.Strides, stride => stride < 0))
            throw new FormatException($"the tensor {name} has a size or stride that is negative or too large");
        int[] shape = [.. tensor.Shape.Select(size => (int)size)];
        if (shape.Contains(0)) return shape;
        Int128 count = 1, last = tensor.Offset;
        for (int axis = 0; axis < shape.Length; axis++)
        {
            last += (shape[axis] - 1) * (Int128)tensor.Strides[axis];
            count *= shape[axis];
            if (count > mostNumbers) throw new FormatException($"its tensors up to {name} have far more numbers than the file");
        }

        if (last >= tensor.Storage.Count) throw new FormatException($"the tensor {name} reaches beyond its storage of {tensor.Storage.Count} numbers");
        if (count > Array.MaxLength) throw new FormatException($"the tensor {name} has {count} numbers; at most {Array.MaxLength} are read");
        return shape;
    }

    private static float[] Elements(CheckedZip zip, string name, TorchStorage storage, bool isBigEndian)
    {
        var type = Types[storage.Type];
        if (storage.Count == 0) return [];
        CheckStored(zip, name);
        if (storage.Count > Array.MaxLength || storage.Count * type.Size() != zip.Length(name))
        {
            throw new FormatException(
                $"its storage {Quoted.Of(name)} has {zip.Length(name)} bytes, but {storage.Count} numbers of {type.Size()} bytes are asked for");
        }

        return zip.Read(name, stream => Numbers.Read(stream, type, storage.Count, $"storage {Quoted.Of(name)}", isBigEndian));
    }

    private static byte[] Stored(CheckedZip zip, string name, int limit)
    {
        CheckStored(zip, name);
        return zip.Bytes(name, limit);
    }

    /// <summary>PyTorch does not compress, so that what is read is never larger than the file.</summary>
    private static void CheckStored(CheckedZip zip, string name)
    {
        if (!zip.Contains(name)) throw new FormatException($"its entry {Quoted.Of(name)} is missing");
        if (zip.IsCompressed(name)) throw new FormatException("its entries are compressed, which PyTorch does not do: save it again with torch.save");
    }
}
