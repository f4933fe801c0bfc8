namespace Spd.Decomposition;

/// <summary>How far a masked output is from the target's.</summary>
public enum OutputLoss
{
    /// <summary>Mean over all entries of the squared difference.</summary>
    Mse,

    /// <summary>Mean over positions of the Kullback–Leibler divergence of the softmaxes, the target's first.</summary>
    Kl,
}
