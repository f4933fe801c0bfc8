using System.IO.Compression;
using System.IO.Hashing;
using System.Text;

namespace Spd.Networks.Weights;

/// <summary>
/// Reads the files that <c>torch.save</c> writes (<c>.pt</c>, <c>.pth</c>; PyTorch 1.6 and later): a zip archive with a pickle and the elements of the tensors.
/// No code of a file is ever run; see <see cref="Pickle"/>.
/// </summary>
public sealed class TorchFile
{
    private static readonly Dictionary<string, NumberFormat> Types = new()
    {
        ["torch.FloatStorage"] = NumberFormat.Float32,
        ["torch.DoubleStorage"] = NumberFormat.Float64,
        ["torch.HalfStorage"] = NumberFormat.Float16,
        ["torch.BFloat16Storage"] = NumberFormat.BFloat16,
        ["torch.LongStorage"] = NumberFormat.Int64,
        ["torch.IntStorage"] = NumberFormat.Int32,
        ["torch.ShortStorage"] = NumberFormat.Int16,
        ["torch.CharStorage"] = NumberFormat.Int8,
        ["torch.ByteStorage"] = NumberFormat.UInt8,
        ["torch.BoolStorage"] = NumberFormat.Bool,
    };

    private const int LargestPickle = 64 << 20;
    private const int MostNodes = 1_000_000, MostDepth = 64, MostDimensions = 16;
    private const long MostElements = 1L << 29;

    // A tensor may repeat the elements of its storage, by strides of zero, up to this size.
    private const long MostRepeated = 1L << 20;

    private readonly ZipArchive _archive;
    private readonly long _fileLength;

    private TorchFile(ZipArchive archive, long fileLength) => (_archive, _fileLength) = (archive, fileLength);

    /// <summary>
    /// The tensors of a file, each under its keys joined by dots: <c>linear1.weight</c> of a state dict, <c>model_state_dict.linear1.weight</c> where that is
    /// one of several things saved. Whatever is no tensor is left out. Numbers of any type become float32, rows before columns whatever their strides.
    /// </summary>
    /// <exception cref="SafetensorsException">The file is no such file, is damaged, or holds more than weights; one sentence says what.</exception>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    public static IReadOnlyList<TensorData> Read(string path)
    {
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read);
        try
        {
            Span<byte> magic = stackalloc byte[4];
            if (stream.ReadAtLeast(magic, 4, throwOnEndOfStream: false) < 4 || !magic.SequenceEqual("PK\u0003\u0004"u8))
                throw new FormatException("it is no zip archive: files of PyTorch before 1.6 have to be saved again with a newer one");
            stream.Position = 0;
            using var archive = new ZipArchive(stream, ZipArchiveMode.Read);
            return new TorchFile(archive, stream.Length).Read();
        }
        catch (Exception exception) when (exception is FormatException or InvalidDataException or EndOfStreamException or OverflowException
            or NotSupportedException or ArgumentException)
        {
            string reason = exception is FormatException ? exception.Message : "the archive is damaged";
            throw new SafetensorsException($"'{path}' is no usable PyTorch file: {reason}", exception);
        }
    }

    private List<TensorData> Read()
    {
        var pickle = _archive.Entries.FirstOrDefault(entry => entry.FullName == "data.pkl" || entry.FullName.EndsWith("/data.pkl", StringComparison.Ordinal))
            ?? throw new FormatException("it has no data.pkl");
        string folder = pickle.FullName[..^"data.pkl".Length];
        if (_archive.GetEntry($"{folder}constants.pkl") is not null)
            throw new FormatException("it holds a compiled model (TorchScript): save its weights with torch.save(model.state_dict(), path)");
        if (_archive.GetEntry($"{folder}byteorder") is { Length: < 100 } order && Encoding.ASCII.GetString(Bytes(order)) != "little")
            throw new FormatException("its numbers are big-endian: save it again on another machine");
        if (pickle.Length > LargestPickle) throw new FormatException($"its data.pkl has {pickle.Length} bytes, more than the {LargestPickle} that weights need");

        var storages = new Dictionary<string, float[]>();
        var tensors = new List<TensorData>();
        long elements = 0;
        foreach (var (name, tensor) in Tensors(Pickle.Read(Bytes(pickle))))
        {
            if (!storages.TryGetValue(tensor.Storage.Key, out float[]? values))
                storages[tensor.Storage.Key] = values = Elements($"{folder}data/{tensor.Storage.Key}", tensor.Storage);
            int[] shape = Shape(name, tensor, values.Length);
            elements += shape.Aggregate(1L, (count, dimension) => checked(count * dimension));
            if (elements > MostElements) throw new FormatException($"its tensors have more than {MostElements} numbers in all");
            tensors.Add(new TensorData(name, shape, RowMajor(tensor, shape, values)));
        }

        if (tensors.Count == 0) throw new FormatException("it holds no tensors");
        return tensors;
    }

    /// <summary>The tensors of an object with their keys, each once under the first of its names.</summary>
    private static IEnumerable<(string Name, TorchTensor Tensor)> Tensors(object? root)
    {
        var names = new HashSet<string>();
        var open = new Stack<(string Name, object? Value, int Depth)>();
        open.Push(("", root, 0));
        int nodes = 0;
        while (open.TryPop(out var node))
        {
            if (++nodes > MostNodes || node.Depth > MostDepth) throw new FormatException("its containers are nested too deeply, or in themselves");
            if (node.Value is TorchTensor tensor)
            {
                string name = node.Name.Length == 0 ? "tensor" : node.Name;
                if (!names.Add(name)) throw new FormatException($"it names two tensors '{name}'");
                yield return (name, tensor);
            }

            IEnumerable<(string Key, object? Value)> inner = node.Value switch
            {
                Pickle.Dict dict => dict.Pairs.Where(pair => pair.Key is string or long).Select(pair => ($"{pair.Key}", pair.Value)),
                List<object?> list => list.Select((value, i) => ($"{i}", value)),
                object?[] tuple => tuple.Select((value, i) => ($"{i}", value)),
                _ => [],
            };
            foreach (var (key, value) in inner.Reverse())
            {
                if (value is TorchTensor or Pickle.Dict or List<object?> or object?[])
                    open.Push((node.Name.Length == 0 ? key : $"{node.Name}.{key}", value, node.Depth + 1));
            }
        }
    }

    private static int[] Shape(string name, TorchTensor tensor, int available)
    {
        if (tensor.Shape.Length != tensor.Strides.Length || tensor.Shape.Length > MostDimensions || tensor.Offset < 0)
            throw new FormatException($"the tensor '{name}' has a shape and strides that do not fit");
        if (Array.Exists(tensor.Shape, size => size is < 0 or > int.MaxValue) || Array.Exists(tensor.Strides, stride => stride < 0))
            throw new FormatException($"the tensor '{name}' has a size or stride that is negative or too large");
        if (Array.Exists(tensor.Shape, size => size == 0)) return [.. tensor.Shape.Select(size => (int)size)];
        long count = 1, last = tensor.Offset;
        for (int i = 0; i < tensor.Shape.Length; i++)
        {
            count = checked(count * tensor.Shape[i]);
            last = checked(last + (tensor.Shape[i] - 1) * tensor.Strides[i]);
        }

        if (last >= available) throw new FormatException($"the tensor '{name}' reaches beyond its storage of {available} numbers");
        if (count > Math.Max(available, MostRepeated))
            throw new FormatException($"the tensor '{name}' has {count} numbers, but its storage {available}: save a contiguous copy of it");
        return [.. tensor.Shape.Select(size => (int)size)];
    }

    private static float[] RowMajor(TorchTensor tensor, int[] shape, float[] storage)
    {
        float[] values = new float[shape.Aggregate(1L, (count, dimension) => count * dimension)];
        int[] index = new int[shape.Length];
        long at = tensor.Offset;
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = storage[at];
            for (int axis = shape.Length - 1; axis >= 0; axis--)
            {
                at += tensor.Strides[axis];
                if (++index[axis] < shape[axis]) break;
                at -= tensor.Strides[axis] * shape[axis];
                index[axis] = 0;
            }
        }

        return values;
    }

    private float[] Elements(string name, TorchStorage storage)
    {
        var entry = _archive.GetEntry(name) ?? throw new FormatException($"its storage '{name}' is missing");
        if (!Types.TryGetValue(storage.Type, out var type)) throw new FormatException($"it has numbers of the type {storage.Type}, which is not read");
        byte[] bytes = Bytes(entry);
        if (storage.Count < 0 || storage.Count > bytes.Length / type.Size)
            throw new FormatException($"its storage '{name}' has {bytes.Length} bytes, but {storage.Count} numbers of {type.Size} bytes are asked for");
        float[] values = new float[storage.Count];
        type.ToFloats(bytes, values);
        return values;
    }

    /// <summary>An entry, checked against its checksum. PyTorch does not compress, so that no entry can be larger than the file.</summary>
    private byte[] Bytes(ZipArchiveEntry entry)
    {
        if (entry.CompressedLength != entry.Length)
            throw new FormatException("its entries are compressed, which PyTorch does not do: save it again with torch.save");
        if (entry.Length > _fileLength) throw new InvalidDataException();
        byte[] bytes = new byte[entry.Length];
        using var content = entry.Open();
        content.ReadExactly(bytes);
        if (Crc32.HashToUInt32(bytes) != entry.Crc32) throw new FormatException($"'{entry.FullName}' in it does not fit its checksum; it is damaged");
        return bytes;
    }
}
