using System.Numerics;
using static Spd.Formats.Tests.PickleBuilder;

namespace Spd.Formats.Tests;

/// <summary>Files of PyTorch before 1.6: two were written by Python with each protocol of its pickles, others are made here.</summary>
public sealed class OldTorchFileTests : IDisposable
{
    private static readonly BigInteger Magic = BigInteger.Parse("119547037146038801333356", System.Globalization.CultureInfo.InvariantCulture);

    private readonly TemporaryFolder _folder = new();

    private string Path => _folder["net.pth"];

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void AFileIsReadAndItsStoragesMayBeShared()
    {
        File.WriteAllBytes(Path, Whole());
        using var file = WeightFile.Open(Path);
        Assert.Equal("PyTorch before 1.6", file.Format);
        Assert.Equal(["b.weight", "b.bias", "a"], file.Tensors.Select(tensor => tensor.Name));
        Assert.Equal([1, 3, 2, 4], file.Read("b.weight").Values);
        Assert.Equal([3, 4], file.Read("b.bias").Values);
        Assert.Equal([-1, 300], file.Read("a").Values);
    }

    [Fact]
    public void EveryProtocolOfPicklesIsRead()
    {
        foreach (string name in (string[])["protocol0", "protocol1", "protocol2", "protocol3", "protocol4", "protocol5"])
        {
            string path = System.IO.Path.Combine(AppContext.BaseDirectory, "Torch", "old", $"{name}.pt");
            using var file = WeightFile.Open(path);
            Assert.Equal("PyTorch before 1.6", file.Format);
            Assert.Equal(["model.linear.weight [2, 3] float32", "model.linear.bias [2] float64"], file.Tensors.Select(tensor => $"{tensor.Name} {tensor.ShapeText} {tensor.Type}"));
            Assert.Equal([0, 1, 2, 3, 4, 5], file.Read("model.linear.weight").Values);
            Assert.Equal([0.5f, -1], file.Read("model.linear.bias").Values);
            Assert.Contains("'args' (argparse.Namespace)", Assert.Single(file.Notes), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void AFileThatIsCutShortAnywhereIsRefused()
    {
        byte[] whole = Whole();
        for (int length = 0; length < whole.Length; length++) Refusal(whole[..length]);
        Assert.Contains("1 bytes after its last storage belong to none", Refusal([.. whole, 0]), StringComparison.Ordinal);
    }

    [Fact]
    public void AChangedByteEndsInASentenceOrInTensors()
    {
        byte[] whole = Whole();
        var random = new Random(3);
        for (int trial = 0; trial < 3000; trial++)
        {
            byte[] changed = [.. whole];
            changed[random.Next(whole.Length)] = (byte)random.Next(256);
            File.WriteAllBytes(Path, changed);
            try
            {
                WeightFile.ReadAll(Path);
            }
            catch (FileContentException)
            {
                // One sentence.
            }
        }
    }

    [Fact]
    public void OtherMachinesAndClaimsAreRefused()
    {
        Assert.Contains("the other order of bytes", Refusal(Whole(isLittleEndian: false)), StringComparison.Ordinal);
        Assert.Contains("its storage '7' has 5 numbers, but 4 are asked for", Refusal(Whole(count: 5)), StringComparison.Ordinal);
        Assert.Contains("it ends within its storage '7'; it is cut short", Refusal(Whole(count: long.MaxValue, claimed: long.MaxValue)), StringComparison.Ordinal);
        Assert.Contains("a part of another, as in PyTorch before 0.4", Refusal(Whole(isPart: true)), StringComparison.Ordinal);
    }

    private static byte[] Whole(bool isLittleEndian = true, long count = 4, long claimed = 4, bool isPart = false)
    {
        PickleBuilder Storage(PickleBuilder pickle, string type, string key, long numbers)
        {
            pickle.Op("(").Text("storage").Global("torch", $"{type}Storage").Text(key).Text("cpu").Number(numbers);
            return (isPart ? pickle.Op("(").Text("8").Number(0).Number(1).Op("t") : pickle.Op("N")).Op("tQ");
        }

        PickleBuilder Tensor(PickleBuilder pickle, string type, string key, long numbers, long offset, long[] shape, long[] strides) =>
            Storage(pickle.Global("torch._utils", "_rebuild_tensor_v2").Op("("), type, key, numbers).Number(offset).Numbers(shape).Numbers(strides).Raw(0x89).Op("}tR");

        var machine = new PickleBuilder().Op("}(").Text("protocol_version").Number(1001).Text("little_endian").Raw(isLittleEndian ? (byte)0x88 : (byte)0x89).Op("u");
        var saved = new PickleBuilder().Op("}(").Text("b").Op("}(");
        Tensor(saved.Text("weight"), "Float", "7", claimed, 0, [2, 2], [1, 2]);
        Tensor(saved.Text("bias"), "Float", "7", claimed, 2, [2], [1]).Op("u");
        Tensor(saved.Text("a"), "Short", "3", 2, 0, [2], [1]).Op("u");
        return
        [
            .. new PickleBuilder().Raw(0x8a, 10).Raw(Magic.ToByteArray()).End(), .. new PickleBuilder().Number(1001).End(), .. machine.End(), .. saved.End(),
            .. new PickleBuilder().Op("](").Text("3").Text("7").Op("e").End(),
            .. BitConverter.GetBytes(2L), 255, 255, 44, 1, .. BitConverter.GetBytes(count), .. Bytes(1, 2, 3, 4),
        ];
    }

    private string Refusal(byte[] content)
    {
        File.WriteAllBytes(Path, content);
        return Assert.Throws<FileContentException>(() => WeightFile.ReadAll(Path)).Message;
    }
}
