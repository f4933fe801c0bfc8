using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using Spd.Networks.Weights;

namespace Spd.Networks.Tests.Weights;

public sealed class SafetensorsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string File => _folder["x.safetensors"];

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void WhatIsWrittenIsRead()
    {
        TensorData[] tensors =
        [
            new("zeta", [2, 3], [1, -2, 3.5f, float.NaN, float.NegativeInfinity, float.Epsilon]),
            new("alpha \"quoted\" μ", [], [7]),
            new("empty", [0, 4], []),
            new("last", [1], [-0f]),
        ];
        Safetensors.Write(File, tensors, new Dictionary<string, string> { ["β"] = "three\nlines\n\"", ["seed"] = "4" });

        var read = Safetensors.Read(File);

        Assert.Equal(tensors.Select(tensor => tensor.Name), read.Tensors.Select(tensor => tensor.Name));
        Assert.All(tensors, tensor =>
        {
            Assert.Equal(tensor.Shape, read[tensor.Name].Shape);
            Assert.Equal(tensor.Values.Select(BitConverter.SingleToUInt32Bits), read[tensor.Name].Values.Select(BitConverter.SingleToUInt32Bits));
        });
        Assert.Equal("three\nlines\n\"", read.Metadata["β"]);
        Assert.Equal(2, read.Metadata.Count);
        Assert.Equal(["x.safetensors"], _folder.FileNames);
    }

    [Theory]
    [InlineData("a")]
    [InlineData("abcdefg")]
    public void TheHeaderIsAsTheFormatSaysAndAlignedToEightBytes(string name)
    {
        Safetensors.Write(File, [new(name, [2], [1, 2])]);
        byte[] bytes = System.IO.File.ReadAllBytes(File);
        int length = (int)BinaryPrimitives.ReadUInt64LittleEndian(bytes);
        using var header = JsonDocument.Parse(bytes.AsMemory(8, length));

        Assert.Equal(0, length % 8);
        Assert.Equal(8 + length + 8, bytes.Length);
        Assert.Equal("F32", header.RootElement.GetProperty(name).GetProperty("dtype").GetString());
        Assert.Equal("[0,8]", header.RootElement.GetProperty(name).GetProperty("data_offsets").GetRawText());
        Assert.Equal(2f, BinaryPrimitives.ReadSingleLittleEndian(bytes.AsSpan(bytes.Length - 4)));
    }

    [Fact]
    public void LargeTensorsAreWrittenInPieces()
    {
        float[] values = [.. Enumerable.Range(0, (1 << 21) + 3).Select(i => (float)i)];
        Safetensors.Write(File, [new("big", [values.Length], values)]);
        Assert.True(values.AsSpan().SequenceEqual(Safetensors.Read(File)["big"].Values));
    }

    [Fact]
    public void AFailedWriteLeavesTheOldFileAndNothingElse()
    {
        Safetensors.Write(File, [new("old", [1], [1])]);
        Assert.Throws<InvalidOperationException>(() => AtomicFile.Write(File, stream =>
        {
            stream.WriteByte(1);
            throw new InvalidOperationException();
        }));
        Assert.Equal(1f, Safetensors.Read(File)["old"].Values[0]);
        Assert.Equal(["x.safetensors"], _folder.FileNames);
    }

    [Fact]
    public void WritingRefusesWhatCouldNotBeReadBack()
    {
        TensorData one = new("a", [1], [1]);
        Assert.Contains(
            "'a' is reserved or given to two",
            Assert.Throws<ArgumentException>(() => Safetensors.Write(File, [one, one])).Message,
            StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => Safetensors.Write(File, [one with { Name = "__metadata__" }]));
        Assert.Contains(
            "has 1 values, but its shape is [2]",
            Assert.Throws<ArgumentException>(() => Safetensors.Write(File, [one with { Shape = [2] }])).Message,
            StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => Safetensors.Write(File, [one with { Shape = [-1, -1] }]));
        Assert.Empty(_folder.FileNames);
    }

    [Theory]
    [InlineData("", 0, "the header does not begin with '{'")]
    [InlineData(" {}", 0, "does not begin with '{'")]
    [InlineData("{", 0, "no valid JSON")]
    [InlineData("{} x", 0, "no valid JSON")]
    [InlineData("{}", 4, "4 bytes after the last tensor belong to none")]
    [InlineData(
        """{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", 8,
        "the header has the key 'a' twice")]
    [InlineData("""{"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 4, "tensor 'a' has the key 'dtype' twice")]
    [InlineData("""{"__metadata__":{"k":"1","k":"2"}}""", 0, "__metadata__ has the key 'k' twice")]
    [InlineData("""{"__metadata__":{"k":1}}""", 0, "'k' in __metadata__ must be a text")]
    [InlineData("""{"__metadata__":[]}""", 0, "__metadata__ must be an object")]
    [InlineData("""{"a":3}""", 0, "tensor 'a' must be an object")]
    [InlineData("""{"a":{"dtype":"Q4","shape":[1],"data_offsets":[0,2]}}""", 2, "tensor 'a' is of type Q4, but only F64, F32")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1]}}""", 4, "needs dtype, shape and data_offsets")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"more":1}}""", 4, "unknown field 'more'")]
    [InlineData("""{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}""", 4, "shape of tensor 'a' must hold whole numbers")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}}""", 4, "shape of tensor 'a' must hold whole numbers")]
    [InlineData("""{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}""", 8, "of shape [3] needs 12 bytes, but its data_offsets hold 8")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}""", 4, "the second not below the first")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}}""", 4, "must be two numbers")]
    [InlineData("""{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}""", 0, "has a dimension above")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2147483647,2147483647,2147483647],"data_offsets":[0,4]}}""", 4, "too large")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", 8, "tensor 'b' overlaps")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", 8, "bytes 0 to 4, before tensor 'a', belong to no tensor")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 4, "ends at byte 8, but the file holds 4 bytes of values; it is cut short")]
    public void DamagedFilesAreRefusedInOneSentence(string header, int dataBytes, string expected)
    {
        WriteRaw((ulong)Encoding.UTF8.GetByteCount(header), Encoding.UTF8.GetBytes(header), dataBytes);
        string message = Assert.Throws<SafetensorsException>(() => Safetensors.Read(File)).Message;
        Assert.Contains(expected.Replace("the header does", "its header does", StringComparison.Ordinal), message, StringComparison.Ordinal);
        Assert.StartsWith($"'{File}' is no usable safetensors file: ", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(ulong.MaxValue, "at most 100000000 are allowed")]
    [InlineData(100_000_001UL, "at most 100000000 are allowed")]
    [InlineData(100_000_000UL, "only 2 follow")]
    [InlineData(3UL, "only 2 follow; the file is cut short")]
    public void AHeaderLengthBeyondTheFileIsRefusedBeforeAnythingIsAllocated(ulong length, string expected)
    {
        WriteRaw(length, "{}"u8.ToArray(), 0);
        Assert.Contains(expected, Assert.Throws<SafetensorsException>(() => Safetensors.Read(File)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void BytesThatAreNoTextAreRefused()
    {
        WriteRaw(9, [(byte)'{', (byte)'"', 0xff, (byte)'"', (byte)':', (byte)'{', (byte)'}', (byte)'}', (byte)' '], 0);
        Assert.Throws<SafetensorsException>(() => Safetensors.Read(File));
        System.IO.File.WriteAllBytes(File, [1, 2, 3]);
        Assert.Contains("too few", Assert.Throws<SafetensorsException>(() => Safetensors.Read(File)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void TensorsMayBeListedInAnyOrder()
    {
        const string Header = """{"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""";
        WriteRaw((ulong)Header.Length, Encoding.UTF8.GetBytes(Header), 8);
        Assert.Equal(["a", "b"], Safetensors.Read(File).Tensors.Select(tensor => tensor.Name));
    }

    private void WriteRaw(ulong length, byte[] header, int dataBytes)
    {
        byte[] prefix = new byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(prefix, length);
        System.IO.File.WriteAllBytes(File, [.. prefix, .. header, .. new byte[dataBytes]]);
    }
}
