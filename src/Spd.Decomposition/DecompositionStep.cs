using Spd.Engine.Execution;
using Spd.Networks;
using Spd.Networks.Data;

namespace Spd.Decomposition;

/// <summary>One optimisation step: a batch, the target's pass and the causal importances, the losses, their gradients, the optimiser.</summary>
public sealed class DecompositionStep : TrainingStep
{
    /// <summary>Builds the step's graph.</summary>
    /// <param name="model">The components, trained in place.</param>
    /// <param name="data">The inputs.</param>
    /// <param name="options">The options.</param>
    /// <param name="backend">What computes; the number of its threads does not change a bit of the result.</param>
    /// <param name="stochasticMasks">Where stochastic masks come from, by purpose; by default fresh random numbers.</param>
    public DecompositionStep(
        ComponentModel model, DataSource data, DecompositionOptions options, Backend backend, Func<StreamPurpose, MaskSource>? stochasticMasks = null)
        : base(options)
    {
        Target = CausalImportance.Build(Graph, model, data.Build(Graph));
        Losses.Add(Objective, model, Target, options, stochasticMasks);
        Compile(model.Parameters, data.BatchOf(options.BatchSize), backend);
    }

    /// <summary>The target's pass and the causal importances.</summary>
    public CausalImportance Target { get; }
}
