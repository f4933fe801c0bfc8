namespace Spd.Engine;

/// <summary>What a random stream is for: streams of different purposes, indices or samples are independent.</summary>
public readonly record struct StreamId
{
    private const int MostIndices = 1 << 14, MostSamples = 1 << 10;

    /// <summary>A stream.</summary>
    /// <param name="purpose">What is drawn.</param>
    /// <param name="index">Which of its kind: the site, for masks.</param>
    /// <param name="sample">Which repetition.</param>
    public StreamId(StreamPurpose purpose, int index = 0, int sample = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, MostIndices);
        ArgumentOutOfRangeException.ThrowIfNegative(sample);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(sample, MostSamples);
        Value = ((uint)purpose * MostSamples + (uint)sample) * MostIndices + (uint)index;
    }

    /// <summary>The number that enters the random key.</summary>
    public uint Value { get; }
}

/// <summary>What random numbers are drawn for.</summary>
public enum StreamPurpose
{
    /// <summary>Initial weights of a target.</summary>
    Initialisation,

    /// <summary>Which features of an input are active.</summary>
    ActiveFeatures,

    /// <summary>The values of an input's features.</summary>
    FeatureValues,

    /// <summary>Mask sources of the reconstruction with all sites masked.</summary>
    Masks,

    /// <summary>Mask sources of the reconstruction with one site masked.</summary>
    LayerwiseMasks,

    /// <summary>The start of the search for adversarial masks.</summary>
    AdversarialStart,

    /// <summary>Choices among rows of a data set.</summary>
    RowChoice,

    /// <summary>Initial factors of subcomponents.</summary>
    Components,

    /// <summary>Initial weights of gates.</summary>
    Gates,
}
