using System.Globalization;
using System.IO.Compression;
using static Spd.Formats.Tests.PickleBuilder;

namespace Spd.Formats.Tests;

public sealed class TorchFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string Path => _folder["net.pth"];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("Float", "0000803f000000c0", new float[] { 1, -2 })]
    [InlineData("Double", "000000000000f03f00000000000000c0", new float[] { 1, -2 })]
    [InlineData("Half", "003c00c0", new float[] { 1, -2 })]
    [InlineData("BFloat16", "803f00c0", new float[] { 1, -2 })]
    [InlineData("Long", "0100000000000000feffffffffffffff", new float[] { 1, -2 })]
    [InlineData("Int", "01000000feffffff", new float[] { 1, -2 })]
    [InlineData("Short", "0100feff", new float[] { 1, -2 })]
    [InlineData("Char", "01fe", new float[] { 1, -2 })]
    [InlineData("Byte", "01fe", new float[] { 1, 254 })]
    [InlineData("Bool", "0100", new float[] { 1, 0 })]
    public void NumbersOfEveryTypeBecomeFloat32InEitherOrderOfBytes(string type, string bytes, float[] expected)
    {
        byte[] content = Convert.FromHexString(bytes);
        WriteArchive(Path, new PickleBuilder().Tensor(type, "0", 2, 0, [2], [1]), ("byteorder", "little"u8.ToArray()), ("data/0", content));
        var tensor = Assert.Single(WeightFile.ReadAll(Path));
        Assert.Equal("tensor", tensor.Name);
        Assert.Equal(expected, tensor.Values);

        byte[] reversed = [.. content.Chunk(content.Length / 2).SelectMany(number => number.Reverse())];
        WriteArchive(Path, new PickleBuilder().Tensor(type, "0", 2, 0, [2], [1]), ("byteorder", "big"u8.ToArray()), ("data/0", reversed));
        Assert.Equal(expected, Assert.Single(WeightFile.ReadAll(Path)).Values);
    }

    [Theory]
    [InlineData(0, new long[] { 2, 3 }, new long[] { 3, 1 }, new float[] { 0, 1, 2, 3, 4, 5 })]
    [InlineData(0, new long[] { 3, 2 }, new long[] { 1, 3 }, new float[] { 0, 3, 1, 4, 2, 5 })]
    [InlineData(1, new long[] { 2, 2 }, new long[] { 3, 1 }, new float[] { 1, 2, 4, 5 })]
    [InlineData(2, new long[] { 2, 3 }, new long[] { 3, 0 }, new float[] { 2, 2, 2, 5, 5, 5 })]
    [InlineData(0, new long[] { 2, 1, 3 }, new long[] { 3, 99, 1 }, new float[] { 0, 1, 2, 3, 4, 5 })]
    [InlineData(1, new long[] { 2 }, new long[] { 1 }, new float[] { 1, 2 })]
    [InlineData(5, new long[] { }, new long[] { }, new float[] { 5 })]
    [InlineData(6, new long[] { 3, 0 }, new long[] { 1, 1 }, new float[] { })]
    [InlineData(0, new long[] { int.MaxValue, int.MaxValue, int.MaxValue, 0 }, new long[] { 1, 1, 1, 1 }, new float[] { })]
    public void ViewsOfAStorageAreReadRowByRow(long offset, long[] shape, long[] strides, float[] expected)
    {
        WriteArchive(Path, new PickleBuilder().Tensor("Float", "0", 6, offset, shape, strides), ("data/0", Bytes(0, 1, 2, 3, 4, 5)));
        var tensor = Assert.Single(WeightFile.ReadAll(Path));
        Assert.Equal(shape, tensor.Shape.Select(size => (long)size));
        Assert.Equal(expected, tensor.Values);
    }

    [Fact]
    public void TensorsThatShareAStorageGetCopies()
    {
        var pickle = new PickleBuilder().Op("}(")
            .Text("a").Tensor("Float", "0", 2, 0, [2], [1])
            .Text("b").Tensor("Float", "0", 2, 0, [2], [1])
            .Text("c").Tensor("Float", "1", 0, 0, [0], [1]).Op("u");
        WriteArchive(Path, pickle, ("data/0", Bytes(7, 8)));
        var tensors = WeightFile.ReadAll(Path);
        tensors[0].Values[0] = 1;
        Assert.Equal([7, 8], tensors[1].Values);
        Assert.Empty(tensors[2].Values);
    }

    [Fact]
    public void TensorsAreNamedByTheKeysThatLeadToThem()
    {
        static PickleBuilder One(PickleBuilder pickle) => pickle.Tensor("Float", "0", 1, 0, [1], [1]);
        var pickle = new PickleBuilder().Op("}(").Text("lr").Op("G?\u00f0\0\0\0\0\0\0").Text("none").Op("N").Text("text").Text("x");
        One(pickle.Text("net").Global("collections", "OrderedDict").Op(")R(").Text("l.weight")).Text("device")
            .Global("torch", "device").Text("cpu").Raw(0x85).Op("Ru}").Text("_metadata").Op("}sb");
        One(pickle.Text("list").Op("](").Number(1)).Op("e");
        One(pickle.Text("tuple").Op("(")).Op("t");
        One(pickle.Text("pairs").Global("collections", "OrderedDict").Op("](").Text("k")).Raw(0x86).Op("e").Raw(0x85).Op("R");
        One(pickle.Number(7).Global("torch._utils", "_rebuild_parameter").Op("(")).Raw(0x88).Op("}tR");
        One(pickle.Text("set").Global("builtins", "set").Op("](")).Op("e").Raw(0x85).Op("R").Op("u");
        WriteArchive(Path, pickle, ("data/0", Bytes(3)));
        Assert.Equal(["net.l.weight", "list.1", "tuple.0", "pairs.k", "7", "set.0"], WeightFile.ReadAll(Path).Select(tensor => tensor.Name));
    }

    [Theory]
    [InlineData("os", "system")]
    [InlineData("posix", "system")]
    [InlineData("subprocess", "Popen")]
    [InlineData("builtins", "eval")]
    [InlineData("builtins", "exec")]
    [InlineData("builtins", "getattr")]
    [InlineData("__builtin__", "apply")]
    [InlineData("torch", "load")]
    [InlineData("torch.hub", "load")]
    [InlineData("torch._utils", "_rebuild_sparse_tensor")]
    [InlineData("torch", "os.system")]
    [InlineData("torch", "QInt8Storage")]
    [InlineData("numpy.core.multiarray", "_reconstruct")]
    [InlineData("__main__", "Net")]
    [InlineData("collections", "OrderedDict.fromkeys")]
    public void NothingThatAFileNamesIsRunAndTheWeightsBesideItAreRead(string module, string name)
    {
        PickleBuilder[] calls =
        [
            new PickleBuilder().Global(module, name).Op("(").Text("echo").Op("tR"),
            new PickleBuilder().Text(module).Text(name).Raw(0x93).Text("echo").Raw(0x85).Op("R"),
            new PickleBuilder().Global(module, name).Op(")").Raw(0x81),
            new PickleBuilder().Global(module, name).Op(")}").Raw(0x92),
            new PickleBuilder().Op("(").Text("echo").Op($"i{module}\n{name}\n"),
            new PickleBuilder().Op("(").Global(module, name).Text("echo").Op("o"),
            new PickleBuilder().Global(module, name).Op(")R}").Text("state").Number(1).Op("sb"),
            new PickleBuilder().Global(module, name).Op(")R)R"),
        ];
        Assert.All(calls, call =>
        {
            byte[] value = call.End()[2..^1];
            WriteArchive(Path, new PickleBuilder().Op("}(").Text("weight").Tensor("Float", "0", 1, 0, [1], [1]).Text("best").Raw(value).Op("u"), ("data/0", Bytes(1)));
            using var file = WeightFile.Open(Path);
            Assert.Equal([1], file.Read(Assert.Single(file.Tensors).Name).Values);
            Assert.Equal($"1 object of Python beside the tensors, not built and left aside: 'best' ({module}.{name}).", Assert.Single(file.Notes));
            WriteArchive(Path, new PickleBuilder().Raw(value));
            Assert.Contains($"it holds a whole object of Python, {module}.{name}, which only its code could build", Refusal(), StringComparison.Ordinal);
        });
        WriteArchive(
            Path, new PickleBuilder().Op("}").Text("weight").Tensor("Float", "0", 1, 0, [1], [1]).Op("s").Global(module, name).Op("0"), ("data/0", Bytes(1)));
        Assert.Equal([1], Assert.Single(WeightFile.ReadAll(Path)).Values);
    }

    [Fact]
    public void OnlyATensorThatAnUnknownFunctionMakesIsSaidToNeedCode()
    {
        var pickle = new PickleBuilder().Op("}(").Text("weight").Tensor("Float", "0", 1, 0, [1], [1])
            .Text("made").Global("mine", "rebuild").Op("(").Tensor("Float", "0", 1, 0, [1], [1]).Op("tR").Op("u");
        WriteArchive(Path, pickle, ("data/0", Bytes(1)));
        using var file = WeightFile.Open(Path);
        Assert.Equal([1], file.Read("weight").Values);
        Assert.Contains(
            "holds the tensor 'made', but it is not read: it is made by 'mine.rebuild', which might run code and is not run",
            Assert.Throws<FileContentException>(() => file.Read("made")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ObjectsThatAreDictionariesAreOnes()
    {
        static PickleBuilder One(PickleBuilder pickle) => pickle.Text("w").Tensor("Float", "0", 1, 0, [1], [1]);
        var pickle = new PickleBuilder().Op("}(").Text("default").Global("collections", "defaultdict").Global("__builtin__", "list").Raw(0x85).Op("R(");
        One(pickle).Op("u").Text("own").Global("mine", "Dict").Op(")").Raw(0x81).Op("(");
        One(pickle).Op("u").Text("odd").Op("}(").Op("K\u0001K\u0002\u0086").Tensor("Float", "0", 1, 0, [1], [1]).Op("uu");
        WriteArchive(Path, pickle, ("data/0", Bytes(1)));
        using var file = WeightFile.Open(Path);
        Assert.Equal(["default.w", "own.w"], file.Tensors.Select(tensor => tensor.Name));
        Assert.Equal("1 tensors stand under keys that are neither texts nor whole numbers, and were left aside.", Assert.Single(file.Notes));
    }

    [Fact]
    public void TensorsOfOtherKindsAreListedWithWhatToDo()
    {
        static PickleBuilder Storage(PickleBuilder pickle, string module, string type, string key, long count) =>
            pickle.Op("(").Text("storage").Global(module, type).Text(key).Text("cpu").Number(count).Op("tQ");
        var pickle = new PickleBuilder().Op("}(").Text("w").Tensor("Float", "0", 2, 0, [2], [1]).Text("complex").Tensor("ComplexDouble", "1", 1, 0, [1], [1]);
        Storage(pickle.Text("uint16").Global("torch._utils", "_rebuild_tensor_v3").Op("("), "torch.storage", "UntypedStorage", "2", 6)
            .Number(1).Numbers(2).Numbers(1).Raw(0x89).Op("}").Global("torch", "uint16").Op("tR");
        Storage(pickle.Text("float4").Global("torch._utils", "_rebuild_tensor_v3").Op("("), "torch.storage", "UntypedStorage", "2", 6)
            .Number(0).Numbers(99).Numbers(1).Raw(0x89).Op("}").Global("torch", "float4_e2m1fn_x2").Op("tR");
        Storage(pickle.Text("quantised").Global("torch._utils", "_rebuild_qtensor").Op("("), "torch", "QInt8Storage", "3", 2)
            .Number(0).Numbers(2).Numbers(1).Op("(tNN").Op("tR");
        pickle.Text("sparse").Global("torch._utils", "_rebuild_sparse_tensor").Op("(").Global("torch.serialization", "_get_layout")
            .Text("torch.sparse_coo").Raw(0x85).Op("R(").Tensor("Long", "4", 2, 0, [2, 1], [1, 1]).Tensor("Float", "5", 1, 0, [1], [1])
            .Global("torch", "Size").Numbers(3, 3).Raw(0x85).Op("Rt").Op("tR");
        pickle.Text("derived").Global("torch._tensor", "_rebuild_from_type_v2").Op("(").Global("torch._utils", "_rebuild_tensor_v2").Global("mine", "Weight").Op("(");
        Storage(pickle, "torch", "FloatStorage", "0", 2).Number(1).Numbers(1).Numbers(1).Raw(0x89).Op("}t}").Op("tR").Op("u");
        WriteArchive(Path, pickle, ("data/0", Bytes(5, 6)), ("data/2", [1, 0, 2, 0, 255, 255]));

        using var file = WeightFile.Open(Path);
        Assert.Equal(
            "w [2] float32 read; complex [1] complex128 its numbers are of the type 'complex128'; uint16 [2] uint16 read; "
            + "float4 [99] float4_e2m1fn_x2 its numbers are of the type 'float4_e2m1fn_x2'; quantised [2] qint8 it is quantised: save it again after "
            + "tensor.dequantize(); sparse [3, 3] sparse it is sparse: save it again after tensor.to_dense(); derived [1] float32 read",
            string.Join("; ", file.Tensors.Select(tensor => $"{tensor.Name} {tensor.ShapeText} {tensor.Type} {tensor.Unreadable?.Split(';')[0] ?? "read"}")));
        Assert.Equal([2, 65535], file.Read("uint16").Values);
        Assert.Equal([6], file.Read("derived").Values);
        Assert.Empty(file.Notes);
    }

    [Fact]
    public void ALargeModelIsReadAndAPickleOfNothingButObjectsTakesLittle()
    {
        const int Count = 100_000;
        var large = new PickleBuilder().Op("}(");
        for (int i = 0; i < Count; i++)
        {
            large.Text($"model.layers.{i}.weight").Tensor("Float", "0", 6, 0, [2, 3], [3, 1]).Op("q\0");
            if (i % 1000 == 999) large.Op("u(");
        }

        WriteArchive(Path, large.Op("u"), ("data/0", Bytes(0, 1, 2, 3, 4, 5)));
        using (var file = WeightFile.Open(Path)) Assert.Equal([0, 1, 2, 3, 4, 5], file.Read($"model.layers.{file.Tensors.Count - 1}.weight").Values);
        foreach (string things in (string[])["}", "}\u0094", "](", "K\u0001\u0085", "U\u0001x"])
        {
            WriteArchive(Path, new PickleBuilder().Op(string.Concat(Enumerable.Repeat(things, (12 << 20) / things.Length))));
            Assert.Contains("piles up far more things than weights need", RefusalWithoutAllocating(), StringComparison.Ordinal);
        }

        WriteArchive(Path, new PickleBuilder().Op("N").Op(string.Concat(Enumerable.Repeat("\u0094", 12 << 20))));
        Assert.Contains("piles up far more things", RefusalWithoutAllocating(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\u0082\u0001", "the instruction 0x82")]
    [InlineData("\u0097", "the instruction 0x97")]
    [InlineData("Pevil\n", "a storage that is not described as PyTorch does")]
    [InlineData("Nb", "its pickle is damaged")]
    [InlineData("NNb", "its pickle is damaged")]
    [InlineData("ctorch._utils\n_rebuild_tensor_v2\n)R", "it calls 'torch._utils._rebuild_tensor_v2' with other arguments than PyTorch does")]
    [InlineData("ccollections\nOrderedDict\nNR", "its pickle is damaged")]
    [InlineData("NQ", "a storage that is not described as PyTorch does")]
    [InlineData("h\u0001", "its pickle is damaged")]
    [InlineData("0", "its pickle is damaged")]
    [InlineData("N(0", "its pickle is damaged")]
    [InlineData("t", "its pickle is damaged")]
    [InlineData("Na", "its pickle is damaged")]
    [InlineData("}Ns", "its pickle is damaged")]
    [InlineData("X\u00ff\u00ff\u00ff\u007f", "its pickle is damaged")]
    [InlineData("\u008e\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff", "its pickle is damaged")]
    [InlineData("I12", "its pickle is damaged")]
    [InlineData("I1x\n", "its pickle is damaged")]
    [InlineData("N", "it holds no tensors")]
    [InlineData("](I1\nI2\ne", "it holds no tensors")]
    [InlineData("]q\u0001h\u0001a", "its containers hold themselves")]
    [InlineData("}q\u0001I1\nh\u0001s", "its containers hold themselves")]
    [InlineData("}(I1\nNI1\nNu", "a dictionary with the key '1' twice")]
    public void OtherPicklesAreRefusedInOneSentence(string instructions, string expected)
    {
        WriteArchive(Path, new PickleBuilder().Op(instructions));
        string message = Refusal();
        Assert.StartsWith($"'{Path}' is no usable PyTorch file: ", message, StringComparison.Ordinal);
        Assert.Contains(expected, message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1L << 40, 0, new long[] { 2 }, new long[] { 1 }, "its storage '0' has 1099511627776 numbers; at most")]
    [InlineData(3, 0, new long[] { 2 }, new long[] { 1 }, "has 8 bytes, but 3 numbers")]
    [InlineData(2, 0, new long[] { 3 }, new long[] { 1 }, "reaches beyond its storage of 2 numbers")]
    [InlineData(2, 1, new long[] { 2 }, new long[] { 1 }, "reaches beyond")]
    [InlineData(2, long.MaxValue, new long[] { 2 }, new long[] { long.MaxValue }, "reaches beyond")]
    [InlineData(2, 0, new long[] { int.MaxValue }, new long[] { 0 }, "far more numbers than the file")]
    [InlineData(2, 0, new long[] { 1 << 20, 1 << 20, 1 << 20, 1 << 20, 1 << 20, 1 << 20, 1 << 20 }, new long[] { 0, 0, 0, 0, 0, 0, 0 }, "far more numbers")]
    [InlineData(2, 0, new long[] { 1L << 40 }, new long[] { 0 }, "negative or too large")]
    [InlineData(2, 0, new long[] { -1 }, new long[] { 1 }, "negative or too large")]
    [InlineData(2, 1, new long[] { 2 }, new long[] { -1 }, "negative or too large")]
    [InlineData(2, -1, new long[] { 1 }, new long[] { 1 }, "do not fit")]
    [InlineData(2, 0, new long[] { 1 }, new long[] { }, "do not fit")]
    [InlineData(2, 0, new long[] { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 }, new long[] { 1 }, "17 dimensions; at most 16")]
    [InlineData(-2, 0, new long[] { 1 }, new long[] { 1 }, "not described as PyTorch does")]
    public void ClaimsBeyondTheFileAreRefusedBeforeAnythingIsAllocated(long count, long offset, long[] shape, long[] strides, string expected)
    {
        WriteArchive(Path, new PickleBuilder().Tensor("Float", "0", count, offset, shape, strides), ("data/0", Bytes(1, 2)));
        Assert.Contains(expected, RefusalWithoutAllocating(), StringComparison.Ordinal);
    }

    [Fact]
    public void ManyTensorsOfOneSmallStorageDoNotFillTheMemory()
    {
        var pickle = new PickleBuilder().Op("](");
        for (int i = 0; i < 200; i++) pickle.Tensor("Float", "0", 1, 0, [1 << 20], [0]);
        WriteArchive(Path, pickle.Op("e"), ("data/0", Bytes(1)));
        Assert.Contains("far more numbers than the file", RefusalWithoutAllocating(), StringComparison.Ordinal);
    }

    [Fact]
    public void ContainersThatUnfoldWithoutEndAreRefusedQuickly()
    {
        // A list of a thousand times the list before, over and over; and a list of pairs made into a dictionary over and over.
        var folded = new PickleBuilder().Op("]q\u0000");
        for (int level = 1; level < 20; level++)
            folded.Op("](").Op(string.Concat(Enumerable.Repeat($"h{(char)(level - 1)}", 1000))).Op($"eq{(char)level}");
        var copied = new PickleBuilder().Op("](").Op(string.Concat(Enumerable.Repeat("K\u0001K\u0001\u0086", 10_000))).Op("eq\u0001")
            .Global("collections", "OrderedDict").Op("q\u00020](").Op(string.Concat(Enumerable.Repeat("h\u0002h\u0001\u0085R", 10_000))).Op("e");
        WriteArchive(Path, folded);
        Assert.Contains("its containers hold themselves, more than 1000000 things", RefusalWithoutAllocating(), StringComparison.Ordinal);
        WriteArchive(Path, copied);
        Assert.Contains("its pickle copies more than 1000000 things", RefusalWithoutAllocating(), StringComparison.Ordinal);

        WriteArchive(Path, new PickleBuilder().Op("}").Text(new string('x', 2000)).Op("}s"));
        Assert.Contains("a name of more than 1000 letters, 'xxx", Refusal(), StringComparison.Ordinal);
    }

    [Fact]
    public void WhatIsAmbiguousIsRefused()
    {
        static PickleBuilder Pickle(string first, string second) => new PickleBuilder().Op("}(")
            .Text(first).Tensor("Float", "0", 1, 0, [1], [1]).Text(second).Op("}").Text("b").Tensor("Float", "0", 1, 0, [1], [1]).Op("su");
        WriteArchive(Path, Pickle("a.b", "a"), ("data/0", Bytes(1)));
        Assert.Contains("it names two tensors 'a.b'", Refusal(), StringComparison.Ordinal);
        WriteArchive(Path, Pickle("a", "b"), ("data/0", Bytes(1)), ("data/0", Bytes(2)));
        Assert.Contains("it has two entries 'net/data/0'", Refusal(), StringComparison.Ordinal);
        WriteArchive(Path, Pickle("a", "b"), ("data/0", Bytes(1)), ("../old/data.pkl", new PickleBuilder().End()), ("byteorder", "up"u8.ToArray()));
        Assert.Contains("the order of its bytes is 'up'", Refusal(), StringComparison.Ordinal);
        WriteZip(Path, CompressionLevel.NoCompression, ("a/data.pkl", Pickle("a", "b").End()), ("b/data.pkl", Pickle("a", "b").End()));
        Assert.Contains("it has more than one data.pkl", Refusal(), StringComparison.Ordinal);

        var twoTypes = new PickleBuilder().Op("](").Tensor("Float", "0", 1, 0, [1], [1]).Tensor("Int", "0", 1, 0, [1], [1]).Op("e");
        WriteArchive(Path, twoTypes, ("data/0", Bytes(1)));
        Assert.Contains("its storage '0' is described in two ways", Refusal(), StringComparison.Ordinal);

        WriteArchive(Path, new PickleBuilder().Op("}").Numbers(1).Tensor("Float", "0", 1, 0, [1], [1]).Op("s"), ("data/0", Bytes(1)));
        Assert.Contains("its 1 tensors stand under keys that are neither texts nor whole numbers", Refusal(), StringComparison.Ordinal);
    }

    [Fact]
    public void AViewThatHasYetToBeNegatedIsRefused()
    {
        var pickle = new PickleBuilder().Global("torch._utils", "_rebuild_tensor_v2").Op("(")
            .Op("(").Text("storage").Global("torch", "FloatStorage").Text("0").Text("cpu").Number(1).Op("tQ")
            .Number(0).Numbers(1).Numbers(1).Raw(0x89).Op("}}").Text("neg").Raw(0x88).Op("stR");
        WriteArchive(Path, pickle, ("data/0", Bytes(1)));
        Assert.Contains("holds the tensor 'tensor', but it is not read: it is a lazy view", Refusal(), StringComparison.Ordinal);
    }

    [Fact]
    public void OtherArchivesAreRefused()
    {
        byte[] pickle = new PickleBuilder().Tensor("Float", "0", 1, 0, [1], [1]).End();
        WriteZip(Path, CompressionLevel.NoCompression, ("readme", [1]));
        Assert.Contains("a zip archive with neither data.pkl", Refusal(), StringComparison.Ordinal);
        WriteZip(Path, CompressionLevel.NoCompression, ("net/data.pkl", pickle));
        Assert.Contains("its entry 'net/data/0' is missing", Refusal(), StringComparison.Ordinal);
        WriteZip(Path, CompressionLevel.NoCompression, ("net/data.pkl", pickle), ("net/data/0", Bytes(1)), ("net/constants.pkl", [1]));
        Assert.Contains("TorchScript", Refusal(), StringComparison.Ordinal);
        WriteZip(Path, CompressionLevel.SmallestSize, ("net/data.pkl", pickle), ("net/data/0", Bytes(1)));
        Assert.Contains("its entries are compressed", Refusal(), StringComparison.Ordinal);
        WriteZip(Path, CompressionLevel.NoCompression, ("data.pkl", pickle), ("data/0", Bytes(4)));
        Assert.Equal([4], Assert.Single(WeightFile.ReadAll(Path)).Values);
        File.WriteAllBytes(Path, [0x80, 2, 0x8a, 10]);
        Assert.Contains("it is a pickle of Python, not a file of torch.save", Refusal(), StringComparison.Ordinal);
        File.WriteAllBytes(Path, []);
        Assert.Contains("it is empty", Refusal(), StringComparison.Ordinal);
    }

    [Fact]
    public void AFileThatIsCutShortAnywhereIsRefused()
    {
        byte[] whole = Network();
        for (int length = 0; length < whole.Length; length++)
        {
            File.WriteAllBytes(Path, whole[..length]);
            Refusal();
        }
    }

    [Fact]
    public void AChangedByteIsNoticedOrMakesNoDifference()
    {
        byte[] whole = Network();
        var expected = WeightFile.ReadAll(Path);
        var random = new Random(1);
        int refused = 0;
        for (int trial = 0; trial < 1500; trial++)
        {
            byte[] changed = [.. whole];
            changed[random.Next(whole.Length)] ^= (byte)(1 << random.Next(8) | random.Next(2));
            File.WriteAllBytes(Path, changed);
            try
            {
                var read = WeightFile.ReadAll(Path);
                Assert.Equal(expected.Select(Described), read.Select(Described));
            }
            catch (FileContentException)
            {
                refused++;
            }
        }

        Assert.InRange(refused, 500, 1500);
    }

    [Fact]
    public void AChangedWeightIsNoticed()
    {
        byte[] whole = Network();
        int at = whole.AsSpan().IndexOf(Bytes(1, 2, 3, 4, 5, 6));
        whole[at + 3] ^= 0x80;
        File.WriteAllBytes(Path, whole);
        Assert.Contains("its entry 'net/data/0' does not fit its checksum", Refusal(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("fixtures/pth/module_load.pth", "lin1.weight [1, 5] 1 1..1 = 5; lin2.weight [2, 1] 1 1..1 = 2")]
    [InlineData("fixtures/pth/tensors.pth", "arr [6] 1 2..6 = 21; arr_2d [2, 3] 1 2..6 = 21")]
    [InlineData("fixtures/pth/test.pt", "test [2, 4] 1 2..8 = 36")]
    [InlineData("fixtures/pth/test_with_key.pt", "model_state_dict.test [2, 4] 1 2..8 = 36")]
    [InlineData(
        "models/released_tms_5-2/tms.pth",
        "linear1.weight [2, 5] 0.792743 1.02113..1.12649 = 0.07029; linear2.weight [5, 2] 0.792743 -0.806523..1.12649 = 0.07029; "
        + "linear2.bias [5] -0.240949 -0.246256..-0.239288 = -1.222")]
    [InlineData(
        "models/released_resid_mlp1_target/resid_mlp.pth",
        "W_E [100, 1000] 0.0199729 0.0600653..-0.0398284 = -7.734; W_U [1000, 100] 0.0199729 0.00543495..-0.0398284 = -7.734; "
        + "layers.0.mlp_in.weight [50, 1000] -0.0117825 0.0601191..-0.0376875 = -7.616; "
        + "layers.0.mlp_out.weight [1000, 50] 0.0997398 0.0292727..0.020979 = -14.91")]
    [InlineData(
        "models/mnist_mlp/model_epoch_12.pt",
        "layers.0.W [784, 100] -0.000267386 0.0191587..0.00198625 = -208.5; layers.0.b [100] -0.0946338 0.0278464..0.0147996 = 2.424; "
        + "layers.1.W [100, 100] 0.0256853 -0.106143..-0.0653347 = 85.19; layers.1.b [100] 0.171111 0.204497..0.00268429 = 5.861; "
        + "layers.2.W [100, 10] -0.00537249 -0.310885..0.209169 = -41.37; layers.2.b [10] -0.0380797 0.0671304..0.0430027 = 0.1596")]
    public void FilesOfPyTorchAreRead(string name, string expected) =>
        Assert.Equal(expected, string.Join("; ", WeightFile.ReadAll(SharedFiles.Find(name)).Select(Described)));

    [Fact]
    public void AFortranOrderedFileIsReadRowByRow()
    {
        var tensor = Assert.Single(WeightFile.ReadAll(SharedFiles.Find("fixtures/pth/fortran_tensor_3d.pth")));
        Assert.Equal("tensor_fortran", tensor.Name);
        Assert.Equal([2, 3, 4], tensor.Shape);
        Assert.Equal(Enumerable.Range(1, 24).Select(i => (float)i), tensor.Values);
    }

    [Fact]
    public void AnOptimizersFileIsRead()
    {
        var tensors = WeightFile.ReadAll(SharedFiles.Find("fixtures/pth/adamw_load.pth")).ToDictionary(tensor => tensor.Name);
        Assert.Equal(14, tensors.Count);
        Assert.Equal("state.0.step [] 1 0..1 = 1", Described(tensors["state.0.step"]));
        Assert.Equal(0.442641759, tensors["state.2.exp_avg"].Values.Sum(value => (double)value), 1e-8);
        Assert.Equal(0.0800360698, tensors["state.2.max_exp_avg_sq"].Values.Sum(value => (double)value), 1e-8);
    }

    [Fact]
    public void ADecompositionOfTheAuthorsIsRead()
    {
        var tensors = WeightFile.ReadAll(SharedFiles.Find("models/released_tms_5-2/model_40000.pth")).ToDictionary(tensor => tensor.Name);
        Assert.Equal(16, tensors.Count);
        var (a, b) = (tensors["components.linear1.A"], tensors["components.linear2.B"]);
        Assert.Equal([5, 20], a.Shape);
        Assert.Equal([20, 5], b.Shape);
        // Tied: each is the other's transpose, of one storage.
        for (int row = 0; row < 5; row++)
            for (int column = 0; column < 20; column++) Assert.Equal(a.Values[row * 20 + column], b.Values[column * 5 + row]);
        Assert.Equal(-71.8946376, tensors["gates.linear2.mlp_out"].Values.Sum(value => (double)value), 1e-6);
    }

    private static string Described(TensorData tensor) => string.Create(
        CultureInfo.InvariantCulture,
        $"{tensor.Name} {tensor.ShapeText} {tensor.Values[0]:G6} {tensor.Values.ElementAtOrDefault(1):G6}..{tensor.Values[^1]:G6}"
        + $" = {tensor.Values.Sum(value => (double)value):G4}");

    private byte[] Network()
    {
        var pickle = new PickleBuilder().Global("collections", "OrderedDict").Op(")R(")
            .Text("linear.weight").Tensor("Float", "0", 6, 0, [3, 2], [1, 3])
            .Text("linear.bias").Tensor("Half", "1", 2, 0, [2], [1]).Op("u");
        WriteArchive(Path, pickle, ("byteorder", "little"u8.ToArray()), ("data/0", Bytes(1, 2, 3, 4, 5, 6)), ("data/1", [0, 0x3c, 0, 0xc0]), ("version", [51]));
        return File.ReadAllBytes(Path);
    }

    private string Refusal() => Assert.Throws<FileContentException>(() => WeightFile.ReadAll(Path)).Message;

    private string RefusalWithoutAllocating()
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        string message = Refusal();
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 256 << 20);
        return message;
    }
}
