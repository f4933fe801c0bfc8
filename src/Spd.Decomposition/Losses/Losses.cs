using Spd.Engine.Execution;
using Spd.Engine.Operations;
using Spd.Engine.Planning;
using Spd.Networks;

namespace Spd.Decomposition;

/// <summary>The objective: its terms (METHOD §4, VPD §2).</summary>
public static class Losses
{
    /// <summary>Adds the terms to an objective.</summary>
    /// <param name="objective">The objective.</param>
    /// <param name="model">The components.</param>
    /// <param name="target">The target's pass and the causal importances.</param>
    /// <param name="terms">The terms.</param>
    /// <param name="settings">What they share.</param>
    /// <param name="batch">The shape of a batch.</param>
    /// <param name="backend">What adversaries compute with; null leaves out the terms that have one.</param>
    /// <param name="stochasticMasks">Where stochastic masks come from, by purpose; by default fresh random numbers.</param>
    /// <returns>What was described with, and what has to be done in a step beside computing the losses.</returns>
    /// <exception cref="ArgumentException">There is no term.</exception>
    internal static LossContext Add(
        Objective objective, ComponentModel model, CausalImportance target, IReadOnlyList<LossTerm> terms, LossSettings settings, Batch batch, Backend? backend,
        Func<StreamPurpose, MaskSource>? stochasticMasks = null)
    {
        if (terms.Count == 0) throw new ArgumentException("every coefficient is null, so there is nothing to minimise", nameof(terms));
        var context = new LossContext(objective, model, target, settings, batch, backend, stochasticMasks);
        foreach (var term in terms)
            if (backend is not null || !term.IsAdversarial) term.AddTo(context);
        return context;
    }
}
