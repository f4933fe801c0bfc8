using Spd.Networks;

namespace Spd.Decomposition.Tests;

public sealed class StreamTests
{
    private static readonly StreamPurpose[] Purposes =
    [
        NetworkStreams.Initialisation, NetworkStreams.ActiveFeatures, NetworkStreams.FeatureValues,
        DecompositionStreams.Masks, DecompositionStreams.LayerwiseMasks, DecompositionStreams.AdversarialStart,
        NetworkStreams.RowChoice, DecompositionStreams.Components, DecompositionStreams.Gates, DecompositionStreams.EmbeddingMasks,
    ];

    /// <summary>Other numbers would be other runs: whoever repeats a recorded one needs these.</summary>
    [Fact]
    public void TheNumbersAreThoseOfRecordedRuns()
    {
        Assert.Equal([0, 16777216, 33554432, 50331648, 67108864, 83886080, 100663296, 117440512, 134217728, 150994944], Purposes.Select(purpose => purpose.Stream()));
        Assert.Equal(50331648u + 3 * 16384 + 7, DecompositionStreams.Masks.Stream(index: 7, sample: 3));
        Assert.Equal<uint>(DecompositionStreams.Gates.Stream(), DecompositionStreams.Gates);
    }

    [Fact]
    public void NoTwoStreamsHaveOneNumber()
    {
        var streams = new HashSet<uint>();
        int[] indices = [0, 1, 2, 1023, 1024, (1 << 14) - 1], samples = [0, 1, 2, 15, 16, (1 << 10) - 1];
        foreach (var purpose in Purposes)
            foreach (int index in indices)
                foreach (int sample in samples)
                    Assert.True(streams.Add(purpose.Stream(index, sample)), $"{purpose} {index} {sample}");
    }

    [Theory]
    [InlineData(1 << 14, 0)]
    [InlineData(0, 1 << 10)]
    [InlineData(-1, 0)]
    [InlineData(0, -1)]
    public void NumbersOutOfRangeAreNoStreams(int index, int sample) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => DecompositionStreams.Masks.Stream(index, sample));
}
