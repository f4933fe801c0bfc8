using Spd.Networks;

namespace Spd.Decomposition;

/// <summary>What a decomposition draws, beside its target's <see cref="NetworkStreams"/>.</summary>
public static class DecompositionStreams
{
    /// <summary>Mask sources of the reconstruction with all sites masked.</summary>
    public static StreamPurpose Masks { get; } = new(3);

    /// <summary>Mask sources of the reconstruction with one site masked.</summary>
    public static StreamPurpose LayerwiseMasks { get; } = new(4);

    /// <summary>The start of the search for adversarial masks.</summary>
    public static StreamPurpose AdversarialStart { get; } = new(5);

    /// <summary>Initial factors of subcomponents.</summary>
    public static StreamPurpose Components { get; } = new(7);

    /// <summary>Initial weights of gates.</summary>
    public static StreamPurpose Gates { get; } = new(8);

    /// <summary>Mask sources of the reconstruction of an embedding.</summary>
    public static StreamPurpose EmbeddingMasks { get; } = new(9);
}
