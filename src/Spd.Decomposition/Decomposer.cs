using Spd.Engine.Execution;
using Spd.Engine.Graphs;
using Spd.Engine.Planning;
using Spd.Networks;
using Spd.Networks.Data;

namespace Spd.Decomposition;

/// <summary>The whole method on one network: splits it, trains the subcomponents, and measures the result.</summary>
public sealed class Decomposer : Training
{
    private readonly DataSource _evaluationData;
    private readonly DecompositionStep _step;
    private Evaluator? _evaluator;

    /// <summary>Prepares a decomposition; nothing is trained yet.</summary>
    /// <param name="network">The trained target; it is not changed.</param>
    /// <param name="data">The inputs that it is decomposed on.</param>
    /// <param name="options">The options.</param>
    /// <param name="backend">What computes; the result has the same bits on any number of its threads. Null uses every processor.</param>
    /// <param name="evaluationData">The inputs that it is measured on; null for <paramref name="data"/>, of which every batch is fresh.</param>
    /// <exception cref="SiteSelectionException">A pattern matches nothing, or no linear map, or a site has no C or two.</exception>
    public Decomposer(Module network, DataSource data, DecompositionOptions options, Backend? backend = null, DataSource? evaluationData = null)
        : base(options, backend)
    {
        Options = options;
        Components = ComponentModel.Create(network, options.TargetModulePatterns, options.C, options.NCiMlpNeurons, options.Seed, options.CBySite, options.Importances,
            options.ComponentStart, options.IsUntied);
        _evaluationData = evaluationData ?? data;
        _step = new DecompositionStep(Components, data, options, Backend);
    }

    /// <summary>The options.</summary>
    public DecompositionOptions Options { get; }

    /// <summary>The subcomponents and their causal importance functions.</summary>
    public ComponentModel Components { get; }

    /// <summary>The description that training and evaluation are planned from.</summary>
    public Graph Graph => _step.Graph;

    /// <summary>The seed that the batches of <see cref="Evaluate"/> are drawn with, which is not that of training.</summary>
    public ulong EvaluationSeed => Options.Seed + Evaluator.SeedOffset;

    public override IReadOnlyList<(string Name, Plan Plan)> Plans => _step.Plans;

    protected override TrainingStep NextStep => _step;

    /// <summary>Measures the decomposition as it stands, on batches that training does not draw.</summary>
    /// <param name="batches">Batches to average over.</param>
    /// <param name="adversarialBatches">Batches to search adversarial masks for; with 0, <see cref="Evaluation.AdversarialRecon"/> is NaN.</param>
    public Evaluation Evaluate(int batches = 100, int adversarialBatches = 5)
    {
        _evaluator ??= new Evaluator(_step.Graph, Components, _evaluationData, Options, Backend);
        var evaluation = _evaluator.Evaluate(EvaluatedBatches, batches, adversarialBatches);
        EvaluatedBatches += batches + adversarialBatches;
        // What it is measured with takes memory for a whole batch, and there is nothing more to come.
        if (StepsTaken == Options.Steps) _evaluator = null;
        return evaluation;
    }
}
