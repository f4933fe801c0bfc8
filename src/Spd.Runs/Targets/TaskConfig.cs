using Spd.Networks.Data;

namespace Spd.Runs.Targets;

/// <summary>What the network does, and the inputs on which it is decomposed (<c>task_config</c>).</summary>
public sealed record TaskConfig
{
    /// <summary>The kind of network.</summary>
    public TaskName TaskName { get; init; }

    /// <summary>Chance that a feature is active, above 0 and at most 1.</summary>
    public double FeatureProbability { get; init; } = 0.05;

    /// <summary>How the active features of an example are chosen.</summary>
    public DataGenerationType DataGenerationType { get; init; }
}

/// <summary>The kinds of networks that an experiment can decompose.</summary>
public enum TaskName
{
    /// <summary>Toy Model of Superposition.</summary>
    Tms,

    /// <summary>Residual MLP.</summary>
    ResidualMlp,

    /// <summary>An MLP of the user's own, with data from files.</summary>
    Mlp,
}
