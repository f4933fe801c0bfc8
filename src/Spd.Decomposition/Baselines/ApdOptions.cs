using System.ComponentModel.DataAnnotations;
using Spd.Engine;
using Spd.Engine.Optimisation;

namespace Spd.Decomposition.Baselines;

/// <summary>The model whose output is attributed to components.</summary>
public enum AttributionModel
{
    /// <summary>The target: its gradients, its activations.</summary>
    Target,

    /// <summary>The decomposed model with all of its components.</summary>
    Decomposed,
}

/// <summary>How a network is decomposed by APD: METHOD §10. The configuration keys of the released configs are these names in snake case.</summary>
public sealed record ApdOptions
{
    /// <summary>Seed of the initial components and the data.</summary>
    public ulong Seed { get; init; }

    /// <summary>k: components that are active on an input, in the mean over a batch; above 0.</summary>
    [Positive]
    public double Topk { get; init; } = 1;

    /// <summary>Coefficient of <see cref="ApdLossNames.ParamMatch"/>.</summary>
    [NotNegative]
    public double ParamMatchCoeff { get; init; } = 1;

    /// <summary>Coefficient of <see cref="ApdLossNames.TopkRecon"/>.</summary>
    [NotNegative]
    public double TopkReconCoeff { get; init; } = 1;

    /// <summary>Coefficient of <see cref="ApdLossNames.Schatten"/>.</summary>
    [NotNegative]
    public double SchattenCoeff { get; init; } = 1;

    /// <summary>p of the Schatten norm, above 0.</summary>
    [Positive]
    public double SchattenPnorm { get; init; } = 1;

    /// <summary>C: components, at least 1.</summary>
    [Range(1, 10_000)]
    public int C { get; init; } = 5;

    /// <summary>r: the largest rank of a component in a matrix, at least 1; null is <c>min(d_in, d_out) + 1</c> of the first matrix.</summary>
    [Range(1, 10_000)]
    public int? M { get; init; }

    /// <summary>The model whose output is attributed to components.</summary>
    public AttributionModel AttributionModel { get; init; }

    /// <summary>Full learning rate.</summary>
    [Positive]
    public double Lr { get; init; } = 1e-3;

    /// <summary>Shape of the learning rate over the run.</summary>
    public ScheduleShape LrSchedule { get; init; } = ScheduleShape.Constant;

    /// <summary>Halflife of the exponential schedule, in steps.</summary>
    [Positive]
    public double? LrExponentialHalflife { get; init; }

    /// <summary>Share of the steps that warm up, in [0, 1].</summary>
    [Share]
    public double LrWarmupPct { get; init; }

    /// <summary>T: optimisation steps, at least 1.</summary>
    [AtLeast(1)]
    public int Steps { get; init; } = 20_000;

    /// <summary>B: rows of a batch, at least 1.</summary>
    [BatchRows]
    public int BatchSize { get; init; } = 2048;

    /// <summary>The learning rate schedule that the three keys describe.</summary>
    public LearningRateSchedule Schedule => new(LrSchedule, LrWarmupPct, LrExponentialHalflife);

    /// <summary>Checks every option against its range, and what they say together.</summary>
    /// <exception cref="ArgumentException">An option is out of its range; one sentence says which and why.</exception>
    public void Validate()
    {
        OptionRanges.Check(this);
        if (Topk > C) throw new ArgumentException(FormattableString.Invariant($"Topk is {Topk}, but there are only {C} components"));
        if (LrSchedule == ScheduleShape.Exponential && LrExponentialHalflife is null)
            throw new ArgumentException("LrExponentialHalflife is null, but an exponential schedule needs it: the steps in which the learning rate halves");
    }
}

/// <summary>The names of APD's loss terms, as logged.</summary>
public static class ApdLossNames
{
    /// <summary><c>Σ_l ‖W_l − Σ_c P_lc‖² / N</c>.</summary>
    public const string ParamMatch = "param_match";

    /// <summary>Mean square error of the output with only a row's active components.</summary>
    public const string TopkRecon = "topk_recon";

    /// <summary>The Schatten norm of the active components' matrices, to the power p.</summary>
    public const string Schatten = "schatten";
}
