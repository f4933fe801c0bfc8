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

    /// <summary>Mask sources of the reconstruction with a subset of the sites masked, and the subsets.</summary>
    public static StreamPurpose SubsetMasks { get; } = new(12);

    /// <summary>Mask sources of the reconstruction of the decomposed matrices' own outputs.</summary>
    public static StreamPurpose HiddenActivationsMasks { get; } = new(13);

    /// <summary>What the sources of adversaries that train start from.</summary>
    public static StreamPurpose TrainedSources { get; } = new(14);

    /// <summary>Subsets of the sites under an adversary that starts anew in every step.</summary>
    public static StreamPurpose PgdRoutes { get; } = new(15);

    /// <summary>Mask sources of stochastic rows beside a lasting adversary's, and subsets of the sites.</summary>
    public static StreamPurpose PersistentPgdMasks { get; } = new(16);

    /// <summary>Subsets of the sites in the ascents of a lasting adversary.</summary>
    public static StreamPurpose PersistentPgdRoutes { get; } = new(17);

    /// <summary>Which rows are a lasting adversary's.</summary>
    public static StreamPurpose AdversarialRows { get; } = new(18);

    /// <summary>Noise of causal importances under binomial masks.</summary>
    public static StreamPurpose ImportanceNoise { get; } = new(19);

    // Within one purpose: sites from 0, the masks of their Δ from here, and what subsets are drawn from.
    internal const int FirstDelta = 1 << 13, RouteNoise = (1 << 14) - 2, RouteChoice = (1 << 14) - 1;
}
