namespace Spd.Runs.Paper;

/// <summary>The parts of the paper that can be asked for one by one.</summary>
[Flags]
public enum PaperParts
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>The Toy Models of Superposition: table 1 and the figures of its mechanisms.</summary>
    Tms = 1,

    /// <summary>The residual MLPs.</summary>
    Resid = 2,

    /// <summary>The method that the paper compares with, on the same Toy Models.</summary>
    Apd = 4,

    /// <summary>What a too low and a too high weight of importance minimality do.</summary>
    Fig8 = 8,

    /// <summary>The whole paper.</summary>
    All = Tms | Resid | Apd | Fig8,
}

/// <summary>A run that the paper needs.</summary>
/// <param name="Parts">The parts that use it.</param>
/// <param name="ExperimentName">The experiment's name.</param>
/// <param name="Coefficient">β₃ where it is not the experiment's own: <c>1e-6</c>; otherwise null.</param>
/// <param name="Experiment">The resolved configuration; null where it cannot be had.</param>
/// <param name="MissingReason">Why it cannot be had.</param>
public sealed record PlannedRun(PaperParts Parts, string ExperimentName, string? Coefficient, IExperiment? Experiment, string? MissingReason = null)
{
    /// <summary>Steps of the experiment before it was shortened; null where it was not.</summary>
    public int? FullSteps { get; init; }

    /// <summary>The experiment with its variant, the same for all seeds: <c>resid_mlp1-beta3-1e-6</c>.</summary>
    public string Group => Coefficient is null ? ExperimentName : $"{ExperimentName}-beta3-{Coefficient}";

    /// <summary>What people read: <c>tms_5-2, seed 1</c>.</summary>
    public string Title => Experiment is null ? Group : $"{Group}, seed {Experiment.Seed}";

    /// <summary>Its folder below the folder of the reproduction.</summary>
    public string Folder => Experiment is null ? Group : Path.Combine(Group, $"seed{Experiment.Seed}");

    /// <summary>Milliseconds of a step before any has been measured: a guess from C, batch size and the kind of network, for two cores.</summary>
    public double GuessedMsPerStep => (Experiment?.Work ?? 0) * 1e-6 * (Parts switch
    {
        // Nanoseconds for each subcomponent and row.
        _ when Parts.HasFlag(PaperParts.Tms) => 6,
        _ when Parts.HasFlag(PaperParts.Apd) => 30,
        _ => 15,
    });
}
