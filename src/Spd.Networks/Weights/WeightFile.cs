namespace Spd.Networks.Weights;

/// <summary>Reads weights of whatever format.</summary>
public static class WeightFile
{
    /// <summary>The tensors of a file.</summary>
    public static IReadOnlyList<TensorData> Read(string path)
    {
        Span<byte> magic = stackalloc byte[2];
        using (var stream = File.OpenRead(path)) _ = stream.ReadAtLeast(magic, 2, throwOnEndOfStream: false);
        return magic.SequenceEqual("PK"u8) ? TorchFile.Read(path) : Safetensors.Read(path).Tensors;
    }
}
