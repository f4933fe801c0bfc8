using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

namespace Spd.Formats.Tests;

/// <summary>Writes a pickle instruction by instruction, and the archive of PyTorch around it.</summary>
internal sealed class PickleBuilder
{
    private readonly List<byte> _bytes = [];

    public PickleBuilder() => Raw(0x80, 2);

    public static void WriteArchive(string path, PickleBuilder pickle, params (string Name, byte[] Content)[] entries) =>
        WriteZip(path, CompressionLevel.NoCompression, [("net/data.pkl", pickle.End()), .. entries.Select(entry => ("net/" + entry.Name, entry.Content))]);

    public static void WriteZip(string path, CompressionLevel level, params (string Name, byte[] Content)[] entries)
    {
        File.Delete(path);
        using var archive = ZipFile.Open(path, ZipArchiveMode.Create);
        foreach (var (name, content) in entries)
        {
            using var stream = archive.CreateEntry(name, level).Open();
            stream.Write(content);
        }
    }

    public static byte[] Bytes(params float[] values) => [.. values.SelectMany(BitConverter.GetBytes)];

    public byte[] End() => [.. _bytes, (byte)'.'];

    public PickleBuilder Raw(params byte[] bytes)
    {
        _bytes.AddRange(bytes);
        return this;
    }

    public PickleBuilder Op(string instructions) => Raw(Encoding.Latin1.GetBytes(instructions));

    public PickleBuilder Global(string module, string name) => Op($"c{module}\n{name}\n");

    public PickleBuilder Text(string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text), length = new byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(length, bytes.Length);
        return Op("X").Raw(length).Raw(bytes);
    }

    public PickleBuilder Number(long number) => Raw([0x8a, 8, .. BitConverter.GetBytes(number)]);

    public PickleBuilder Numbers(params long[] numbers)
    {
        Op("(");
        foreach (long number in numbers) Number(number);
        return Op("t");
    }

    /// <summary>A tensor, <c>_rebuild_tensor_v2(storage, offset, shape, strides, False, OrderedDict())</c>.</summary>
    public PickleBuilder Tensor(string type, string key, long count, long offset, long[] shape, long[] strides) =>
        Global("torch._utils", "_rebuild_tensor_v2").Op("(")
            .Op("(").Text("storage").Global("torch", $"{type}Storage").Text(key).Text("cpu").Number(count).Op("tQ")
            .Number(offset).Numbers(shape).Numbers(strides)
            .Raw(0x89).Global("collections", "OrderedDict").Op(")RtR");
}
