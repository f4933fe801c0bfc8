using System.ComponentModel.DataAnnotations;
using Spd.Networks;

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
public sealed record DecompositionOptions : MethodOptions
{
    private const int MostSubcomponents = 100_000;

    /// <summary>C: subcomponents of each site, at least 1.</summary>
    [Range(1, MostSubcomponents)]
    public int C { get; init; } = 20;

    /// <summary>
    /// C of single sites in place of <see cref="C"/>, by glob patterns over their paths: every site is fitted by exactly one of them. Null: <see cref="C"/> for all.
    /// </summary>
    [Range(1, MostSubcomponents)]
    public IReadOnlyDictionary<string, int>? CBySite { get; init; }

    /// <summary>S: mask samples of the stochastic losses, at least 1.</summary>
    [Range(1, 1000)]
    public int NMaskSamples { get; init; } = 1;

    /// <summary>K: hidden neurons of a gate; 0 is a linear gate.</summary>
    [Range(0, 10_000)]
    public int NCiMlpNeurons { get; init; }

    /// <summary>Glob patterns over module paths: <c>linear1</c>, <c>layers.*.mlp_in</c>.</summary>
    public IReadOnlyList<string> TargetModulePatterns { get; init; } = [];

    /// <summary>Coefficient of <see cref="LossNames.Faithfulness"/>; null leaves the term out.</summary>
    [NotNegative]
    public double? FaithfulnessCoeff { get; init; } = 1;

    /// <summary>Coefficient of <see cref="LossNames.Recon"/>.</summary>
    [NotNegative]
    public double? ReconCoeff { get; init; }

    /// <summary>Coefficient of <see cref="LossNames.StochasticRecon"/>.</summary>
    [NotNegative]
    public double? StochasticReconCoeff { get; init; } = 1;

    /// <summary>Coefficient of <see cref="LossNames.ReconLayerwise"/>.</summary>
    [NotNegative]
    public double? ReconLayerwiseCoeff { get; init; }

    /// <summary>Coefficient of <see cref="LossNames.StochasticReconLayerwise"/>.</summary>
    [NotNegative]
    public double? StochasticReconLayerwiseCoeff { get; init; } = 1;

    /// <summary>β₃: coefficient of <see cref="LossNames.ImportanceMinimality"/>.</summary>
    [NotNegative]
    public double? ImportanceMinimalityCoeff { get; init; } = 3e-3;

    /// <summary>Coefficient of <see cref="LossNames.Schatten"/>.</summary>
    [NotNegative]
    public double? SchattenCoeff { get; init; }

    /// <summary>Coefficient of <see cref="LossNames.OutRecon"/>.</summary>
    [NotNegative]
    public double? OutReconCoeff { get; init; }

    /// <summary>Coefficient of <see cref="LossNames.EmbeddingRecon"/>, for a network of which one embedding is decomposed.</summary>
    [NotNegative]
    public double? EmbeddingReconCoeff { get; init; }

    /// <summary>Whether embeddings are compared as the unembedding reads them, by the divergence of its logits.</summary>
    public bool IsEmbedUnembedRecon { get; init; }

    /// <summary>p of the minimality and Schatten losses, above 0.</summary>
    [Positive]
    public double Pnorm { get; init; } = 1;

    /// <summary>D: how outputs are compared.</summary>
    public OutputLoss OutputLossType { get; init; }

    /// <summary>The terms of the objective, each with its coefficient; null for those of the paper, which have their coefficients above.</summary>
    public IReadOnlyList<LossTerm>? LossTerms { get; init; }

    /// <summary>Whether stochastic and adversarial masks also scale what the subcomponents lack of a matrix, <c>Δ = W − (V U)ᵀ</c>.</summary>
    public bool UseDeltaComponent { get; init; }

    /// <summary>The causal importance functions; null for the paper's gates.</summary>
    public ImportanceOptions? Importances { get; init; }

    /// <summary>What factors start from.</summary>
    public ComponentStart ComponentStart { get; init; }

    /// <summary>Whether matrices that the network ties have factors of their own all the same.</summary>
    public bool IsUntied { get; init; }

    /// <summary>Steps that train the factors on faithfulness alone, before the first step.</summary>
    [AtLeast(0)]
    public int FaithfulnessWarmupSteps { get; init; }

    /// <summary>Their learning rate.</summary>
    [Positive]
    public double FaithfulnessWarmupLr { get; init; } = 1e-3;

    /// <summary>The largest norm of the gradients of all factors together; null leaves them as they are.</summary>
    [Positive]
    public double? GradClipNormComponents { get; init; }

    /// <summary>The largest norm of the gradients of the causal importance functions; null leaves them as they are.</summary>
    [Positive]
    public double? GradClipNormCiFns { get; init; }

    /// <summary>Learning rate of the causal importance functions, where it is not <see cref="MethodOptions.Lr"/>.</summary>
    [Positive]
    public double? CiFnLr { get; init; }

    // As the successor has it: factors and causal importance functions apart, each with its norm.
    internal bool HasTwoGroups => GradClipNormComponents is not null || GradClipNormCiFns is not null || CiFnLr is not null;

    public override void Validate()
    {
        base.Validate();
        if (CBySite is { Count: 0 }) throw new ArgumentException("CBySite is empty, but it must name every site, or be null");
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

    /// <summary><c>mean_B Σ_l Σ_c ĝ^p</c>, or the successor's count.</summary>
    public const string ImportanceMinimality = "importance_minimality";

    /// <summary>How often subcomponents are needed, weighted by how often: the successor's <c>Σ f log₂(1 + a' f)</c>.</summary>
    public const string ImportanceFrequency = "importance_frequency";

    /// <summary><c>Σ_l mean_B Σ_c ĝ^p (‖V[:,c]‖² + ‖U[c,:]‖²)</c>.</summary>
    public const string Schatten = "schatten";

    /// <summary>Nothing masked: the subcomponents' sum in place of every site.</summary>
    public const string OutRecon = "out_recon";

    /// <summary>Stochastic masks, the embedding itself compared: <c>mean_B Σ_d (masked − target)²</c>, or the divergence of both unembedded.</summary>
    public const string EmbeddingRecon = "embedding_recon";
}
