namespace Spd.Decomposition;

/// <summary>What sources of stochastic masks are.</summary>
public enum MaskSampling
{
    /// <summary>Uniform in [0, 1).</summary>
    Continuous,

    /// <summary>0 or 1, each with probability ½; causal importances are computed with a little noise: of <c>1.05 x − 0.05 u</c> for x.</summary>
    Binomial,
}
