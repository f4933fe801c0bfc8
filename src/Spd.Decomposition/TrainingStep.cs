using System.Diagnostics.CodeAnalysis;
using Spd.Engine;
using Spd.Engine.Execution;
using Spd.Engine.Graphs;
using Spd.Engine.Operations;
using Spd.Engine.Optimisation;
using Spd.Engine.Planning;

namespace Spd.Decomposition;

/// <summary>One optimisation step, whatever the method: a batch, the losses, their gradients, the optimiser.</summary>
public abstract class TrainingStep
{
    private readonly MethodOptions _options;
    private readonly LearningRateSchedule _schedule;

    /// <summary>Checks the options.</summary>
    protected TrainingStep(MethodOptions options)
    {
        options.Validate();
        (_options, _schedule) = (options, options.Schedule);
    }

    /// <summary>What is minimised.</summary>
    public Objective Objective { get; } = new(new Graph());

    /// <summary>The step's computation.</summary>
    public Graph Graph => Objective.Graph;

    /// <summary>The program that computes losses and gradients.</summary>
    public Program Program { get; private set; } = null!;

    /// <summary>The gradients of the last step.</summary>
    public ParameterGradients Gradients => Program.Gradients;

    /// <summary>What steps the components, with its state.</summary>
    public Optimiser Optimiser { get; private set; } = null!;

    /// <summary>Computes losses and gradients of one batch, and steps the parameters.</summary>
    /// <param name="step">The step's number, from 0, which its random numbers are drawn for.</param>
    /// <returns>The losses, which are those before the parameters moved.</returns>
    /// <exception cref="NonFiniteLossException">A loss is infinite or not a number; the parameters are as before the step.</exception>
    public StepResult Run(int step)
    {
        Prepare(step);
        Compute(_options.Seed, step);
        var result = new StepResult(step, StepResult.LossesOf(Program), Program.TotalLoss, LearningRate(step)).RequireFinite();
        Update(step);
        return result;
    }

    /// <summary>All that a training goes on from beside the number of its steps, by name and in a fixed order.</summary>
    public virtual IReadOnlyList<(string Name, Memory<float> Values)> State => Optimiser.State;

    /// <summary>Computes the losses of one batch, and their gradients where it trains.</summary>
    public virtual void Compute(ulong seed, long batch) => Program.Run(seed, batch);

    /// <summary>Does what comes before a step's batch.</summary>
    protected virtual void Prepare(long step)
    {
    }

    /// <summary>Steps what is trained, by the gradients of the last batch.</summary>
    protected virtual void Update(long step) => Optimiser.Step(step, Program.Gradients);

    /// <summary>Makes the step ready to run, once <see cref="Objective"/> has its terms.</summary>
    /// <param name="parameters">What is trained.</param>
    /// <param name="batch">The shape of a batch.</param>
    /// <param name="backend">What computes.</param>
    /// <param name="trains">Whether gradients are wanted.</param>
    protected void Compile(ParameterSet parameters, Batch batch, Backend backend, bool trains = true) => Compile(
        backend.Compile(Objective, batch, trains ? parameters : null), [new ParameterGroup("components", parameters, new AdamW(), LearningRate)], backend);

    /// <summary>Takes a program of the objective, and the groups of what it trains.</summary>
    [MemberNotNull(nameof(Program), nameof(Optimiser))]
    protected void Compile(Program program, IReadOnlyList<ParameterGroup> groups, Backend backend)
    {
        Program = program;
        Optimiser = new Optimiser(groups, backend);
    }

    /// <summary>The learning rate of a step.</summary>
    protected double LearningRate(long step) => _options.Lr * _schedule.Factor(step, _options.Steps);
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
