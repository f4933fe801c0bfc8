using System.IO.Compression;
using System.Text;
using static Spd.Formats.Tests.PickleBuilder;

namespace Spd.Formats.Tests;

public sealed class WeightFileTests : IDisposable
{
    private static readonly byte[] Array =
    [
        0x93, .. "NUMPY"u8, 1, 0, 118, 0,
        .. Encoding.ASCII.GetBytes("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }".PadRight(118)), .. Bytes(1, 2),
    ];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void TheContentSaysWhatAFileIs()
    {
        Safetensors.Write(_folder["a.pt"], [new("w", [2], [1, 2])]);
        WriteArchive(_folder["b.safetensors"], new PickleBuilder().Op("}").Text("w").Tensor("Float", "0", 2, 0, [2], [1]).Op("s"), ("data/0", Bytes(1, 2)));
        WriteZip(_folder["c"], CompressionLevel.SmallestSize, ("w.npy", Array));
        File.WriteAllText(_folder["model.safetensors.index.json"], """{"weight_map": {"w": "a.pt"}}""");
        foreach (string name in (string[])["a.pt", "b.safetensors", "c", "model.safetensors.index.json"])
        {
            var tensor = Assert.Single(WeightFile.ReadAll(_folder[name]));
            Assert.Equal("w", tensor.Name);
            Assert.Equal([2], tensor.Shape);
            Assert.Equal([1, 2], tensor.Values);
        }
    }

    [Fact]
    public void ATensorThatNobodyAsksForMayBeOfAnyType()
    {
        byte[] header = Encoding.ASCII.GetBytes(
            """{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"c":{"dtype":"C64","shape":[1],"data_offsets":[8,16]}}""");
        File.WriteAllBytes(_folder["a.safetensors"], [(byte)header.Length, 0, 0, 0, 0, 0, 0, 0, .. header, .. Bytes(1, 2, 3, 4)]);
        var pickle = new PickleBuilder().Op("}(").Text("w").Tensor("Float", "0", 2, 0, [2], [1]).Text("c").Tensor("ComplexFloat", "1", 1, 0, [1], [1]).Op("u");
        WriteArchive(_folder["b.pt"], pickle, ("data/0", Bytes(1, 2)), ("data/1", Bytes(3, 4)));
        byte[] objects = [.. Array];
        "|O8"u8.CopyTo(objects.AsSpan(objects.AsSpan().IndexOf("<f4"u8)));
        WriteZip(_folder["c.npz"], CompressionLevel.SmallestSize, ("w.npy", Array), ("c.npy", objects));
        foreach (string name in (string[])["a.safetensors", "b.pt", "c.npz"])
        {
            using var file = WeightFile.Open(_folder[name]);
            Assert.Equal(["w", "c"], file.Tensors.Select(tensor => tensor.Name));
            Assert.Null(file.Tensors[0].Unreadable);
            Assert.NotNull(file.Tensors[1].Unreadable);
            Assert.Equal([1, 2], file.Read("w").Values);
            Assert.Contains("holds the tensor 'c', but it is not read: ", Assert.Throws<FileContentException>(() => file.Read("c")).Message, StringComparison.Ordinal);
            Assert.Throws<FileContentException>(() => WeightFile.ReadAll(_folder[name]));
        }
    }

    [Fact]
    public void AnotherNameIsRefusedWithTheNamesThatThereAre()
    {
        Safetensors.Write(_folder["a.safetensors"], [.. Enumerable.Range(0, 1000).Select(i => new TensorData($"w\u001b[31m{i}", [1], [i]))]);
        using var file = WeightFile.Open(_folder["a.safetensors"]);
        string message = Assert.Throws<FileContentException>(() => file.Read("b\n")).Message;
        Assert.Contains("holds no tensor 'b '; it holds 'w\ufffd[31m0', 'w\ufffd[31m1',", message, StringComparison.Ordinal);
        Assert.EndsWith("'w\ufffd[31m9' … and 990 more", message, StringComparison.Ordinal);
    }

    [Fact]
    public void AFolderIsToldWithTheWeightFilesInIt()
    {
        Directory.CreateDirectory(_folder["model"]);
        Assert.EndsWith(
            "is a folder, and no weight file lies in it", Assert.Throws<FileContentException>(() => WeightFile.Open(_folder["model"])).Message, StringComparison.Ordinal);
        foreach (string name in (string[])["b.pt", "a.safetensors", "readme.md"]) File.WriteAllText(_folder[$"model/{name}"], "");
        Assert.EndsWith(
            "is a folder: name one of the weight files in it, 'a.safetensors', 'b.pt'",
            Assert.Throws<FileContentException>(() => WeightFile.Open(_folder["model"])).Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2", "git lfs pull")]
    [InlineData("\ufeff \n<!DOCTYPE html><html>", "it is a web page")]
    [InlineData("<html>", "it is a web page")]
    [InlineData("GGUF\u0003", "it is a GGUF file")]
    [InlineData("\u001f\u008b\u0008", "compressed with gzip")]
    [InlineData("BZh9", "compressed with bzip2")]
    public void PointersAndPagesAndFilesOfOthersAreKnownWhateverTheirName(string content, string expected)
    {
        byte[] bytes = content.Contains('\ufeff', StringComparison.Ordinal) ? Encoding.UTF8.GetBytes(content) : Encoding.Latin1.GetBytes(content);
        foreach (string name in (string[])["x.safetensors", "x.pt", "x.npz", "x"]) Assert.Contains(expected, Refusal(name, bytes), StringComparison.Ordinal);
        if (!expected.Contains("gzip", StringComparison.Ordinal)) Assert.Contains(expected, Refusal("x.safetensors.index.json", bytes), StringComparison.Ordinal);
    }

    [Fact]
    public async Task PipesAndDevicesAndPathsThatAreNoneEndInASentenceAndAreNotWaitedFor()
    {
        if (OperatingSystem.IsWindows()) return;
        using (var make = System.Diagnostics.Process.Start("mkfifo", _folder["pipe"])) await make.WaitForExitAsync(TestContext.Current.CancellationToken);
        foreach (string path in (string[])[_folder["pipe"], "/dev/zero", "/dev/null"])
        {
            Assert.Contains(
                "it is empty, or no regular file", Assert.Throws<FileContentException>(() => WeightFile.Open(path)).Message, StringComparison.Ordinal);
        }

        Assert.Contains("empty", Assert.Throws<IOException>(() => WeightFile.Open("")).Message, StringComparison.Ordinal);
        Assert.Contains("'a\ufffdb' is no path", Assert.Throws<IOException>(() => WeightFile.Open("a\0b")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void OtherFilesAreRefusedInOneSentence()
    {
        Assert.Contains("it is neither PyTorch's (.pt, .pth), nor safetensors", Refusal("x.bin", "hello, world"u8.ToArray()), StringComparison.Ordinal);
        Assert.Contains("it is empty", Refusal("x.bin", []), StringComparison.Ordinal);
        Assert.Contains("3 bytes, too few", Refusal("x.safetensors", [1, 2, 3]), StringComparison.Ordinal);
        Assert.Contains("git lfs pull", Refusal("x.pt", "version https://git-lfs.github.com/spec/v1"u8.ToArray()), StringComparison.Ordinal);
        Assert.Contains("it is a pickle of Python, not a file of torch.save", Refusal("x.pt", [0x80, 2, 0x8a, 10, 0x6c]), StringComparison.Ordinal);
        Assert.Contains("a single array has no name", Refusal("x.npy", Array), StringComparison.Ordinal);
        Assert.Contains("no zip archive, or a damaged one", Refusal("x.pt", [.. "PK\u0003\u0004"u8, 1, 2, 3]), StringComparison.Ordinal);
        WriteZip(_folder["x.zip"], CompressionLevel.SmallestSize, ("readme", [1]));
        Assert.Contains("a zip archive with neither data.pkl", Refusal("x.zip", File.ReadAllBytes(_folder["x.zip"])), StringComparison.Ordinal);
        Assert.Throws<FileNotFoundException>(() => WeightFile.ReadAll(_folder["missing.pt"]));
    }

    [Fact]
    public void ALanguageModelOfOthersIsRead()
    {
        var tensors = WeightFile.ReadAll(SharedFiles.Find("models/stories260K/hf/model.safetensors"));
        Assert.Contains(tensors, tensor => tensor.Shape.SequenceEqual([512, 64]));
        Assert.All(tensors, tensor => Assert.All(tensor.Values, value => Assert.True(float.IsFinite(value))));
    }

    private string Refusal(string name, byte[] content)
    {
        File.WriteAllBytes(_folder[name], content);
        string message = Assert.Throws<FileContentException>(() => WeightFile.ReadAll(_folder[name])).Message;
        Assert.StartsWith($"'{_folder[name]}' is no usable ", message, StringComparison.Ordinal);
        return message;
    }
}
