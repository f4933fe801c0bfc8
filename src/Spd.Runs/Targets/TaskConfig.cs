using System.ComponentModel.DataAnnotations;
using Spd.Networks;
using Spd.Networks.Data;

namespace Spd.Runs.Targets;

/// <summary>The inputs on which a network is decomposed (<c>task_config</c>), where they do not come from files; what the network does, its kind says.</summary>
public sealed record TaskConfig
{
    /// <summary>Chance that a feature is active, above 0 and at most 1.</summary>
    [Probability]
    public double FeatureProbability { get; init; } = 0.05;

    /// <summary>Tokens of a sequence, for a language model.</summary>
    [Range(2, 1 << 20)]
    public int MaxSeqLen { get; init; } = 512;

    /// <summary>The last position that the first S of an induction sequence may have; null for the last that there is.</summary>
    [AtLeast(1)]
    public int? PrefixWindow { get; init; }

    /// <summary>How the active features of an example are chosen.</summary>
    public DataGenerationType DataGenerationType { get; init; }
}
