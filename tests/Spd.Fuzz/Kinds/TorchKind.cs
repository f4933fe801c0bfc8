using System.Text;
using Spd.Formats.Tests;

namespace Spd.Fuzz.Kinds;

/// <summary>Files of PyTorch from 1.6 on: archives of a pickle and its storages.</summary>
internal sealed class TorchKind() : FuzzKind("pth")
{
    /// <summary>What stands in pickles: names, values, instructions with what belongs to them.</summary>
    public static IReadOnlyList<byte[]> PickleWords { get; } =
    [
        .. Texts(
            "ctorch._utils\n_rebuild_tensor_v2\n", "ctorch._utils\n_rebuild_tensor\n", "ctorch._utils\n_rebuild_parameter\n", "ccollections\nOrderedDict\n", "ctorch\nSize\n",
            "ctorch\nFloatStorage\n", "ctorch\nHalfStorage\n", "ctorch\nComplexFloatStorage\n", "ctorch\nfloat32\n", "ctorch\ndevice\n", "cbuiltins\nset\n", "cbuiltins\ndict\n",
            "cdatetime\ndatetime\n", "cnumpy.core.multiarray\n_reconstruct\n", "cos\nsystem\n", "ccollections\ndefaultdict\n", "(", ")", "t", "Q", "R", "b", "}", "]", "{", "a", "e", "s", "u", "d", "l", "0", "1", "2", "N", ".",
            "I1\n", "L99999999999999999999L\n", "Fnan\n", "S'a'\n", "V\u00e9\n", "p0\n", "g0\n", "}(", "](", "(u", "(e", "}}s", "]]a"),
        [0x85], [0x86], [0x87], [0x88], [0x89], [0x8a, 0], [0x8a, 8, 255, 255, 255, 255, 255, 255, 255, 127], [0x8b, 255, 255, 255, 127], [0x8c, 1, (byte)'\u001b'], [0x8f], [0x90], [0x91],
        [0x93], [0x94], [0x95, 1, 0, 0, 0, 0, 0, 0, 0], [0x81], [0x92], [0x80, 4], [0x80, 5], [(byte)'q', 0], [(byte)'h', 0], [(byte)'h', 1], [(byte)'r', 255, 255, 255, 255],
        [(byte)'X', 3, 0, 0, 0, 0x1b, (byte)'[', (byte)'m'], [(byte)'X', 255, 255, 255, 255], [0x8d, 255, 255, 255, 255, 255, 255, 255, 255], [(byte)'G', 127, 240, 0, 0, 0, 0, 0, 0],
        [(byte)'J', 255, 255, 255, 127], [(byte)'M', 255, 255], [(byte)'B', 1, 0, 0, 0, 0], [(byte)'}', (byte)'q', 0, (byte)'h', 0], [(byte)']', (byte)'q', 0, (byte)'h', 0, (byte)'a'],
    ];

    protected override IReadOnlyList<byte[]> Words => PickleWords;

    // By design: tensors may repeat elements by strides of zero, up to 16 million numbers in all.
    public override long AllocationLimit(long length) => (160L << 20) + 8 * 1032 * length;

    protected override IEnumerable<Sample> MakeCorpus()
    {
        var ordered = new PickleBuilder().Global("collections", "OrderedDict").Op(")R(")
            .Text("linear.weight").Tensor("Float", "0", 6, 0, [3, 2], [1, 3]).Text("linear.bias").Tensor("Half", "1", 2, 0, [2], [1]).Op("u}").Text("_metadata").Op("}sb");
        yield return Archive("ordered.pth", ordered, ("data/0", Numbers(24)), ("data/1", Numbers(4)));
        var nested = new PickleBuilder().Op("}(").Text("epoch").Number(3).Text("lr").Op("G?\u00f0\0\0\0\0\0\0").Text("net").Op("}(")
            .Text("a").Tensor("Double", "0", 2, 0, [2], [1]).Text("b").Tensor("Long", "1", 2, 1, [1], [1]).Op("u").Text("list").Op("](")
            .Tensor("Float", "2", 4, 0, [2, 2], [2, 1]).Op("NI1\neu");
        yield return Archive("nested.pth", nested, ("data/0", Numbers(16)), ("data/1", Numbers(16)), ("data/2", Numbers(16)));
        var shared = new PickleBuilder().Op("}(").Text("a").Tensor("Float", "0", 4, 0, [2, 2], [2, 1]).Text("b").Tensor("Float", "0", 4, 1, [2], [1])
            .Text("c").Tensor("Float", "0", 4, 0, [3, 2], [0, 1]).Op("u");
        yield return Archive("shared.pth", shared, ("data/0", Numbers(16)));
        var parameter = new PickleBuilder().Op("}(").Text("p").Global("torch._utils", "_rebuild_parameter").Op("(").Tensor("BFloat16", "0", 2, 0, [2], [1])
            .Raw(0x88).Global("collections", "OrderedDict").Op(")RtR").Text("i").Tensor("Int", "1", 1, 0, [1], [1]).Op("u");
        yield return Archive("parameter.pth", parameter, ("data/0", Numbers(4)), ("data/1", Numbers(4)));
        // As protocol 4 has them: short texts, names from the stack, memory in order.
        var modern = new PickleBuilder().Raw(0x80, 4, 0x95, 9, 0, 0, 0, 0, 0, 0, 0).Op("}").Raw(0x94).Op("(").Raw(0x8c, 1, (byte)'a', 0x94)
            .Raw(0x8c, 12).Op("torch._utils").Raw(0x94, 0x8c, 18).Op("_rebuild_tensor_v2").Raw(0x93, 0x94).Op("((").Raw(0x8c, 7).Op("storage").Raw(0x94)
            .Raw(0x8c, 5).Op("torch").Raw(0x8c, 11).Op("ByteStorage").Raw(0x93, 0x8c, 1, (byte)'0', 0x8c, 3).Op("cpu").Op("K\u0004tQ").Op("K\0K\u0004").Raw(0x85, (byte)'K', 1, 0x85, 0x89)
            .Raw(0x8c, 11).Op("collections").Raw(0x8c, 11).Op("OrderedDict").Raw(0x93).Op(")RtRu");
        yield return Archive("modern.pth", modern, ("data/0", Numbers(4)));
        foreach (var sample in Written("new")) yield return sample;
    }

    protected override byte[] Mutate(Mutator mutator, Sample sample) => Zips.Mutate(
        mutator, sample.Bytes, [.. Corpus.Select(other => other.Bytes)], Words, name => name.EndsWith(".pkl", StringComparison.Ordinal));

    protected override void Read(string path) => ReadWeights(path);

    /// <summary>An archive as PyTorch writes it.</summary>
    public static Sample Archive(string name, PickleBuilder pickle, params (string Name, byte[] Content)[] entries) => new(name, Zips.Make(
    [
        ("net/data.pkl", pickle.End()), ("net/byteorder", "little"u8.ToArray()), .. entries.Select(entry => ("net/" + entry.Name, entry.Content)),
        ("net/version", Encoding.ASCII.GetBytes("3\n")),
    ]));

    /// <summary>Files that PyTorch wrote, which lie beside the program.</summary>
    public static IEnumerable<Sample> Written(string folder) => Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "corpus", folder))
        .Order(StringComparer.Ordinal).Select(path => new Sample(Path.GetFileName(path), File.ReadAllBytes(path)));

    private static byte[] Numbers(int count) => [.. Enumerable.Range(0, count).Select(i => (byte)(i % 4 == 3 ? 63 : i))];
}

/// <summary>Files of PyTorch before 1.6: pickles of every protocol, one behind the other, and the elements.</summary>
internal sealed class OldTorchKind() : FuzzKind("oldpth")
{
    protected override IReadOnlyList<byte[]> Words { get; } = [.. TorchKind.PickleWords, .. Texts("L119547037146038801333356L\n.", "L1001L\n.", "(lp0\n", "(dp1\n", "S'storage'\n")];

    // As for those from 1.6 on, but nothing is compressed.
    public override long AllocationLimit(long length) => (160L << 20) + 64 * length;

    protected override IEnumerable<Sample> MakeCorpus() => TorchKind.Written("old");

    protected override void Read(string path) => ReadWeights(path);
}
