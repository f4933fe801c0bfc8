namespace Spd.Networks;

/// <summary>What random numbers are drawn for: streams of different purposes, indices or samples are independent.</summary>
/// <param name="Number">Its number, below 256, which no other purpose has.</param>
public readonly record struct StreamPurpose(byte Number)
{
    private const int MostIndices = 1 << 14, MostSamples = 1 << 10;

    /// <summary>One of its streams.</summary>
    /// <param name="index">Which of its kind, from 0 and below 16384: the site, for masks.</param>
    /// <param name="sample">Which repetition, from 0 and below 1024.</param>
    public uint Stream(int index = 0, int sample = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, MostIndices);
        ArgumentOutOfRangeException.ThrowIfNegative(sample);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(sample, MostSamples);
        return ((uint)Number * MostSamples + (uint)sample) * MostIndices + (uint)index;
    }

    /// <summary>Whether a stream is one of its.</summary>
    public bool Has(uint stream) => stream / (MostIndices * MostSamples) == Number;

    /// <summary>The first of its streams.</summary>
    public static implicit operator uint(StreamPurpose purpose) => purpose.Stream();
}

/// <summary>What networks and their data draw; a decomposition's numbers follow in its own streams.</summary>
public static class NetworkStreams
{
    /// <summary>Initial weights of a target.</summary>
    public static StreamPurpose Initialisation { get; } = new(0);

    /// <summary>Which features of an input are active.</summary>
    public static StreamPurpose ActiveFeatures { get; } = new(1);

    /// <summary>The values of an input's features.</summary>
    public static StreamPurpose FeatureValues { get; } = new(2);

    /// <summary>Choices among rows of a data set.</summary>
    public static StreamPurpose RowChoice { get; } = new(6);

    /// <summary>Which token follows, where a language model writes.</summary>
    public static StreamPurpose Tokens { get; } = new(10);

    /// <summary>Sequences that an induction head goes on with.</summary>
    public static StreamPurpose InductionSequences { get; } = new(11);
}
