using Spd.Engine.Optimisation;

namespace Spd.Decomposition;

/// <summary>How far a masked output is from the target's.</summary>
public enum OutputLoss
{
    /// <summary>Mean over all entries of the squared difference.</summary>
    Mse,

    /// <summary>Mean over positions of the Kullback–Leibler divergence of the softmaxes, the target's first.</summary>
    Kl,
}

/// <summary>How a network is decomposed: METHOD §1 – §5. The configuration keys of the released configs are these names in snake case.</summary>
public sealed record DecompositionOptions
{
    /// <summary>Seed of the initial components and gates, the masks and the data.</summary>
    public ulong Seed { get; init; }

    /// <summary>C: subcomponents of each site, at least 1.</summary>
    public int C { get; init; } = 20;

    /// <summary>
    /// C of single sites in place of <see cref="C"/>, by glob patterns over their paths: every site is fitted by exactly one of them. Null: <see cref="C"/> for all.
    /// </summary>
    public IReadOnlyDictionary<string, int>? CBySite { get; init; }

    /// <summary>S: mask samples of the stochastic losses, at least 1.</summary>
    public int NMaskSamples { get; init; } = 1;

    /// <summary>K: hidden neurons of a gate; 0 is a linear gate.</summary>
    public int NCiMlpNeurons { get; init; }

    /// <summary>Glob patterns over module paths: <c>linear1</c>, <c>layers.*.mlp_in</c>.</summary>
    public IReadOnlyList<string> TargetModulePatterns { get; init; } = [];

    /// <summary>Coefficient of <see cref="LossNames.Faithfulness"/>; null leaves the term out.</summary>
    public double? FaithfulnessCoeff { get; init; } = 1;

    /// <summary>Coefficient of <see cref="LossNames.Recon"/>.</summary>
    public double? ReconCoeff { get; init; }

    /// <summary>Coefficient of <see cref="LossNames.StochasticRecon"/>.</summary>
    public double? StochasticReconCoeff { get; init; } = 1;

    /// <summary>Coefficient of <see cref="LossNames.ReconLayerwise"/>.</summary>
    public double? ReconLayerwiseCoeff { get; init; }

    /// <summary>Coefficient of <see cref="LossNames.StochasticReconLayerwise"/>.</summary>
    public double? StochasticReconLayerwiseCoeff { get; init; } = 1;

    /// <summary>β₃: coefficient of <see cref="LossNames.ImportanceMinimality"/>.</summary>
    public double? ImportanceMinimalityCoeff { get; init; } = 3e-3;

    /// <summary>Coefficient of <see cref="LossNames.Schatten"/>.</summary>
    public double? SchattenCoeff { get; init; }

    /// <summary>Coefficient of <see cref="LossNames.OutRecon"/>.</summary>
    public double? OutReconCoeff { get; init; }

    /// <summary>p of the minimality and Schatten losses, above 0.</summary>
    public double Pnorm { get; init; } = 1;

    /// <summary>D: how outputs are compared.</summary>
    public OutputLoss OutputLossType { get; init; }

    /// <summary>Full learning rate.</summary>
    public double Lr { get; init; } = 1e-3;

    /// <summary>Shape of the learning rate over the run.</summary>
    public ScheduleShape LrSchedule { get; init; } = ScheduleShape.Constant;

    /// <summary>Halflife of the exponential schedule, in steps.</summary>
    public double? LrExponentialHalflife { get; init; }

    /// <summary>Share of the steps that warm up, in [0, 1].</summary>
    public double LrWarmupPct { get; init; }

    /// <summary>T: optimisation steps, at least 1.</summary>
    public int Steps { get; init; } = 10_000;

    /// <summary>B: rows of a batch, at least 1.</summary>
    public int BatchSize { get; init; } = 4096;

    /// <summary>The learning rate schedule that the three keys describe.</summary>
    public LearningRateSchedule Schedule => new(LrSchedule, LrWarmupPct, LrExponentialHalflife);

    /// <summary>Checks every option against its range.</summary>
    /// <exception cref="ArgumentException">An option is out of its range; one sentence says which and why.</exception>
    public void Validate()
    {
        Require(C >= 1, nameof(C), C, "it must be at least 1");
        foreach (var (pattern, count) in CBySite ?? new Dictionary<string, int>()) Require(count >= 1, $"C of '{pattern}'", count, "it must be at least 1");
        Require(CBySite is not { Count: 0 }, nameof(CBySite), "empty", "it must name every site, or be null");
        Require(NMaskSamples >= 1, nameof(NMaskSamples), NMaskSamples, "it must be at least 1");
        Require(NCiMlpNeurons >= 0, nameof(NCiMlpNeurons), NCiMlpNeurons, "it must be at least 0");
        Require(Pnorm > 0 && double.IsFinite(Pnorm), nameof(Pnorm), Pnorm, "it must be a finite number above 0");
        Require(Lr >= 0 && double.IsFinite(Lr), nameof(Lr), Lr, "it must be a finite number, at least 0");
        Require(LrWarmupPct is >= 0 and <= 1, nameof(LrWarmupPct), LrWarmupPct, "it must be from 0 to 1");
        Require(
            LrSchedule != ScheduleShape.Exponential || LrExponentialHalflife > 0, nameof(LrExponentialHalflife), LrExponentialHalflife,
            "an exponential schedule needs a number above 0");
        Require(Steps >= 1, nameof(Steps), Steps, "it must be at least 1");
        Require(BatchSize >= 1, nameof(BatchSize), BatchSize, "it must be at least 1");

        static void Require(bool holds, string option, object? value, string range)
        {
            if (!holds) throw new ArgumentException($"{option} is {value ?? "null"}, but {range}");
        }
    }
}

/// <summary>The names of the loss terms, as logged.</summary>
public static class LossNames
{
    /// <summary><c>Σ_l ‖W_l − (V_l U_l)ᵀ‖² / N</c>.</summary>
    public const string Faithfulness = "faithfulness";

    /// <summary>Masks equal the causal importances, all sites masked.</summary>
    public const string Recon = "recon";

    /// <summary>Stochastic masks, all sites masked.</summary>
    public const string StochasticRecon = "stochastic_recon";

    /// <summary>Masks equal the causal importances, one site masked at a time.</summary>
    public const string ReconLayerwise = "recon_layerwise";

    /// <summary>Stochastic masks, one site masked at a time.</summary>
    public const string StochasticReconLayerwise = "stochastic_recon_layerwise";

    /// <summary><c>mean_B Σ_l Σ_c ĝ^p</c>.</summary>
    public const string ImportanceMinimality = "importance_minimality";

    /// <summary><c>Σ_l mean_B Σ_c ĝ^p (‖V[:,c]‖² + ‖U[c,:]‖²)</c>.</summary>
    public const string Schatten = "schatten";

    /// <summary>Nothing masked: the subcomponents' sum in place of every site.</summary>
    public const string OutRecon = "out_recon";
}
