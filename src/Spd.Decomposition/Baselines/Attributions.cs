using Spd.Engine;
using Spd.Engine.Execution;
using Spd.Engine.Graphs;
using Spd.Engine.Kernels;
using Spd.Engine.Operations;

namespace Spd.Decomposition.Baselines;

/// <summary>
/// How much of the output goes through each component, input by input: <c>Σ_o (Σ_l ⟨∂y_o/∂z_l, x_l P_lc⟩)²</c> (METHOD §10).
/// </summary>
/// <remarks>
/// The derivatives of a Toy Model of Superposition are known in closed form. With <c>y = relu(W₂ z₁ + b)</c>, <c>∂y_o/∂z₂</c> is the unit vector of o
/// and <c>∂y_o/∂z₁</c> row o of W₂, both where <c>y_o &gt; 0</c> and zero elsewhere.
/// </remarks>
public sealed class Attributions
{
    private readonly ApdModel _model;
    private readonly AttributionModel _of;
    private readonly PanelRunner _runner;
    private readonly Node _attributions;
    private readonly Parameter _w2;

    /// <summary>Builds the computation.</summary>
    /// <param name="model">The components.</param>
    /// <param name="input">Builds the inputs.</param>
    /// <param name="of">The model whose output is attributed, by its own gradients and activations.</param>
    /// <param name="rows">Rows of a batch.</param>
    /// <param name="pool">The threads.</param>
    /// <param name="kernels">The kernels, or null for <see cref="KernelSet.Default"/>.</param>
    public Attributions(ApdModel model, Func<Graph, Node> input, AttributionModel of, int rows, WorkerPool pool, KernelSet? kernels = null)
    {
        (_model, _of) = (model, of);
        var (first, last) = (model.Matrices[0], model.Matrices[1]);
        var graph = new Graph();
        var x = input(graph);
        var inputs = new Dictionary<FactoredMatrix, Node>();
        var y = of == AttributionModel.Target ? model.TargetForward(graph, x, inputs) : model.Forward(graph, x, mask: null, inputs);
        _w2 = new Parameter("W2", last.Outputs, last.Inputs);
        last.TargetWeight.CopyTo(_w2.Values);
        var throughLast = graph.WeightProduct(new WeightOperand(_w2), new WeightOperand(first.U, Transposed: true));   // W₂ B₁ᵀ   (d_out, C·r)
        _attributions = graph.Keep(graph.Add(new AttributionNode(
            model, throughLast, graph.Product(first.V, inputs[first]), graph.Product(last.V, inputs[last]), y, graph.Add(new RoomNode(y.Rows)))));
        _runner = new PanelRunner(graph, rows, pool, kernels);
        Values = new float[rows * model.C];
    }

    /// <summary>The attributions of the last batch, row-major <c>[rows, C]</c>.</summary>
    public float[] Values { get; }

    /// <summary>Computes the attributions of one batch.</summary>
    /// <param name="seed">Seed of the batch.</param>
    /// <param name="step">Number of the batch.</param>
    public void Compute(ulong seed, long step)
    {
        if (_of == AttributionModel.Decomposed)
        {
            float[,] sum = _model.Matrices[1].Sum();
            for (int row = 0; row < _w2.Rows; row++)
                for (int column = 0; column < _w2.Columns; column++)
                    _w2[row, column] = sum[row, column];
        }

        _runner.Run(seed, step, backward: false, observer: workspace => workspace.CopyTo(Values, _attributions));
    }

    /// <summary>The attributions for given inputs.</summary>
    /// <param name="model">The components.</param>
    /// <param name="of">The model whose output is attributed.</param>
    /// <param name="inputs">Row-major <c>[rows, features]</c>.</param>
    /// <param name="rows">Number of rows.</param>
    /// <returns>Row-major <c>[rows, C]</c>.</returns>
    public static float[] Of(ApdModel model, AttributionModel of, float[] inputs, int rows)
    {
        using var pool = new WorkerPool(1);
        var attributions = new Attributions(
            model, graph =>
            {
                var x = graph.Input(inputs.Length / rows);
                x.Set(inputs);
                return x;
            }, of, rows, pool);
        attributions.Compute(seed: 0, step: 0);
        return attributions.Values;
    }

    /// <summary>A panel to compute in, of the thread that computes.</summary>
    private sealed class RoomNode(int rows) : Node(rows)
    {
        protected override void Forward(Workspace workspace)
        {
        }
    }

    /// <summary>The sum over outputs, a component at a time.</summary>
    private sealed unsafe class AttributionNode(ApdModel model, Parameter throughLast, Node h1, Node h2, Node y, Node room)
        : Node(model.C, h1, h2, y, room)
    {
        private readonly Parameter _ones = Ones(y.Rows);

        protected override IEnumerable<Parameter> Parameters => [throughLast, model.Matrices[1].U];

        protected override void Forward(Workspace workspace)
        {
            int outputs = y.Rows, stride = workspace.Stride, rank = model.Matrices[0].Rank;
            fixed (float* through = throughLast.Values, b2 = model.Matrices[1].U.Values, ones = _ones.Values)
            fixed (float* first = workspace.Values(h1), second = workspace.Values(h2), output = workspace.Values(y))
            fixed (float* sum = workspace.Values(room), attribution = workspace.Values(this))
            {
                for (int c = 0; c < model.C; c++)
                {
                    int row = c * rank;
                    workspace.Kernels.MatrixProduct(
                        outputs, rank, workspace.Lanes, through + row, model.C * rank, 1, first + row * stride, sum, stride, accumulate: false);
                    workspace.Kernels.MatrixProduct(
                        outputs, rank, workspace.Lanes, b2 + row * outputs, 1, outputs, second + row * stride, sum, stride, accumulate: true);
                    workspace.Kernels.Combine(default(SquareWherePositive), outputs * stride, sum, output, sum);
                    workspace.Kernels.MatrixProduct(
                        1, outputs, workspace.Lanes, ones, outputs, 1, sum, attribution + c * stride, stride, accumulate: false);
                }
            }
        }

        private static Parameter Ones(int count)
        {
            var ones = new Parameter("ones", 1, count);
            ones.Values.Fill(1);
            return ones;
        }
    }

    /// <summary><c>a²</c> where <c>b &gt; 0</c>; nothing is trained through it.</summary>
    private readonly record struct SquareWherePositive : IBinaryFunction
    {
        public TVector Value<TVector, TSimd>(TVector a, TVector b) where TVector : struct where TSimd : struct, ISimd<TVector> =>
            TSimd.SelectGreater(b, TSimd.Zero, TSimd.Multiply(a, a), TSimd.Zero);

        public TVector BackwardFirst<TVector, TSimd>(TVector a, TVector b, TVector dy) where TVector : struct where TSimd : struct, ISimd<TVector> =>
            TSimd.Zero;

        public TVector BackwardSecond<TVector, TSimd>(TVector a, TVector b, TVector dy) where TVector : struct where TSimd : struct, ISimd<TVector> =>
            TSimd.Zero;
    }
}
