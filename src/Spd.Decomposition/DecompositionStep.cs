using Spd.Engine.Operations;
using Spd.Engine;
using Spd.Engine.Execution;
using Spd.Engine.Graphs;
using Spd.Engine.Optimisation;
using Spd.Networks.Data;

namespace Spd.Decomposition;

/// <summary>One optimisation step: a batch, the target's pass and the causal importances, the losses, their gradients, the optimiser.</summary>
public sealed class DecompositionStep
{
    private readonly DecompositionOptions _options;
    private readonly LearningRateSchedule _schedule;
    private readonly Program _program;

    /// <summary>Builds the step's graph.</summary>
    /// <param name="model">The components, trained in place.</param>
    /// <param name="data">The inputs.</param>
    /// <param name="options">The options.</param>
    /// <param name="backend">What computes; the number of its threads does not change a bit of the result.</param>
    /// <param name="stochasticMasks">Where stochastic masks come from, by purpose; by default fresh random numbers.</param>
    public DecompositionStep(
        ComponentModel model, DataSource data, DecompositionOptions options, Backend backend, Func<StreamPurpose, MaskSource>? stochasticMasks = null)
    {
        options.Validate();
        _options = options;
        _schedule = options.Schedule;
        Objective = new Objective(new Graph());
        Target = CausalImportance.Build(Graph, model, data.Build(Graph));
        Losses.Add(Objective, model, Target, options, stochasticMasks);
        _program = backend.Compile(Objective, options.BatchSize, model.Parameters);
        Optimiser = new Optimiser([new ParameterGroup("components", model.Parameters, new AdamW(), LearningRate)], backend);
    }

    /// <summary>What is minimised.</summary>
    public Objective Objective { get; }

    /// <summary>The step's computation.</summary>
    public Graph Graph => Objective.Graph;

    /// <summary>The program that computes losses and gradients.</summary>
    public Program Program => _program;

    /// <summary>The target's pass and the causal importances.</summary>
    public CausalImportance Target { get; }

    /// <summary>The gradients of the last step.</summary>
    public ParameterGradients Gradients => _program.Gradients;

    /// <summary>What steps the components, with its state.</summary>
    public Optimiser Optimiser { get; }

    /// <summary>Computes losses and gradients of one batch, and steps the parameters.</summary>
    /// <param name="step">The step's number, from 0, which its random numbers are drawn for.</param>
    /// <returns>The losses, which are those before the parameters moved.</returns>
    /// <exception cref="NonFiniteLossException">A loss is infinite or not a number; the parameters are as before the step.</exception>
    public StepResult Run(int step)
    {
        _program.Run(_options.Seed, step);
        var result = new StepResult(step, StepResult.Named(_program.LossNames, _program.Losses), _program.TotalLoss, LearningRate(step)).RequireFinite();
        Optimiser.Step(step, _program.Gradients);
        return result;
    }

    private double LearningRate(long step) => _options.Lr * _schedule.Factor(step, _options.Steps);
}

/// <summary>A loss became infinite or not a number.</summary>
public sealed class NonFiniteLossException(long step, string term, double value)
    : Exception($"the loss '{term}' became {value} at step {step}; training stopped there. A smaller lr, or a smaller coefficient of the term, usually helps")
{
    /// <summary>The step.</summary>
    public long Step { get; } = step;

    /// <summary>The loss.</summary>
    public string Term { get; } = term;
}
