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
            var tensor = Assert.Single(WeightFile.Read(_folder[name]));
            Assert.Equal("w", tensor.Name);
            Assert.Equal([2], tensor.Shape);
            Assert.Equal([1, 2], tensor.Values);
        }
    }

    [Fact]
    public void OtherFilesAreRefusedInOneSentence()
    {
        Assert.Contains("it is neither PyTorch's (.pt, .pth), nor safetensors", Refusal("x.bin", "hello, world"u8.ToArray()), StringComparison.Ordinal);
        Assert.Contains("it is neither PyTorch's", Refusal("x.bin", []), StringComparison.Ordinal);
        Assert.Contains("0 bytes, too few", Refusal("x.safetensors", []), StringComparison.Ordinal);
        Assert.Contains("git lfs pull", Refusal("x.pt", "version https://git-lfs.github.com/spec/v1"u8.ToArray()), StringComparison.Ordinal);
        Assert.Contains("files of PyTorch before 1.6", Refusal("x.pt", [0x80, 2, 0x8a, 10, 0x6c]), StringComparison.Ordinal);
        Assert.Contains("a single array has no name", Refusal("x.npy", Array), StringComparison.Ordinal);
        Assert.Contains("no zip archive, or a damaged one", Refusal("x.pt", [.. "PK\u0003\u0004"u8, 1, 2, 3]), StringComparison.Ordinal);
        WriteZip(_folder["x.zip"], CompressionLevel.SmallestSize, ("readme", [1]));
        Assert.Contains("a zip archive with neither data.pkl", Refusal("x.zip", File.ReadAllBytes(_folder["x.zip"])), StringComparison.Ordinal);
        Assert.Throws<FileNotFoundException>(() => WeightFile.Read(_folder["missing.pt"]));
    }

    [Fact]
    public void ALanguageModelOfOthersIsRead()
    {
        var tensors = WeightFile.Read(SharedFiles.Find("models/stories260K/hf/model.safetensors"));
        Assert.Contains(tensors, tensor => tensor.Shape.SequenceEqual([512, 64]));
        Assert.All(tensors, tensor => Assert.All(tensor.Values, value => Assert.True(float.IsFinite(value))));
    }

    private string Refusal(string name, byte[] content)
    {
        File.WriteAllBytes(_folder[name], content);
        string message = Assert.Throws<FileContentException>(() => WeightFile.Read(_folder[name])).Message;
        Assert.StartsWith($"'{_folder[name]}' is no usable ", message, StringComparison.Ordinal);
        return message;
    }
}
