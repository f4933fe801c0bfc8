using System.Buffers.Binary;
using System.Text;
using System.Text.Json;

namespace Spd.Formats.Tests;

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
    [InlineData("""{"a":{"dtype":"C64","shape":[1],"data_offsets":[0,8]}}""", 8, "of tensor 'a', its numbers are of the type 'C64'; F64, F32, F16, BF16, F8_E4M3,")]
    [InlineData("""{"a":{"dtype":"1","shape":[1],"data_offsets":[0,4]}}""", 4, "its numbers are of the type '1'; F64")]
    [InlineData("""{"a":{"dtype":"F16","shape":[3],"data_offsets":[0,12]}}""", 12, "of shape [3] needs 6 bytes, but its data_offsets hold 12")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1]}}""", 4, "needs dtype, shape and data_offsets")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"more":1}}""", 4, "unknown field 'more'")]
    [InlineData("""{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}""", 4, "shape of tensor 'a' must hold whole numbers")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}}""", 4, "shape of tensor 'a' must hold whole numbers")]
    [InlineData("""{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}""", 8, "of shape [3] needs 12 bytes, but its data_offsets hold 8")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}""", 4, "the second not below the first")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}}""", 4, "must be two numbers")]
    [InlineData("""{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}""", 0, "has a dimension above")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2147483647,2147483647,2147483647],"data_offsets":[0,4]}}""", 4, "too large for a file")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", 8, "tensor 'b' overlaps")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", 8, "bytes 0 to 4, before tensor 'a', belong to no tensor")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 4, "ends at byte 8, but the file holds 4 bytes of values; it is cut short")]
    public void DamagedFilesAreRefusedInOneSentence(string header, int dataBytes, string expected)
    {
        WriteRaw((ulong)Encoding.UTF8.GetByteCount(header), Encoding.UTF8.GetBytes(header), dataBytes);
        string message = Assert.Throws<FileContentException>(() => Safetensors.Read(File)).Message;
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
        Assert.Contains(expected, Assert.Throws<FileContentException>(() => Safetensors.Read(File)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void BytesThatAreNoTextAreRefused()
    {
        WriteRaw(9, [(byte)'{', (byte)'"', 0xff, (byte)'"', (byte)':', (byte)'{', (byte)'}', (byte)'}', (byte)' '], 0);
        Assert.Throws<FileContentException>(() => Safetensors.Read(File));
        System.IO.File.WriteAllBytes(File, [1, 2, 3]);
        Assert.Contains("too few", Assert.Throws<FileContentException>(() => Safetensors.Read(File)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("F64", "000000000000f03f 000000000000f8ff 010000000000f03f 9a9999999999b93f", new[] { 1, float.NaN, 1, 0.1f })]
    [InlineData("F32", "0000803f cdcccc3d 010000 00", new[] { 1, 0.1f, float.Epsilon })]
    [InlineData("F16", "003c 00c0 0100 ff7b 007c 00fe", new[] { 1, -2, 5.9604645e-8f, 65504, float.PositiveInfinity, float.NaN })]
    [InlineData("BF16", "803f 00c0 4940 80ff c0ff", new[] { 1, -2, 3.140625f, float.NegativeInfinity, float.NaN })]
    [InlineData("F8_E4M3", "38 c0 01 88 7e 7f ff", new[] { 1, -2, 0.001953125f, -0.015625f, 448, float.NaN, float.NaN })]
    [InlineData("F8_E5M2", "3c c0 01 7b 7c fe", new[] { 1, -2, 1.5258789e-5f, 57344, float.PositiveInfinity, float.NaN })]
    [InlineData("I64", "0100000000000000 feffffffffffffff 0100000100000000", new float[] { 1, -2, 16777216 })]
    [InlineData("U64", "0100000000000000 ffffffffffffffff", new[] { 1, 18446744073709551616f })]
    [InlineData("I32", "01000000 feffffff", new float[] { 1, -2 })]
    [InlineData("U32", "01000000 feffffff", new[] { 1, 4294967294f })]
    [InlineData("I16", "0100 feff", new float[] { 1, -2 })]
    [InlineData("U16", "0100 feff", new float[] { 1, 65534 })]
    [InlineData("I8", "01 fe", new float[] { 1, -2 })]
    [InlineData("U8", "01 fe", new float[] { 1, 254 })]
    [InlineData("BOOL", "01 00 02", new float[] { 1, 0, 1 })]
    public void NumbersOfEveryTypeBecomeFloat32(string type, string bytes, float[] expected)
    {
        byte[] data = Convert.FromHexString(bytes.Replace(" ", "", StringComparison.Ordinal));
        WriteRaw(OneTensor("a", type, expected.Length, data.Length), data);
        Assert.Equal(expected, Safetensors.Read(File)["a"].Values);
    }

    [Fact]
    public void ANumberBeyondFloat32IsRefusedRatherThanMadeInfinite()
    {
        WriteRaw("""{"a":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}}""", BitConverter.GetBytes(-1e300));
        Assert.Contains(
            "tensor 'a' holds the number -1E+300, which is beyond the range of float32",
            Assert.Throws<FileContentException>(() => Safetensors.Read(File)).Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1 << 20)]
    [InlineData((1 << 22) + 1)]
    public void LargeFilesOfSmallNumbersAreReadToTheLast(int count)
    {
        byte[] data = [.. Enumerable.Range(0, count).Select(i => (byte)(i * 31 >> 3))];
        WriteRaw(OneTensor("a", "U8", count, count), data);
        Assert.True(Safetensors.Read(File)["a"].Values.AsSpan().SequenceEqual([.. data.Select(number => (float)number)]));
    }

    [Fact]
    public void AHeaderOfAHundredThousandTensorsIsReadAndOneOfMillionsOfKeysIsRefusedEarly()
    {
        var tensors = Enumerable.Range(0, 100_000).Select(i => new TensorData($"model.layers.{i}.weight", [1], [i])).ToList();
        Safetensors.Write(File, tensors);
        Assert.Equal(99_999, Safetensors.Read(File).Tensors[^1].Values[0]);
        foreach (bool isText in (bool[])[true, false])
        {
            var header = new StringBuilder(isText ? """{"__metadata__":{""" : "{");
            for (int i = 0; i < 2_000_000; i++)
                header.Append(isText ? $"\"{i:x}\":\"\"," : $"\"{i:x}\":{{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}},");
            header.Length--;
            string text = header.Append(isText ? "}}" : "}").ToString();
            if (text.Length > 100_000_000) text = text[..90_000_000];
            WriteRaw((ulong)text.Length, Encoding.ASCII.GetBytes(text), 0);
            long before = GC.GetAllocatedBytesForCurrentThread();
            string message = Assert.Throws<FileContentException>(() => Safetensors.Read(File)).Message;
            Assert.Contains(isText ? "__metadata__ has more than 10000 keys" : "the header has more than 250000 keys", message, StringComparison.Ordinal);
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, isText ? 16 << 20 : 512 << 20);
        }
    }

    [Fact]
    public void NamesThatFillTheScreenAreCutInMessages()
    {
        WriteRaw(OneTensor(new('x', 100_000), "F32", 2, 4), new byte[4]);
        Assert.InRange(Assert.Throws<FileContentException>(() => Safetensors.Read(File)).Message.Length, 1, 500);
    }

    [Theory]
    [InlineData("basic_model", 2)]
    [InlineData("with_metadata", 2)]
    [InlineData("model.numpy", 27)]
    [InlineData("model", 36)]
    [InlineData("model.with_metadata", 36)]
    public void FilesOfOthersAreRead(string name, int tensors)
    {
        var file = Safetensors.Read(SharedFiles.Find($"fixtures/safetensors/{name}.safetensors"));
        Assert.Equal(tensors, file.Tensors.Count);
        if (tensors == 2) Assert.Equal([1, 2, 3, 4, 5, 6], file["attention"].Values);
        if (name == "with_metadata") Assert.Equal("value2", file.Metadata["key2"]);
        if (name == "model.numpy")
        {
            Assert.All(file.Tensors, tensor =>
                Assert.Equal(tensor.Values.Select((_, i) => tensor.Name.StartsWith("bool", StringComparison.Ordinal) ? i % 2 : (float)i), tensor.Values));
        }

        if (tensors == 36)
        {
            Assert.Equal([64, 64, 30], file["int64_3"].Values);
            Assert.Equal(-0.5251276604508149f, file["float64_35"].Values[^1]);
            Assert.Equal(0.123779296875f, file["float16_3"].Values[0]);
            Assert.Equal([3, 5, 7], file["float8_e4m3fn_357"].Shape);
        }
    }

    [Theory]
    [InlineData("duplicate_keys_in_header", "has the key 'key01' twice")]
    [InlineData("header_size_too_big", "claims 255 bytes, but only 8 follow")]
    [InlineData("safetensors_abuse_attempt_1", "claims 1000 bytes, but only 80 follow")]
    [InlineData("zero_len_file", "it is empty")]
    public void HostileFilesOfOthersAreRefused(string name, string expected)
    {
        string path = SharedFiles.Find($"fixtures/safetensors/{name}.safetensors");
        Assert.Contains(expected, Assert.Throws<FileContentException>(() => Safetensors.Read(path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void TensorsMayBeListedInAnyOrder()
    {
        const string Header = """{"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""";
        WriteRaw((ulong)Header.Length, Encoding.UTF8.GetBytes(Header), 8);
        Assert.Equal(["a", "b"], Safetensors.Read(File).Tensors.Select(tensor => tensor.Name));
    }

    private static string OneTensor(string name, string type, int count, int bytes) =>
        "{" + $"\"{name}\":{{\"dtype\":\"{type}\",\"shape\":[{count}],\"data_offsets\":[0,{bytes}]}}" + "}";

    private void WriteRaw(string header, byte[] data)
    {
        byte[] prefix = new byte[8];
        BinaryPrimitives.WriteInt32LittleEndian(prefix, header.Length);
        System.IO.File.WriteAllBytes(File, [.. prefix, .. Encoding.ASCII.GetBytes(header), .. data]);
    }

    private void WriteRaw(ulong length, byte[] header, int dataBytes)
    {
        byte[] prefix = new byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(prefix, length);
        System.IO.File.WriteAllBytes(File, [.. prefix, .. header, .. new byte[dataBytes]]);
    }
}
