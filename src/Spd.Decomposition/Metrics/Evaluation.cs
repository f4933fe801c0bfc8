namespace Spd.Decomposition;

/// <summary>The evidence of METHOD §9, measured together on fresh batches. An error that was not measured is NaN.</summary>
/// <param name="Losses">Every term of the objective, and <c>total</c>.</param>
/// <param name="Sites">The sites in the model's order.</param>
/// <param name="UnmaskedRecon">Output error with nothing masked: do the parts sum to the model?</param>
/// <param name="StochasticRecon">Output error with stochastic masks on all sites.</param>
/// <param name="ImportanceMaskedRecon">Output error with masks equal to the causal importances; trained on only where <see cref="DecompositionOptions.ReconCoeff"/> is set.</param>
/// <param name="RoundedMaskedRecon">Output error with only the subcomponents of importance above ½; monitored, not trained on.</param>
/// <param name="AdversarialRecon">Output error under the worst masks that 20 steps of sign-gradient ascent find.</param>
public sealed record Evaluation(
    IReadOnlyDictionary<string, double> Losses, IReadOnlyList<SiteEvaluation> Sites, double UnmaskedRecon, double StochasticRecon,
    double ImportanceMaskedRecon, double RoundedMaskedRecon, double AdversarialRecon)
{
    /// <summary>What subcomponents have an importance on: an input, or a token where inputs are sequences.</summary>
    public string InputName => Sites.Any(site => site.L0ByPosition.Count > 0) ? "token" : "input";
}

/// <summary>How much of a site is in use.</summary>
/// <param name="Name">The site.</param>
/// <param name="C">Its subcomponents.</param>
/// <param name="L0">Mean number of subcomponents with causal importance above <see cref="Evaluator.ActiveThreshold"/>.</param>
/// <param name="Alive">Subcomponents whose causal importance exceeded <see cref="Evaluator.AliveThreshold"/> on any evaluated input.</param>
/// <param name="Importances">
/// Counts of causal importances in <see cref="Evaluator.HistogramBins"/> equal bins of [0, 1], over inputs and subcomponents;
/// what leaks below 0 counts as 0.
/// </param>
public sealed record SiteEvaluation(string Name, int C, double L0, int Alive, IReadOnlyList<long> Importances)
{
    /// <summary>
    /// Subcomponents whose causal importance differs by more than <see cref="Evaluator.AliveThreshold"/> between two evaluated inputs; null where this was not
    /// measured.
    /// </summary>
    public int? Varying { get; init; }

    /// <summary>Which subcomponents are the <see cref="Alive"/> ones, rising; null where this was not measured.</summary>
    public IReadOnlyList<int>? AliveSubcomponents { get; init; }

    /// <summary>The mean causal importance of each subcomponent over the evaluated inputs; what leaks below 0 counts as 0. Empty where it was not measured.</summary>
    public IReadOnlyList<double> MeanImportances { get; init; } = [];

    /// <summary><see cref="L0"/> at each position of a sequence; empty where inputs are no sequences.</summary>
    public IReadOnlyList<double> L0ByPosition { get; init; } = [];
}
