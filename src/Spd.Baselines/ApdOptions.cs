using System.ComponentModel.DataAnnotations;
using Spd.Decomposition;
using Spd.Networks;

namespace Spd.Baselines;

/// <summary>The model whose output is attributed to components.</summary>
public enum AttributionModel
{
    /// <summary>The target: its gradients, its activations.</summary>
    Target,

    /// <summary>The decomposed model with all of its components.</summary>
    Decomposed,
}

/// <summary>How a network is decomposed by APD: METHOD §10. The configuration keys of the released configs are these names in snake case.</summary>
public sealed record ApdOptions : MethodOptions
{
    /// <summary>The options of the released code.</summary>
    public ApdOptions() => (Steps, BatchSize) = (20_000, 2048);

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

    public override void Validate()
    {
        base.Validate();
        if (Topk > C) throw new ArgumentException(FormattableString.Invariant($"Topk is {Topk}, but there are only {C} components"));
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
