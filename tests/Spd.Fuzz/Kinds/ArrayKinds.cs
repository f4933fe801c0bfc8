using System.IO.Compression;
using System.Text;

namespace Spd.Fuzz.Kinds;

/// <summary>Arrays of NumPy.</summary>
internal sealed class NumpyKind() : FuzzKind("npy")
{
    public static IReadOnlyList<byte[]> HeaderWords { get; } = Texts(
        "{", "}", "'descr': ", "'fortran_order': ", "'shape': ", "True", "False", "(", ")", "(2,)", "()", "(0,)", "(2, 3)", ",", "L", "'<f4'", "'>f8'", "'|b1'", "'<i8'", "'|O'", "'<f2'",
        "[('a', '<f4')]", "'", "\"", "\n", "\u0001", "\u001b[31m", "(1000000, 1000000)", "1,", "\u0093NUMPY");

    protected override IReadOnlyList<byte[]> Words => HeaderWords;

    public static byte[] Array(string type, int size, string shape, int count, bool isFortran = false, byte version = 1)
    {
        string header = $"{{'descr': '{type}', 'fortran_order': {(isFortran ? "True" : "False")}, 'shape': {shape}, }}";
        int length = (header.Length + 12 + 63) / 64 * 64 - (version == 1 ? 10 : 12);
        byte[] count1 = version == 1 ? BitConverter.GetBytes((ushort)length) : BitConverter.GetBytes(length);
        return
        [
            0x93, .. "NUMPY"u8, version, 0, .. count1, .. Encoding.Latin1.GetBytes(header.PadRight(length - 1)), (byte)'\n',
            .. Enumerable.Range(0, size * count).Select(i => (byte)(i % size == 0 && size < 8 ? i % 2 : 0)),
        ];
    }

    public static IEnumerable<(string Name, byte[] Bytes)> Arrays() =>
    [
        ("a", Array("<f4", 4, "(2, 3)", 6)), ("b", Array(">f8", 8, "(3,)", 3)), ("c", Array("|u1", 1, "(2, 2)", 4, isFortran: true)), ("d", Array("|b1", 1, "()", 1)),
        ("e", Array("<i8", 8, "(0, 4)", 0, version: 2)), ("f", Array("<f2", 2, "(2, 1, 2)", 4, version: 3)),
    ];

    protected override IEnumerable<Sample> MakeCorpus() => Arrays().Select(array => new Sample($"{array.Name}.npy", array.Bytes));

    protected override void Read(string path) => ReadArray(path);
}

/// <summary>Archives of arrays of NumPy.</summary>
internal sealed class NumpyArchiveKind() : FuzzKind("npz")
{
    protected override IReadOnlyList<byte[]> Words => NumpyKind.HeaderWords;

    // What is compressed can become 1032 times as long, and a byte of it a float32; each array is read three times.
    public override long AllocationLimit(long length) => (4L << 20) + 16 * 1032 * length;

    protected override IEnumerable<Sample> MakeCorpus()
    {
        yield return new Sample("all.npz", Zips.Make(NumpyKind.Arrays().Select(array => ($"{array.Name}.npy", array.Bytes))));
        yield return new Sample("two.npz", Zips.Make(NumpyKind.Arrays().Take(2).Select(array => ($"{array.Name}.npy", array.Bytes)), isCompressed: true));
        yield return new Sample("more.npz", Zips.Make([("a.npy", NumpyKind.Arrays().First().Bytes), ("readme.txt", "x"u8.ToArray())]));
    }

    protected override byte[] Mutate(Mutator mutator, Sample sample) => Zips.Mutate(
        mutator, sample.Bytes, [.. Corpus.Select(other => other.Bytes)], Words, name => name.EndsWith(".npy", StringComparison.Ordinal));

    protected override void Read(string path) => TryEach(() => ReadWeights(path), () => ReadArray($"{path}:a"));
}

/// <summary>Arrays in IDX files, as MNIST's; most compressed with gzip, some in several parts.</summary>
internal sealed class IdxKind() : FuzzKind("idx")
{
    protected override IReadOnlyList<byte[]> Words { get; } =
    [
        [0, 0, 8, 1], [0, 0, 8, 3], [0, 0, 0x0d, 2], [0, 0, 0x0e, 1], [0, 0, 9, 0], [0, 0, 0x0b, 255], [0, 0, 0, 2], [0, 0, 0, 0], [0x7f, 255, 255, 255], [0x1f, 0x8b, 8, 0],
        [0x1f, 0x8b, 8, 0x1f, 0, 0, 0, 0, 0, 3], [3, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    ];

    public override long AllocationLimit(long length) => (4L << 20) + 8 * 1032 * length;

    protected override IEnumerable<Sample> MakeCorpus()
    {
        byte[] labels = [0, 0, 8, 1, 0, 0, 0, 5, 1, 2, 3, 4, 5];
        byte[] images = [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 2, .. Enumerable.Range(0, 8).Select(i => (byte)(i * 31))];
        byte[] singles = [0, 0, 0x0d, 2, 0, 0, 0, 2, 0, 0, 0, 1, 0x3f, 0x80, 0, 0, 0xc0, 0, 0, 0];
        byte[] shorts = [0, 0, 0x0b, 1, 0, 0, 0, 2, 0, 1, 255, 255];
        yield return new Sample("labels-idx1-ubyte", labels);
        yield return new Sample("images-idx3-ubyte", images);
        yield return new Sample("singles.idx", singles);
        yield return new Sample("shorts.idx", shorts);
        yield return new Sample("labels.gz", Compress(labels));
        yield return new Sample("images.gz", Compress(images));
        yield return new Sample("array.npy.gz", Compress(NumpyKind.Arrays().First().Bytes));
    }

    protected override byte[] Mutate(Mutator mutator, Sample sample)
    {
        var plain = Corpus.Where(other => !IsCompressed(other)).Select(other => other.Bytes).ToList();
        if (!IsCompressed(sample)) return mutator.Mutate(sample.Bytes, plain, Words);
        if (mutator.OnceIn(4)) return mutator.Mutate(sample.Bytes, [.. Corpus.Where(IsCompressed).Select(other => other.Bytes)], Words);
        // What is compressed has a checksum, so that the content is changed and compressed again; sometimes in two parts, and with zeros behind.
        byte[] content = mutator.Mutate(Decompress(sample.Bytes), plain, Words);
        int cut = mutator.OnceIn(3) ? mutator.Below(content.Length + 1) : content.Length;
        byte[] whole = cut == content.Length ? Compress(content) : [.. Compress(content[..cut]), .. Compress(content[cut..])];
        return mutator.OnceIn(8) ? [.. whole, .. new byte[mutator.Below(20)]] : whole;
    }

    protected override void Read(string path) => ReadArray(path);

    private static bool IsCompressed(Sample sample) => sample.Name.EndsWith(".gz", StringComparison.Ordinal);

    private static byte[] Compress(byte[] content)
    {
        using var bytes = new MemoryStream();
        using (var stream = new GZipStream(bytes, CompressionLevel.Fastest)) stream.Write(content);
        return bytes.ToArray();
    }

    private static byte[] Decompress(byte[] bytes)
    {
        using var stream = new GZipStream(new MemoryStream(bytes), CompressionMode.Decompress);
        using var content = new MemoryStream();
        stream.CopyTo(content);
        return content.ToArray();
    }
}
