
namespace Spd.Formats;

/// <summary>Reads weights of any kind of file: PyTorch's, safetensors of one file or many, NumPy's archives of arrays.</summary>
public static class WeightFile
{
    /// <summary>
    /// The tensors of a file, in float32. The content says what it is: a zip archive is PyTorch's (<see cref="TorchFile"/>) or NumPy's <c>.npz</c>
    /// (<see cref="ArrayFile"/>), anything else safetensors (<see cref="Safetensors"/>); only the index of a model in many files is known by its name,
    /// <c>*.safetensors.index.json</c>.
    /// </summary>
    /// <exception cref="FileContentException">The file is of no such kind, is damaged, or holds more than weights; one sentence says what.</exception>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    public static IReadOnlyList<TensorData> Read(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (path.EndsWith(SafetensorsIndex.Suffix, StringComparison.Ordinal)) return Safetensors.Read(path).Tensors;
        try
        {
            byte[] start = FileStart.Read(path, 16);
            if (FileStart.IsZip(start)) return ReadZip(path);
            if (start is [_, _, _, _, _, _, _, _, (byte)'{', ..] || path.EndsWith(".safetensors", StringComparison.Ordinal))
                return Safetensors.Read(path).Tensors;
            if (start is [0x80, 2, ..]) return TorchFile.Read(path);
            if (start.AsSpan().StartsWith("version https://"u8)) throw new FormatException("it only points to a file in Git LFS: fetch that with git lfs pull");
            if (start is [0x93, (byte)'N', (byte)'U', ..]) throw new FormatException("a single array has no name: save it with numpy.savez(path, name=array)");
            throw new FormatException("it is neither PyTorch's (.pt, .pth), nor safetensors or their index (.safetensors.index.json), nor NumPy's .npz");
        }
        catch (FormatException exception)
        {
            throw new FileContentException($"'{path}' is no usable file of weights: {exception.Message}", exception);
        }
    }

    private static IReadOnlyList<TensorData> ReadZip(string path)
    {
        using var zip = new CheckedZip(path);
        return zip.Names.Any(TorchFile.IsPickle) ? TorchFile.Read(path)
            : zip.Names.Any(ArrayFile.IsArray) ? ArrayFile.ReadArchive(path)
            : throw new FormatException($"it is a zip archive with neither {TorchFile.PickleName}, as PyTorch's have, nor arrays, as NumPy's have");
    }
}
