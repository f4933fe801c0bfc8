using Spd.Engine.Cpu;
using Spd.Engine.Execution;
using Spd.Engine.Graphs;
using Spd.Engine.Planning;
using Spd.Networks;
using Spd.Networks.Data;

namespace Spd.Decomposition;

/// <summary>The whole method on one network: splits it, trains the subcomponents, and measures the result.</summary>
public sealed class Decomposer : IDisposable
{
    private readonly DataSource _evaluationData;
    private readonly Backend _backend;
    private readonly bool _ownsBackend;
    private readonly DecompositionStep _step;
    private Evaluator? _evaluator;
    private long _evaluatedBatches;

    /// <summary>Prepares a decomposition; nothing is trained yet.</summary>
    /// <param name="network">The trained target; it is not changed.</param>
    /// <param name="data">The inputs that it is decomposed on.</param>
    /// <param name="options">The options.</param>
    /// <param name="backend">What computes; the result has the same bits on any number of its threads. Null uses every processor.</param>
    /// <param name="evaluationData">The inputs that it is measured on; null for <paramref name="data"/>, of which every batch is fresh.</param>
    /// <exception cref="SiteSelectionException">A pattern matches nothing, or no linear map, or a site has no C or two.</exception>
    public Decomposer(Module network, DataSource data, DecompositionOptions options, Backend? backend = null, DataSource? evaluationData = null)
    {
        options.Validate();
        Options = options;
        Components = ComponentModel.Create(network, options.TargetModulePatterns, options.C, options.NCiMlpNeurons, options.Seed, options.CBySite);
        _evaluationData = evaluationData ?? data;
        _ownsBackend = backend is null;
        _backend = backend ?? new CpuBackend();
        _step = new DecompositionStep(Components, data, options, _backend);
    }

    /// <summary>The options.</summary>
    public DecompositionOptions Options { get; }

    /// <summary>The subcomponents and their causal importance functions.</summary>
    public ComponentModel Components { get; }

    /// <summary>The description that training and evaluation are planned from.</summary>
    public Graph Graph => _step.Graph;

    /// <summary>What a step runs.</summary>
    public Plan Plan => _step.Program.Plan;

    /// <summary>Steps taken so far.</summary>
    public int StepsTaken { get; private set; }

    /// <summary>Takes one step.</summary>
    /// <returns>What it computed.</returns>
    /// <exception cref="InvalidOperationException">All <see cref="DecompositionOptions.Steps"/> have been taken.</exception>
    /// <exception cref="NonFiniteLossException">A loss became infinite or not a number; the components are those of the step before.</exception>
    public StepResult Step()
    {
        if (StepsTaken >= Options.Steps) throw new InvalidOperationException($"all {Options.Steps} steps that the options allow (Steps) have been taken");
        var result = _step.Run(StepsTaken);
        StepsTaken++;
        return result;
    }

    /// <summary>Takes steps up to <see cref="DecompositionOptions.Steps"/>, or until stopped; a further call goes on.</summary>
    /// <param name="onStep">Told after each step what it computed.</param>
    /// <param name="cancellation">Stops between two steps; the call then returns, and <see cref="StepsTaken"/> says how far it came.</param>
    /// <exception cref="NonFiniteLossException">A loss became infinite or not a number; the components are those of the step before.</exception>
    public void Train(Action<StepResult>? onStep = null, CancellationToken cancellation = default)
    {
        while (StepsTaken < Options.Steps && !cancellation.IsCancellationRequested)
        {
            var result = Step();
            onStep?.Invoke(result);
        }
    }

    /// <summary>Measures the decomposition as it stands, on batches that training does not draw.</summary>
    /// <param name="batches">Batches to average over.</param>
    /// <param name="adversarialBatches">Batches to search adversarial masks for; with 0, <see cref="Evaluation.AdversarialRecon"/> is NaN.</param>
    public Evaluation Evaluate(int batches = 100, int adversarialBatches = 5)
    {
        _evaluator ??= new Evaluator(_step.Graph, Components, _evaluationData, Options, _backend);
        var evaluation = _evaluator.Evaluate(_evaluatedBatches, batches, adversarialBatches);
        _evaluatedBatches += batches + adversarialBatches;
        return evaluation;
    }

    /// <summary>Where the training stands.</summary>
    public TrainingState State => new(_step.Optimiser, StepsTaken, _evaluatedBatches);

    /// <summary>Goes on from where another training stood; what its optimiser held has been written into <see cref="State"/>'s.</summary>
    /// <param name="stepsTaken">Steps it had taken.</param>
    /// <param name="evaluatedBatches">Batches it had measured on.</param>
    public void Resume(int stepsTaken, long evaluatedBatches) =>
        (StepsTaken, _evaluatedBatches) = (stepsTaken, evaluatedBatches);

    public void Dispose()
    {
        if (_ownsBackend) _backend.Dispose();
    }
}
