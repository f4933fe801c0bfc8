using Spd.Engine.Cpu;
using Spd.Engine.Execution;
using Spd.Engine.Planning;

namespace Spd.Decomposition;

/// <summary>A decomposition that is trained step by step, whatever the method.</summary>
public abstract class Training : IDisposable
{
    private readonly MethodOptions _options;
    private readonly bool _ownsBackend;

    /// <summary>Checks the options; null for the back end takes every processor, and disposes of it at the end.</summary>
    protected Training(MethodOptions options, Backend? backend)
    {
        options.Validate();
        (_options, _ownsBackend, Backend) = (options, backend is null, backend ?? new CpuBackend());
    }

    /// <summary>What a step runs, in turn, each with its name.</summary>
    public abstract IReadOnlyList<(string Name, Plan Plan)> Plans { get; }

    /// <summary>Steps taken so far.</summary>
    public int StepsTaken { get; private set; }

    /// <summary>Where the training stands.</summary>
    public TrainingState State => new(NextStep.State, StepsTaken, EvaluatedBatches);

    /// <summary>What computes.</summary>
    protected Backend Backend { get; }

    /// <summary>The step that is to be run next.</summary>
    protected abstract TrainingStep NextStep { get; }

    /// <summary>Batches that were measured on so far: each evaluation draws others.</summary>
    protected long EvaluatedBatches { get; set; }

    /// <summary>Takes one step.</summary>
    /// <returns>What it computed.</returns>
    /// <exception cref="InvalidOperationException">All <see cref="MethodOptions.Steps"/> have been taken.</exception>
    /// <exception cref="NonFiniteLossException">A loss became infinite or not a number; the components are those of the step before.</exception>
    public StepResult Step()
    {
        if (StepsTaken >= _options.Steps) throw new InvalidOperationException($"all {_options.Steps} steps that the options allow (Steps) have been taken");
        var result = NextStep.Run(StepsTaken);
        StepsTaken++;
        return result;
    }

    /// <summary>Takes steps up to <see cref="MethodOptions.Steps"/>, or until stopped; a further call goes on.</summary>
    /// <param name="onStep">Told after each step what it computed.</param>
    /// <param name="cancellation">Stops between two steps; the call then returns, and <see cref="StepsTaken"/> says how far it came.</param>
    /// <exception cref="NonFiniteLossException">A loss became infinite or not a number; the components are those of the step before.</exception>
    public void Train(Action<StepResult>? onStep = null, CancellationToken cancellation = default)
    {
        while (StepsTaken < _options.Steps && !cancellation.IsCancellationRequested)
        {
            var result = Step();
            onStep?.Invoke(result);
        }
    }

    /// <summary>Goes on from where another training stood; what its optimiser held has been written into <see cref="State"/>'s.</summary>
    /// <param name="stepsTaken">Steps it had taken.</param>
    /// <param name="evaluatedBatches">Batches it had measured on.</param>
    public void Resume(int stepsTaken, long evaluatedBatches) => (StepsTaken, EvaluatedBatches) = (stepsTaken, evaluatedBatches);

    public void Dispose()
    {
        if (_ownsBackend) Backend.Dispose();
        GC.SuppressFinalize(this);
    }
}
