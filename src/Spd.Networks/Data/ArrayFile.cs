using System.Buffers.Binary;
using System.IO.Compression;
using Spd.Networks.Weights;

namespace Spd.Networks.Data;

/// <summary>Reads arrays from IDX files of bytes (MNIST's format), also with gzip.</summary>
public static class ArrayFile
{
    /// <summary>The file of a path that may name an array of an archive.</summary>
    public static string FileOf(string path) => path;

    /// <summary>Reads an array.</summary>
    /// <exception cref="SafetensorsException">The file is damaged or of another kind.</exception>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    public static TensorData Read(string path)
    {
        using var file = File.OpenRead(path);
        using Stream stream = path.EndsWith(".gz", StringComparison.Ordinal) ? new GZipStream(file, CompressionMode.Decompress) : file;
        try
        {
            Span<byte> number = stackalloc byte[4];
            stream.ReadExactly(number);
            if (number[0] != 0 || number[1] != 0 || number[2] != 8 || number[3] is 0 or > 8) throw new InvalidDataException("it is no IDX file of bytes");
            int[] shape = new int[number[3]];
            long count = 1;
            for (int i = 0; i < shape.Length; i++)
            {
                stream.ReadExactly(number);
                shape[i] = BinaryPrimitives.ReadInt32BigEndian(number);
                count *= Math.Max(0, shape[i]);
                if (count > 1 << 30) throw new InvalidDataException("it claims more than a billion numbers");
            }

            byte[] values = new byte[count];
            stream.ReadExactly(values);
            return new TensorData(Path.GetFileName(path), shape, Array.ConvertAll(values, value => (float)value));
        }
        catch (Exception exception) when (exception is InvalidDataException or EndOfStreamException)
        {
            throw new SafetensorsException($"'{path}' is no usable array file: {exception.Message.TrimEnd('.')}", exception);
        }
    }
}
