namespace Spd.Decomposition;

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
