using Spd.Engine.Execution;
using Spd.Engine.Graphs;
using Spd.Engine.Kernels;
using Spd.Engine.Operations;
using Spd.Engine.Optimisation;
using Spd.Networks.Data;

namespace Spd.Decomposition.Baselines;

/// <summary>
/// One optimisation step of APD (METHOD §10): attributions of a batch, the components that are active on its rows, then on the same batch the losses,
/// their gradients, the optimiser.
/// </summary>
public sealed class ApdStep
{
    private readonly ApdOptions _options;
    private readonly WorkerPool _pool;
    private readonly Attributions _attributions;
    private readonly BatchTopK _topK = new();
    private readonly PanelRunner _runner;
    private readonly Graph _graph;
    private readonly double[] _activeShares;

    /// <summary>Builds the step's graphs.</summary>
    /// <param name="model">The components, trained in place.</param>
    /// <param name="data">The inputs.</param>
    /// <param name="options">The options.</param>
    /// <param name="pool">The threads; how many does not change a bit of the result.</param>
    /// <param name="unmasked">The name under which the error with all components is measured too; null to leave it out.</param>
    /// <param name="kernels">The kernels, or null for <see cref="KernelSet.Default"/>.</param>
    public ApdStep(ApdModel model, DataSource data, ApdOptions options, WorkerPool pool, string? unmasked = null, KernelSet? kernels = null)
    {
        (_options, _pool) = (options, pool);
        _attributions = new Attributions(model, data.Build, options.AttributionModel, options.BatchSize, pool, kernels);
        Active = new bool[options.BatchSize * model.C];
        _activeShares = new double[model.C];

        _graph = new Graph(model.Parameters);
        var x = data.Build(_graph);
        var target = model.TargetForward(_graph, x);
        var masked = model.Forward(_graph, x, _graph.Add(new ActiveNode(Active, model.C, model.Matrices[0].Rank)));
        foreach (var matrix in model.Matrices)
        {
            _graph.AddLoss(
                ApdLossNames.ParamMatch, new FactorizationError(matrix.TargetWeight, matrix.V, matrix.U, model.TargetEntries), options.ParamMatchCoeff);
            _graph.AddLoss(
                ApdLossNames.Schatten, new SchattenPenalty(matrix, options.SchattenPnorm, model.TargetEntries, _activeShares), options.SchattenCoeff);
        }

        _graph.AddLoss(ApdLossNames.TopkRecon, new SquaredErrorLoss(masked, target), 1, options.TopkReconCoeff);
        if (unmasked is not null) _graph.AddLoss(unmasked, new SquaredErrorLoss(model.Forward(_graph, x, mask: null), target), 1, coefficient: 0);
        _runner = new PanelRunner(_graph, options.BatchSize, pool, kernels);
        Optimiser = new Optimiser([new ParameterGroup("components", model.Parameters, new AdamW(), LearningRate)], kernels);
    }

    /// <summary>The gradients of the last batch that trained.</summary>
    public ParameterGradients Gradients => _runner.Gradients;

    /// <summary>What steps the components, with its state.</summary>
    public Optimiser Optimiser { get; }

    /// <summary>Whether each component was active on each row of the last batch, row-major <c>[rows, C]</c>.</summary>
    public bool[] Active { get; }

    /// <summary>Computes the losses of one batch, and with <paramref name="backward"/> their gradients.</summary>
    /// <returns>Each loss before its coefficient, and Σ coefficient · loss.</returns>
    public (IReadOnlyList<(string Name, double Value)> Losses, double Total) Compute(ulong seed, long batch, bool backward)
    {
        _attributions.Compute(seed, batch);
        _topK.Choose(_attributions.Values, (int)(_options.Topk * _options.BatchSize), Active);
        Array.Clear(_activeShares);
        for (int i = 0; i < Active.Length; i++)
            if (Active[i]) _activeShares[i % _activeShares.Length] += 1.0 / _options.BatchSize;
        _runner.Run(seed, batch, backward);
        return (StepResult.Named(_graph.LossNames, _runner.Losses), _runner.TotalLoss);
    }

    /// <summary>Computes losses and gradients of one batch, and steps the parameters.</summary>
    /// <param name="step">The step's number, which its batch is drawn for.</param>
    /// <returns>The losses, which are those before the parameters moved.</returns>
    /// <exception cref="NonFiniteLossException">A loss is infinite or not a number; the parameters are as before the step.</exception>
    public StepResult Run(int step)
    {
        var (losses, total) = Compute(_options.Seed, step, backward: true);
        var result = new StepResult(step, losses, total, LearningRate(step)).RequireFinite();
        Optimiser.Step(step, _runner.Gradients, _pool);
        return result;
    }

    private double LearningRate(long step) => _options.Lr * _options.Schedule.Factor(step, _options.Steps);

    /// <summary>The chosen components as a mask <c>[C·r, lanes]</c>.</summary>
    private sealed class ActiveNode(bool[] active, int c, int rank) : Node(c * rank)
    {
        protected override void Forward(Workspace workspace)
        {
            var values = workspace.Values(this);
            for (int component = 0; component < c; component++)
            {
                var mask = values.Slice(component * rank * workspace.Stride, workspace.Stride);
                mask.Clear();
                for (int lane = 0; lane < workspace.ValidLanes; lane++)
                    if (active[(workspace.FirstRow + lane) * c + component]) mask[lane] = 1;
                for (int i = 1; i < rank; i++) mask.CopyTo(values[((component * rank + i) * workspace.Stride)..]);
            }
        }
    }
}
