using System.ComponentModel.DataAnnotations;
using Spd.Networks;

namespace Spd.Decomposition;

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

    /// <summary>The terms of the objective: those that are listed, or those of the paper that have a coefficient.</summary>
    internal IReadOnlyList<LossTerm> Terms => LossTerms ??
    [
        .. new LossTerm?[]
        {
            FaithfulnessCoeff is { } faithfulness ? new FaithfulnessLoss { Coeff = faithfulness } : null,
            Recon(LossNames.StochasticRecon, StochasticReconCoeff, ReconMasks.Stochastic, ReconSites.All),
            Recon(LossNames.StochasticReconLayerwise, StochasticReconLayerwiseCoeff, ReconMasks.Stochastic, ReconSites.Layerwise),
            Recon(LossNames.Recon, ReconCoeff, ReconMasks.CiMasked, ReconSites.All),
            Recon(LossNames.ReconLayerwise, ReconLayerwiseCoeff, ReconMasks.CiMasked, ReconSites.Layerwise),
            Recon(LossNames.OutRecon, OutReconCoeff, ReconMasks.Unmasked, ReconSites.All),
            EmbeddingReconCoeff is { } embedding ? new EmbeddingReconLoss { Coeff = embedding, IsUnembedded = IsEmbedUnembedRecon } : null,
            ImportanceMinimalityCoeff is { } minimality ? new PaperMinimalityLoss { Coeff = minimality, Pnorm = Pnorm } : null,
            SchattenCoeff is { } schatten ? new PaperMinimalityLoss { Coeff = schatten, Pnorm = Pnorm, IsSchatten = true } : null,
        }.OfType<LossTerm>(),
    ];

    /// <summary>What the terms share.</summary>
    internal LossSettings LossSettings => new(Seed, Steps, NMaskSamples, OutputLossType, UseDeltaComponent);

    // As the successor has it: factors and causal importance functions apart, each with its norm.
    internal bool HasTwoGroups => GradClipNormComponents is not null || GradClipNormCiFns is not null || CiFnLr is not null;

    public override void Validate()
    {
        base.Validate();
        foreach (var term in LossTerms ?? []) OptionRanges.Check(term, term.GetType());
        if ((LossTerms ?? []).CountBy(term => term.Name).FirstOrDefault(name => name.Value > 1) is { Key: { } twice })
            throw new ArgumentException($"two losses are called '{twice}', by which their sources are kept: give one of them another Name, or leave it out");
        if (CBySite is { Count: 0 }) throw new ArgumentException("CBySite is empty, but it must name every site, or be null");
    }

    private static ReconLoss? Recon(string name, double? coefficient, ReconMasks masks, ReconSites sites) =>
        coefficient is { } value ? new ReconLoss { Name = name, Coeff = value, Masks = masks, Sites = sites } : null;
}
