using System.IO.Compression;
using Spd.Networks.Data;

namespace Spd.Networks.Weights;

/// <summary>Reads weights of whatever format: safetensors (with shards), PyTorch's, NumPy's <c>.npz</c>. What a file is, its content says.</summary>
public static class WeightFile
{
    /// <summary>The tensors of a file.</summary>
    /// <exception cref="SafetensorsException">The file is damaged, or of another kind; one sentence says what.</exception>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    public static IReadOnlyList<TensorData> Read(string path)
    {
        if (!IsArchive(path)) return Safetensors.Read(path).Tensors;
        return IsNumPy(path) ? ArrayFile.ReadAll(path) : TorchFile.Read(path);
    }

    private static bool IsArchive(string path)
    {
        Span<byte> magic = stackalloc byte[4];
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read);
        return stream.ReadAtLeast(magic, magic.Length, throwOnEndOfStream: false) == magic.Length && magic.SequenceEqual("PK\u0003\u0004"u8);
    }

    private static bool IsNumPy(string path)
    {
        try
        {
            using var archive = ZipFile.OpenRead(path);
            return archive.Entries.Any(entry => entry.FullName.EndsWith(".npy", StringComparison.Ordinal));
        }
        catch (InvalidDataException)
        {
            // Damaged: the other reader says so.
            return false;
        }
    }
}
