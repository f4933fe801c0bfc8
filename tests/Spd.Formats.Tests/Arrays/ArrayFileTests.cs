using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using static Spd.Formats.Tests.PickleBuilder;

namespace Spd.Formats.Tests;

public sealed class ArrayFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("<f8", "000000000000f03f00000000000000c0", new float[] { 1, -2 })]
    [InlineData(">f8", "3ff0000000000000c000000000000000", new float[] { 1, -2 })]
    [InlineData("<f4", "0000803f000000c0", new float[] { 1, -2 })]
    [InlineData(">f4", "3f800000c0000000", new float[] { 1, -2 })]
    [InlineData("<f2", "003c00c0", new float[] { 1, -2 })]
    [InlineData(">f2", "3c00c000", new float[] { 1, -2 })]
    [InlineData("<i8", "0100000000000000feffffffffffffff", new float[] { 1, -2 })]
    [InlineData(">i8", "0000000000000001fffffffffffffffe", new float[] { 1, -2 })]
    [InlineData("<i4", "01000000feffffff", new float[] { 1, -2 })]
    [InlineData(">i4", "00000001fffffffe", new float[] { 1, -2 })]
    [InlineData("<i2", "0100feff", new float[] { 1, -2 })]
    [InlineData(">i2", "0001fffe", new float[] { 1, -2 })]
    [InlineData("|i1", "01fe", new float[] { 1, -2 })]
    [InlineData("<u8", "01000000000000000000000001000000", new[] { 1, 4294967296f })]
    [InlineData(">u4", "00000001fffffffe", new[] { 1, 4294967294f })]
    [InlineData("<u2", "0100feff", new float[] { 1, 65534 })]
    [InlineData("|u1", "01fe", new float[] { 1, 254 })]
    [InlineData("|b1", "0100", new float[] { 1, 0 })]
    public void NumbersOfEveryTypeBecomeFloat32(string type, string bytes, float[] expected)
    {
        var array = Read("x.npy", Numpy(type, "False", "(2,)", Convert.FromHexString(bytes)));
        Assert.Equal("x", array.Name);
        Assert.Equal([2], array.Shape);
        Assert.Equal(expected, array.Values);
    }

    [Theory]
    [InlineData("False", "(2, 3)", new[] { 2, 3 }, new float[] { 1, 2, 3, 4, 5, 6 })]
    [InlineData("True", "(2, 3)", new[] { 2, 3 }, new float[] { 1, 3, 5, 2, 4, 6 })]
    [InlineData("True", "(1, 3, 2)", new[] { 1, 3, 2 }, new float[] { 1, 4, 2, 5, 3, 6 })]
    [InlineData("False", "(6L,)", new[] { 6 }, new float[] { 1, 2, 3, 4, 5, 6 })]
    [InlineData("False", "( 3,2 ) ", new[] { 3, 2 }, new float[] { 1, 2, 3, 4, 5, 6 })]
    public void RowsComeBeforeColumnsInEitherOrder(string isFortran, string shape, int[] expectedShape, float[] expected)
    {
        var array = Read("x.npy", Numpy("<f4", isFortran, shape, Bytes(1, 2, 3, 4, 5, 6)));
        Assert.Equal(expectedShape, array.Shape);
        Assert.Equal(expected, array.Values);
    }

    [Fact]
    public void SingleNumbersAndEmptyArraysAreArrays()
    {
        var one = Read("one.npy", Numpy("<f4", "False", "()", Bytes(7)));
        Assert.Empty(one.Shape);
        Assert.Equal([7], one.Values);
        Assert.Equal([2147483647, 0, 2147483647], Read("none.npy", Numpy("<f8", "True", "(2147483647, 0, 2147483647)", [])).Shape);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    public void LaterVersionsHaveLongerHeaders(byte version) =>
        Assert.Equal([5], Read("x.npy", Numpy("<f4", "False", "(1,)", Bytes(5), version)).Values);

    [Theory]
    [InlineData("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", "it holds Python objects, whose reading might run code")]
    [InlineData("{'descr': [('a', '<f4'), ('b', '|O')], 'fortran_order': False, 'shape': (1,), }", "it is a table of named fields")]
    [InlineData("{'descr': '<c8', 'fortran_order': False, 'shape': (1,), }", "its numbers are of the type '<c8'; f8, f4,")]
    [InlineData("{'descr': '<U4', 'fortran_order': False, 'shape': (1,), }", "its numbers are of the type '<U4'")]
    [InlineData("{'descr': 'f4', 'fortran_order': False, 'shape': (1,), }", "its numbers are of the type 'f4'")]
    [InlineData("{'descr': '<M8[ns]', 'fortran_order': False, 'shape': (1,), }", "its numbers are of the type '<M8[ns]'")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (2147483647, 2147483647), }", "more than the file can hold")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", "claims the shape [2] of numbers of 4 bytes, more than the file can hold")]
    [InlineData("{'descr': '|u1', 'fortran_order': False, 'shape': (3,), }", "bytes that belong to nothing follow its 3 numbers")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296,), }", "a dimension of 4294967296")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }", "is not as NumPy writes it")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }", "is not as NumPy writes it")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (1 1), }", "is not as NumPy writes it")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (1,)", "is not as NumPy writes it")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} x", "is not as NumPy writes it")]
    [InlineData("{'descr': '<f4', 'fortran_order': None, 'shape': (1,)}", "is not as NumPy writes it")]
    [InlineData("{'descr': '<f4', 'fortran_order': False}", "is not as NumPy writes it")]
    [InlineData("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", "has the key 'descr', which is unknown or stands twice")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'more': 1}", "has the key 'more', which is unknown")]
    [InlineData("__import__('os').system('echo')", "is not as NumPy writes it")]
    [InlineData("", "is not as NumPy writes it")]
    public void OtherHeadersAreRefusedInOneSentence(string header, string expected)
    {
        string message = Refusal("x.npy", Numpy(header, [0, 0, 0, 0], 1));
        Assert.StartsWith($"'{_folder["x.npy"]}' is no usable array: ", message, StringComparison.Ordinal);
        Assert.Contains(expected, message, StringComparison.Ordinal);
    }

    [Fact]
    public void OneArrayOfAnArchiveIsChosenByName()
    {
        (string, byte[])[] arrays = [("x.npy", Numpy("<f4", "False", "(1,)", Bytes(1))), ("a:b.npy", Numpy("<f4", "False", "(2,)", Bytes(2, 3)))];
        string path = _folder["two.npz"];
        foreach (var level in (CompressionLevel[])[CompressionLevel.NoCompression, CompressionLevel.SmallestSize])
        {
            WriteZip(path, level, arrays);
            Assert.Equal([1], ArrayFile.Read($"{path}:x").Values);
            Assert.Equal([2, 3], ArrayFile.Read($"{path}:a:b").Values);
            Assert.Equal("a:b", ArrayFile.Read($"{path}:a:b").Name);
            using var file = ArrayFile.Open(path);
            Assert.Equal(["x [1] float32", "a:b [2] float32"], file.Arrays.Select(array => $"{array.Name} {array.ShapeText} {array.Type}"));
        }

        Assert.Contains("it holds the arrays 'x', 'a:b': choose one", Refusal(path), StringComparison.Ordinal);
        Assert.Contains("it holds no array 'y'; there are 'x', 'a:b'", Refusal($"{path}:y"), StringComparison.Ordinal);
        WriteZip(path, CompressionLevel.SmallestSize, arrays[0]);
        Assert.Equal([1], ArrayFile.Read(path).Values);
        WriteZip(path, CompressionLevel.SmallestSize, ("x.npy", Numpy("|O", "False", "(1,)", [0])));
        Assert.Contains("of its array 'x': it holds Python objects", Refusal(path), StringComparison.Ordinal);
        WriteZip(path, CompressionLevel.SmallestSize, ("readme", [0]));
        Assert.Contains("it is a zip archive that holds no .npy files", Refusal(path), StringComparison.Ordinal);
        File.Move(path, _folder["named.npz:x"]);
        Assert.Contains("it is a zip archive that holds no .npy files", Refusal(_folder["named.npz:x"]), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0x08, "01fe", new float[] { 1, 254 })]
    [InlineData(0x09, "01fe", new float[] { 1, -2 })]
    [InlineData(0x0b, "0001fffe", new float[] { 1, -2 })]
    [InlineData(0x0c, "00000001fffffffe", new float[] { 1, -2 })]
    [InlineData(0x0d, "3f800000c0000000", new float[] { 1, -2 })]
    [InlineData(0x0e, "3ff0000000000000c000000000000000", new float[] { 1, -2 })]
    public void IdxFilesOfEveryTypeAreReadCompressedOrNot(byte type, string bytes, float[] expected)
    {
        byte[] content = Idx(type, [2, 1], Convert.FromHexString(bytes));
        foreach (var array in (TensorData[])[Read("x-idx2-ubyte", content), Read("x-idx2-ubyte.gz", Zipped(content))])
        {
            Assert.Equal("x-idx2-ubyte", array.Name);
            Assert.Equal([2, 1], array.Shape);
            Assert.Equal(expected, array.Values);
        }

        Assert.Equal([1], Read("x.npy.gz", Zipped(Numpy("|u1", "False", "(1,)", [1]))).Values);
    }

    [Fact]
    public void OtherIdxFilesAreRefused()
    {
        Assert.Contains("there is no type of numbers 0x0a", Refusal("x", Idx(0x0a, [1], [1])), StringComparison.Ordinal);
        Assert.Contains("it has 0 dimensions", Refusal("x", Idx(0x08, [], [1])), StringComparison.Ordinal);
        Assert.Contains("it has 255 dimensions", Refusal("x", [0, 0, 8, 255, 1]), StringComparison.Ordinal);
        Assert.Contains("a dimension of 4294967295", Refusal("x", Idx(0x08, [uint.MaxValue], [1])), StringComparison.Ordinal);
        Assert.Contains("more than the file can hold", Refusal("x", Idx(0x08, [int.MaxValue, int.MaxValue], [1])), StringComparison.Ordinal);
        Assert.Contains("more than the file can hold", Refusal("x", Idx(0x08, [2], [1])), StringComparison.Ordinal);
        Assert.Contains("bytes that belong to nothing follow its 1 numbers", Refusal("x", Idx(0x08, [1], [1, 2])), StringComparison.Ordinal);
        Assert.Contains("more than the file can hold", Refusal("x", Zipped(Idx(0x08, [1 << 30], [1]))), StringComparison.Ordinal);
        Assert.Contains("it is cut short", Refusal("x", Zipped(Idx(0x08, [20], [1]))), StringComparison.Ordinal);
        Assert.Contains("bytes that belong to nothing follow", Refusal("x", Zipped(Idx(0x08, [1], new byte[50_000_000]))), StringComparison.Ordinal);
        Assert.Contains("it is a text, but no table", Refusal("x", "hello world"u8.ToArray()), StringComparison.Ordinal);
        Assert.Contains("neither NumPy's", Refusal("x", [1, 2, 3, 4, 5]), StringComparison.Ordinal);
        Assert.Contains("it is empty", Refusal("x", []), StringComparison.Ordinal);
        Assert.Throws<FileNotFoundException>(() => ArrayFile.Read(_folder["missing.npy"]));
        Read("named.npy", Numpy("|u1", "False", "(1,)", [1]));
    }

    [Fact]
    public void AShapeIsKnownBeforeNumbersAreRead()
    {
        const int Rows = 1 << 20;
        byte[] header = Numpy("<f4", "False", $"({Rows}, 100)", []), zipped = Zipped([.. header, .. new byte[400 * Rows]]);
        foreach (byte[] content in (byte[][])[zipped, header])
        {
            File.WriteAllBytes(_folder["x"], content);
            if (content == header)
            {
                using var sparse = new FileStream(_folder["x"], FileMode.Open);
                sparse.SetLength(header.Length + 400L * Rows);
            }

            long before = GC.GetAllocatedBytesForCurrentThread();
            using (var file = ArrayFile.Open(_folder["x"])) Assert.Equal([Rows, 100], file.Choose().Shape);
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 200_000);
        }

        WriteZip(_folder["x"], CompressionLevel.SmallestSize, ("y.npy", [.. header, .. new byte[400 * Rows]]));
        using var archive = ArrayFile.Open(_folder["x"]);
        Assert.Equal([Rows, 100], archive.Choose().Shape);
    }

    [Fact]
    public void CompressedFilesMayHaveSeveralMembersNamesAndPadding()
    {
        byte[] content = Idx(0x08, [3], [1, 2, 3]), empty = Zipped([]);
        byte[] named = [0x1f, 0x8b, 8, 0x1c, .. new byte[6], 2, 0, 7, 7, .. "name\0comment\0"u8, .. Zipped(content[7..])[10..]];
        byte[][] wholes =
        [
            [.. Zipped(content[..2]), .. Zipped(content[2..])],
            [.. Zipped(content[..7]), .. empty, .. named],
            [.. Zipped(content), .. new byte[1]],
            [.. Zipped(content), .. new byte[100_000]],
            [.. Zipped(content), .. empty, .. new byte[512]],
        ];
        Assert.All(wholes, whole => Assert.Equal([1, 2, 3], Read("x.gz", whole).Values));
        byte[] two = wholes[0];
        for (int length = 0; length < two.Length; length++) Refusal("x.gz", two[..length]);
        Assert.Contains("its compression is damaged", Refusal("x.gz", [.. two, 1]), StringComparison.Ordinal);
        Assert.Contains("its compression is damaged", Refusal("x.gz", [.. two, .. new byte[20_000], 1]), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n", "git lfs pull")]
    [InlineData("\n<!DOCTYPE html><html>", "it is a web page")]
    [InlineData("\u0008\0\0\0\0\0\0\0{}      ", "it is a safetensors file, which data are not read from: save the arrays that are meant with numpy.save(")]
    public void OtherFilesAreToldToBeWhatTheyAre(string content, string expected)
    {
        foreach (string name in (string[])["x.npy", "x.npz", "x.safetensors", "x.pt"])
        {
            File.WriteAllText(_folder[name], content);
            Assert.Contains(expected, Refusal(_folder[name]), StringComparison.Ordinal);
            Assert.Contains(expected, Refusal($"{_folder[name]}:y"), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void FilesOfPyTorchFoldersAndWorkbooksAreToldToBeThat()
    {
        WriteZip(_folder["x.pt"], CompressionLevel.NoCompression, ("x/data.pkl", [0]));
        Assert.Contains("it is a PyTorch file, which data are not read from: save the arrays", Refusal(_folder["x.pt"]), StringComparison.Ordinal);
        Assert.Contains("it is a PyTorch file", Refusal($"{_folder["x.pt"]}:weight"), StringComparison.Ordinal);
        WriteZip(_folder["x.xlsx"], CompressionLevel.NoCompression, ("xl/workbook.xml", [0]));
        Assert.Contains("it is an Excel workbook: save the sheet as CSV", Refusal(_folder["x.xlsx"]), StringComparison.Ordinal);
        Assert.Contains("it is a pickle", Refusal("x", [0x80, 4, 0x95]), StringComparison.Ordinal);
        Directory.CreateDirectory(_folder["folder.npz"]);
        Assert.Contains("it is a folder: name a file in it", Refusal(_folder["folder.npz"]), StringComparison.Ordinal);
        Assert.Contains("it is a folder: name a file in it", Refusal($"{_folder["folder.npz"]}:x"), StringComparison.Ordinal);
        Assert.Equal("none.npz", ArrayFile.FileOf("none.npz:x"));
        Assert.Equal("none:x", ArrayFile.FileOf("none:x"));
    }

    [Fact]
    public void AFileThatIsCutShortAnywhereIsRefused()
    {
        byte[] numpy = Numpy("<f4", "False", "(2,)", Bytes(1, 2)), zipped = Zipped(Idx(0x08, [3], [1, 2, 3]));
        WriteZip(_folder["whole.npz"], CompressionLevel.SmallestSize, ("x.npy", numpy));
        foreach (byte[] whole in (byte[][])[numpy, zipped, File.ReadAllBytes(_folder["whole.npz"])])
            for (int length = 0; length < whole.Length; length++) Refusal("x", whole[..length]);
    }

    [Fact]
    public void AChangedByteOfACompressedFileIsNoticedOrMakesNoDifference()
    {
        float[] expected = [.. Enumerable.Range(0, 200).Select(i => (float)(i * i % 251))];
        byte[] content = [.. expected.Select(value => (byte)value)];
        WriteZip(_folder["whole.npz"], CompressionLevel.SmallestSize, ("x.npy", Numpy("|u1", "False", "(200,)", content)));
        foreach (byte[] whole in (byte[][])[Zipped(Idx(0x08, [200], content)), File.ReadAllBytes(_folder["whole.npz"])])
        {
            for (int at = 0; at < whole.Length; at++)
            {
                byte[] changed = [.. whole];
                changed[at] ^= (byte)(1 << at % 8);
                try
                {
                    Assert.Equal(expected, Read("x", changed).Values);
                }
                catch (FileContentException)
                {
                    // As it should be.
                }
            }
        }
    }

    [Fact]
    public void AClassifierOfOthersKnowsMnistsDigits()
    {
        var images = ArrayFile.Read(SharedFiles.Find("models/mnist_mlp/t10k-images-idx3-ubyte.gz"));
        var labels = ArrayFile.Read(SharedFiles.Find("models/mnist_mlp/t10k-labels-idx1-ubyte.gz"));
        var weights = WeightFile.ReadAll(SharedFiles.Find("models/mnist_mlp/model_epoch_12.pt")).ToDictionary(tensor => tensor.Name);
        Assert.Equal([10000, 28, 28], images.Shape);
        Assert.Equal(264923200, images.Values.Sum(value => (double)value));
        Assert.Equal([7, 2, 1, 0, 4, 1, 4, 9, 5, 9], labels.Values[..10]);
        Assert.Equal(44434, labels.Values.Sum(value => (double)value));

        const int Examples = 1000;
        int right = 0;
        for (int example = 0; example < Examples; example++)
        {
            float[] activations = [.. images.Values.AsSpan(example * 784, 784).ToArray().Select(pixel => pixel / 255)];
            for (int layer = 0; layer < 3; layer++)
                activations = Layer(activations, weights[$"layers.{layer}.W"].Values, weights[$"layers.{layer}.b"].Values, isLast: layer == 2);
            if (Array.IndexOf(activations, activations.Max()) == labels.Values[example]) right++;
        }

        Assert.InRange(right, 960, Examples);
    }

    private static float[] Layer(float[] inputs, float[] weight, float[] bias, bool isLast)
    {
        float[] outputs = [.. bias];
        for (int i = 0; i < inputs.Length; i++)
            for (int o = 0; o < outputs.Length; o++) outputs[o] += inputs[i] * weight[i * outputs.Length + o];
        return isLast ? outputs : [.. outputs.Select(value => Math.Max(value, 0))];
    }

    private static byte[] Numpy(string type, string isFortran, string shape, byte[] data, byte version = 1) =>
        Numpy($"{{'descr': '{type}', 'fortran_order': {isFortran}, 'shape': {shape}, }}", data, version);

    private static byte[] Numpy(string header, byte[] data, byte version)
    {
        byte[] text = Encoding.ASCII.GetBytes(header.PadRight(118) + "\n"), length = BitConverter.GetBytes(text.Length);
        return [0x93, .. "NUMPY"u8, version, 0, .. length[..(version == 1 ? 2 : 4)], .. text, .. data];
    }

    private static byte[] Idx(byte type, uint[] shape, byte[] data) => [0, 0, type, (byte)shape.Length, .. shape.SelectMany(size =>
    {
        byte[] bytes = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, size);
        return bytes;
    }), .. data];

    private static byte[] Zipped(byte[] content)
    {
        using var bytes = new MemoryStream();
        using (var zip = new GZipStream(bytes, CompressionLevel.SmallestSize)) zip.Write(content);
        return bytes.ToArray();
    }

    private TensorData Read(string name, byte[] content)
    {
        File.WriteAllBytes(_folder[name], content);
        return ArrayFile.Read(_folder[name]);
    }

    private string Refusal(string name, byte[] content)
    {
        File.WriteAllBytes(_folder[name], content);
        return Refusal(_folder[name]);
    }

    private static string Refusal(string path) => Assert.Throws<FileContentException>(() => ArrayFile.Read(path)).Message;
}
