using Spd.Decomposition;
using Spd.Engine.Execution;
using Spd.Engine.Planning;
using Spd.Networks.Data;
using Spd.Networks.Targets;

namespace Spd.Baselines;

/// <summary>
/// Attribution-based Parameter Decomposition (arXiv 2501.14926), the method that the paper compares with, on a Toy Model of Superposition.
/// </summary>
public sealed class Apd : Training
{
    /// <summary>What the evaluation calls the components: one spans all matrices.</summary>
    public const string AllMatrices = "components";

    private const string Unmasked = "unmasked";

    private readonly DataSource _data;
    private readonly ApdStep _step;
    private ApdStep? _evaluation;

    /// <summary>Prepares a decomposition; nothing is trained yet.</summary>
    /// <param name="network">The trained target; it is not changed.</param>
    /// <param name="data">The inputs that it is decomposed on.</param>
    /// <param name="options">The options.</param>
    /// <param name="backend">What computes; the result has the same bits on any number of its threads. Null uses every processor.</param>
    /// <exception cref="ArgumentException">The network has hidden layers, or an option is out of its range.</exception>
    public Apd(Tms network, DataSource data, ApdOptions options, Backend? backend = null)
        : base(options, backend)
    {
        Options = options;
        Components = new ApdModel(network, options.C, options.M, options.Seed);
        _data = data;
        _step = new ApdStep(Components, data, options, Backend);
    }

    /// <summary>The options.</summary>
    public ApdOptions Options { get; }

    /// <summary>The components.</summary>
    public ApdModel Components { get; }

    public override IReadOnlyList<(string Name, Plan Plan)> Plans => _step.Plans;

    protected override TrainingStep NextStep => _step;

    /// <summary>Measures the decomposition as it stands, on batches that training does not draw. What only causal importances give is NaN.</summary>
    /// <param name="batches">Batches to average over.</param>
    public Evaluation Evaluate(int batches)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(batches, 1);
        _evaluation ??= new ApdStep(Components, _data, Options, Backend, Unmasked);
        var losses = new Dictionary<string, double>();
        double total = 0;
        long active = 0;
        bool[] alive = new bool[Components.C];
        for (int batch = 0; batch < batches; batch++)
        {
            _evaluation.Compute(Options.Seed + Evaluator.SeedOffset, EvaluatedBatches++);
            foreach (var (name, value) in StepResult.LossesOf(_evaluation.Program)) losses[name] = losses.GetValueOrDefault(name) + value / batches;
            total += _evaluation.Program.TotalLoss / batches;
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
}
