using Spd.Decomposition;
using Spd.Engine.Execution;
using Spd.Engine.Graphs;
using Spd.Engine.Operations;
using Spd.Engine.Planning;
using Spd.Networks.Data;

namespace Spd.Baselines;

/// <summary>
/// One optimisation step of APD (METHOD §10): attributions of a batch, the components that are active on its rows, then on the same batch the losses,
/// their gradients, the optimiser.
/// </summary>
public sealed class ApdStep : TrainingStep
{
    private readonly ApdOptions _options;
    private readonly Attributions _attributions;
    private readonly BatchTopK _topK = new();
    private readonly Value _mask, _shares;
    private readonly float[] _activeRows, _activeShares;

    /// <summary>Builds the step's graphs.</summary>
    /// <param name="model">The components, trained in place.</param>
    /// <param name="data">The inputs.</param>
    /// <param name="options">The options.</param>
    /// <param name="backend">What computes; the number of its threads does not change a bit of the result.</param>
    /// <param name="unmasked">The name under which the error with all components is measured too; null to leave it out.</param>
    public ApdStep(ApdModel model, DataSource data, ApdOptions options, Backend backend, string? unmasked = null)
        : base(options)
    {
        _options = options;
        var (graph, objective) = (Graph, Objective);
        var x = data.Build(graph);
        int rank = model.Matrices[0].Rank;
        _attributions = new Attributions(graph, model, x, options.AttributionModel, options.BatchSize, backend);
        Active = new bool[options.BatchSize * model.C];
        _activeRows = new float[Active.Length];
        _activeShares = new float[model.C * rank];

        _mask = graph.Input(model.C);
        _shares = graph.Add(new Input(new Shape(Domain.Weights, model.C * rank)));
        var target = model.TargetForward(graph, x);
        var masked = model.Forward(graph, x, graph.Add(new RepeatRows(_mask, rank)));
        FaithfulnessLoss.AddTo(objective, ApdLossNames.ParamMatch, model.Matrices, options.ParamMatchCoeff);
        foreach (var matrix in model.Matrices) objective.Add(ApdLossNames.Schatten, Schatten(graph, matrix), 1.0 / model.TargetEntries, options.SchattenCoeff);
        objective.Add(ApdLossNames.TopkRecon, graph.SquaredError(masked, target), 1, options.TopkReconCoeff);
        if (unmasked is not null) objective.Add(unmasked, graph.SquaredError(model.Forward(graph, x, mask: null), target), 1, coefficient: 0);
        // One that measures trains nothing.
        Compile(model.Parameters, options.BatchSize, backend, trains: unmasked is null);
        Program.Set(_mask, _activeRows);
    }

    /// <summary>What a step runs, in turn: the attributions, and the losses with their gradients.</summary>
    public IReadOnlyList<(string Name, Plan Plan)> Plans => [("attributions", _attributions.Plan), ("losses", Program.Plan)];

    /// <summary>Whether each component was active on each row of the last batch, row-major <c>[rows, C]</c>.</summary>
    public bool[] Active { get; }

    public override void Compute(ulong seed, long batch)
    {
        _attributions.Compute(seed, batch);
        _topK.Choose(_attributions.Values, (int)(_options.Topk * _options.BatchSize), Active);
        Array.Clear(_activeShares);
        int components = Active.Length / _options.BatchSize, rank = _activeShares.Length / components;
        for (int i = 0; i < Active.Length; i++)
        {
            _activeRows[i] = Active[i] ? 1 : 0;
            if (Active[i]) _activeShares[i % components * rank] += 1;
        }

        // A share for each row of the factors.
        for (int i = 0; i < _activeShares.Length; i++) _activeShares[i] = i % rank == 0 ? _activeShares[i] / _options.BatchSize : _activeShares[i - i % rank];
        Program.Set(_shares, _activeShares);
        base.Compute(seed, batch);
    }

    /// <summary>
    /// One matrix's <c>mean_B Σ_c Σ_ρ (m_c ‖A_cρ‖² ‖B_cρ‖² + 1e-16)^(p/2)</c>, where <c>m_c</c> is one on the rows of the batch on which component c is
    /// active, so that all that the batch says is the share of rows on which it is. What inactive rows add, 1e-8^p, is left out.
    /// </summary>
    private Value Schatten(Graph graph, FactoredMatrix matrix)
    {
        Value a = graph.Weight(matrix.V), b = graph.Weight(matrix.U);
        var squares = graph.Multiply(graph.Add(new RowDot(a, a)), graph.Add(new RowDot(b, b)));
        return graph.Add(new InnerProduct(graph.Add(new Power(squares, (float)(_options.SchattenPnorm / 2), 1e-16f)), _shares));
    }
}
