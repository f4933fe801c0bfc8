namespace Spd.Runs.Plans;

/// <summary>A run that is part of a plan.</summary>
/// <param name="ExperimentName">The experiment's name.</param>
/// <param name="Experiment">The resolved configuration; null where it cannot be had.</param>
/// <param name="Variant">What is not as the experiment has it, in a name: <c>beta3-1e-6</c>; null where nothing is.</param>
/// <param name="MissingReason">Why it cannot be had.</param>
public record RunPlan(string ExperimentName, IExperiment? Experiment, string? Variant = null, string? MissingReason = null)
{
    /// <summary>A guess for networks of any kind.</summary>
    internal const double UsualNanoseconds = 15;

    /// <summary>Steps of the experiment before it was shortened; null where it was not.</summary>
    public int? FullSteps { get; init; }

    /// <summary>Nanoseconds of a step for each unit of <see cref="IExperiment.Work"/> on two cores: a guess that serves until a step has been timed.</summary>
    public double GuessedNanoseconds { get; init; } = UsualNanoseconds;

    /// <summary>The experiment with its variant, the same for all seeds: <c>resid_mlp1-beta3-1e-6</c>.</summary>
    public string Group => Variant is null ? ExperimentName : $"{ExperimentName}-{Variant}";

    /// <summary>What people read: <c>tms_5-2, seed 1</c>.</summary>
    public string Title => Experiment is null ? Group : $"{Group}, seed {Experiment.Seed}";

    /// <summary>Its folder below the folder of the plan.</summary>
    public string Folder => Experiment is null ? Group : Path.Combine(Group, $"seed{Experiment.Seed}");

    /// <summary>Milliseconds of a step before any has been measured: a guess.</summary>
    public double GuessedMsPerStep => (Experiment?.Work ?? 0) * 1e-6 * GuessedNanoseconds;
}
