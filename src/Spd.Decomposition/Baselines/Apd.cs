using Spd.Engine.Cpu;
using Spd.Engine.Execution;
using Spd.Engine.Planning;
using Spd.Networks.Data;
using Spd.Networks.Targets;

namespace Spd.Decomposition.Baselines;

/// <summary>
/// Attribution-based Parameter Decomposition (arXiv 2501.14926), the method that the paper compares with, on a Toy Model of Superposition.
/// </summary>
public sealed class Apd : IDisposable
{
    /// <summary>What the evaluation calls the components: one spans all matrices.</summary>
    public const string AllMatrices = "components";

    private const string Unmasked = "unmasked";

    private readonly DataSource _data;
    private readonly Backend _backend;
    private readonly bool _ownsBackend;
    private readonly ApdStep _step;
    private ApdStep? _evaluation;
    private long _evaluated;

    /// <summary>Prepares a decomposition; nothing is trained yet.</summary>
    /// <param name="network">The trained target; it is not changed.</param>
    /// <param name="data">The inputs that it is decomposed on.</param>
    /// <param name="options">The options.</param>
    /// <param name="backend">What computes; the result has the same bits on any number of its threads. Null uses every processor.</param>
    /// <exception cref="ArgumentException">The network has hidden layers, or an option is out of its range.</exception>
    public Apd(Tms network, DataSource data, ApdOptions options, Backend? backend = null)
    {
        options.Validate();
        Options = options;
        Components = new ApdModel(network, options.C, options.M, options.Seed);
        _data = data;
        _ownsBackend = backend is null;
        _backend = backend ?? new CpuBackend();
        _step = new ApdStep(Components, data, options, _backend);
    }

    /// <summary>The options.</summary>
    public ApdOptions Options { get; }

    /// <summary>The components.</summary>
    public ApdModel Components { get; }

    /// <summary>What a step runs, in turn.</summary>
    public IReadOnlyList<(string Name, Plan Plan)> Plans => _step.Plans;

    /// <summary>Steps taken so far.</summary>
    public int StepsTaken { get; private set; }

    /// <summary>Takes one step.</summary>
    /// <returns>What it computed.</returns>
    /// <exception cref="InvalidOperationException">All <see cref="ApdOptions.Steps"/> have been taken.</exception>
    /// <exception cref="NonFiniteLossException">A loss became infinite or not a number; the components are those of the step before.</exception>
    public StepResult Step()
    {
        if (StepsTaken >= Options.Steps) throw new InvalidOperationException($"all {Options.Steps} steps that the options allow (Steps) have been taken");
        var result = _step.Run(StepsTaken);
        StepsTaken++;
        return result;
    }

    /// <summary>Takes steps up to <see cref="ApdOptions.Steps"/>, or until stopped; a further call goes on.</summary>
    /// <param name="onStep">Told after each step what it computed.</param>
    /// <param name="cancellation">Stops between two steps; the call then returns.</param>
    /// <exception cref="NonFiniteLossException">A loss became infinite or not a number; the components are those of the step before.</exception>
    public void Train(Action<StepResult>? onStep = null, CancellationToken cancellation = default)
    {
        while (StepsTaken < Options.Steps && !cancellation.IsCancellationRequested)
        {
            var result = Step();
            onStep?.Invoke(result);
        }
    }

    /// <summary>Measures the decomposition as it stands, on batches that training does not draw. What only causal importances give is NaN.</summary>
    /// <param name="batches">Batches to average over.</param>
    public Evaluation Evaluate(int batches)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(batches, 1);
        _evaluation ??= new ApdStep(Components, _data, Options, _backend, Unmasked);
        var losses = new Dictionary<string, double>();
        double total = 0;
        long active = 0;
        bool[] alive = new bool[Components.C];
        for (int batch = 0; batch < batches; batch++)
        {
            var computed = _evaluation.Compute(Options.Seed + Evaluator.SeedOffset, _evaluated++);
            foreach (var (name, value) in computed.Losses) losses[name] = losses.GetValueOrDefault(name) + value / batches;
            total += computed.Total / batches;
            for (int i = 0; i < _evaluation.Active.Length; i++)
            {
                if (!_evaluation.Active[i]) continue;
                active++;
                alive[i % alive.Length] = true;
            }
        }

        losses.Remove(Unmasked, out double unmasked);
        losses["total"] = total;
        return new Evaluation(
            losses, [new SiteEvaluation(AllMatrices, Components.C, (double)active / batches / Options.BatchSize, alive.Count(any => any), [])],
            unmasked, double.NaN, double.NaN, double.NaN, double.NaN);
    }

    /// <summary>Where the training stands.</summary>
    public TrainingState State => new(_step.Optimiser, StepsTaken, _evaluated);

    /// <summary>Goes on from where another training stood; see <see cref="Decomposer.Resume"/>.</summary>
    public void Resume(int stepsTaken, long evaluatedBatches) => (StepsTaken, _evaluated) = (stepsTaken, evaluatedBatches);

    public void Dispose()
    {
        if (_ownsBackend) _backend.Dispose();
    }
}
