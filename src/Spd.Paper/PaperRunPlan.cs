using Spd.Runs;
using Spd.Runs.Plans;

namespace Spd.Paper;

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
public sealed record PaperRunPlan(PaperParts Parts, string ExperimentName, string? Coefficient, IExperiment? Experiment, string? MissingReason = null)
    : RunPlan(ExperimentName, Experiment, Coefficient is null ? null : $"beta3-{Coefficient}", MissingReason);

/// <summary>What the paper's pages ask of its runs.</summary>
internal static class PaperRuns
{
    extension(PlannedRun run)
    {
        /// <summary>The parts that use it.</summary>
        public PaperParts Parts => ((PaperRunPlan)run.Plan).Parts;

        /// <summary>β₃ where it is not the experiment's own.</summary>
        public string? Coefficient => ((PaperRunPlan)run.Plan).Coefficient;
    }
}
