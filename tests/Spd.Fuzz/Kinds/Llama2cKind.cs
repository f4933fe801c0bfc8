namespace Spd.Fuzz.Kinds;

/// <summary>Models of llama2.c.</summary>
internal sealed class Llama2cKind() : FuzzKind("llama2c")
{
    protected override IReadOnlyList<byte[]> Words { get; } =
        [.. new[] { 0, 1, 2, 4, 8, -1, -5, 1 << 24, int.MaxValue, int.MinValue }.Select(BitConverter.GetBytes), BitConverter.GetBytes(float.NaN), .. Texts("24ka", "ak42")];

    /// <summary>A model of these sizes, with zeros for its weights.</summary>
    public static byte[] File(params int[] sizes)
    {
        int features = sizes[0], keys = features / sizes[3] * sizes[4], vocabulary = Math.Abs(sizes[5]);
        int weights = (sizes[5] < 0 ? 2 : 1) * vocabulary * features + features + sizes[6] * (features / sizes[3])
            + sizes[2] * (2 * features + 2 * features * features + 2 * keys * features + 3 * sizes[1] * features);
        return [.. sizes.SelectMany(BitConverter.GetBytes), .. new byte[weights * sizeof(float)]];
    }

    protected override IEnumerable<Sample> MakeCorpus()
    {
        yield return new Sample("tied.bin", File(4, 3, 2, 2, 1, 5, 6));
        yield return new Sample("untied.bin", File(8, 2, 1, 2, 2, -3, 1));
        yield return new Sample("refused.bin", File(4, 3, 2, 2, 1, 5, 6)[..^4]);
    }

    protected override byte[] Mutate(Mutator mutator, Sample sample) => mutator.Mutate(sample.Bytes, [.. Corpus.Select(other => other.Bytes)], Words);

    protected override void Read(string path) => ReadWeights(path);
}
