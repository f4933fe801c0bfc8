using System.Numerics;
using Spd.Decomposition;
using Spd.Engine.Cpu;
using Spd.Engine.Execution;
using Spd.Engine.Graphs;
using Spd.Engine.Operations;
using Spd.Engine.Planning;

namespace Spd.Baselines;

/// <summary>
/// How much of the output goes through each component, input by input: <c>Σ_o (Σ_l ⟨∂y_o/∂z_l, x_l P_lc⟩)²</c> (METHOD §10). That is the sum over outputs of
/// the squared derivative by a factor of the component's inner activations.
/// </summary>
/// <remarks>
/// The derivatives of a Toy Model of Superposition are known in closed form. With <c>y = relu(W₂ z₁ + b)</c>, <c>∂y_o/∂z₂</c> is the unit vector of o
/// and <c>∂y_o/∂z₁</c> row o of W₂, both where <c>y_o &gt; 0</c> and zero elsewhere. One backward pass for each output gives the same (the tests compare them),
/// but takes many times the multiply-adds.
/// </remarks>
public sealed class Attributions
{
    private readonly Program _program;
    private readonly Value _attributions;

    /// <summary>Plans the computation.</summary>
    /// <param name="graph">The graph that it is described in.</param>
    /// <param name="model">The components.</param>
    /// <param name="x">The inputs.</param>
    /// <param name="of">The model whose output is attributed, by its own gradients and activations.</param>
    /// <param name="rows">Rows of a batch.</param>
    /// <param name="backend">What computes.</param>
    public Attributions(Graph graph, ApdModel model, Value x, AttributionModel of, int rows, Backend backend)
    {
        _attributions = Describe(graph, model, x, of, backend);
        _program = backend.Compile(new Objective(graph), rows, keep: [_attributions]);
        Values = new float[rows * model.C];
    }

    /// <summary>What is computed.</summary>
    public Plan Plan => _program.Plan;

    /// <summary>The attributions of the last batch, row-major <c>[rows, C]</c>.</summary>
    public float[] Values { get; }

    /// <summary>Computes the attributions of one batch.</summary>
    /// <param name="seed">Seed of the batch.</param>
    /// <param name="step">Number of the batch.</param>
    public void Compute(ulong seed, long step)
    {
        _program.Run(seed, step);
        _program.Read(_attributions, Values);
    }

    /// <summary>The attributions for given inputs.</summary>
    /// <param name="model">The components.</param>
    /// <param name="of">The model whose output is attributed.</param>
    /// <param name="inputs">Row-major <c>[rows, features]</c>.</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="backend">What computes them.</param>
    /// <returns>Row-major <c>[rows, C]</c>.</returns>
    public static float[] Of(ApdModel model, AttributionModel of, float[] inputs, int rows, Backend backend)
    {
        var graph = new Graph();
        var x = graph.Input(inputs.Length / rows);
        return backend.Compute(graph, x, inputs, [Describe(graph, model, x, of, backend)])[0];
    }

    private static Value Describe(Graph graph, ApdModel model, Value x, AttributionModel of, Backend backend)
    {
        (backend as CpuBackend)?.Add(new ComponentAttributionsKernel());
        var (first, last) = (model.Matrices[0], model.Matrices[1]);
        var inputs = new Dictionary<FactoredMatrix, Value>();
        bool isOfTarget = of == AttributionModel.Target;
        var y = isOfTarget ? model.TargetForward(graph, x, inputs) : model.Forward(graph, x, mask: null, inputs);
        var w2 = isOfTarget ? graph.Weight(last.Target) : graph.MatMul(last.U, graph.Weight(last.V), transposed: true);
        return graph.Add(new ComponentAttributions(
            graph.Add(new Outer(w2, graph.Weight(first.U))),                                                // W₂ B₁ᵀ   (d_out, C·r)
            graph.Weight(last.U), graph.MatMul(first.V, inputs[first]), graph.MatMul(last.V, inputs[last]), y, first.Rank));
    }

    /// <summary>The sum over outputs, a component at a time.</summary>
    /// <param name="ThroughLast">W₂ B₁ᵀ <c>[d_out, C·r]</c>.</param>
    /// <param name="LastU">B₂ <c>[C·r, d_out]</c>.</param>
    /// <param name="H1">The first matrix's inner activations <c>[C·r, lanes]</c>.</param>
    /// <param name="H2">The second's.</param>
    /// <param name="Y">The output.</param>
    /// <param name="Rank">r.</param>
    private sealed record ComponentAttributions(Value ThroughLast, Value LastU, Value H1, Value H2, Value Y, int Rank) : Operation
    {
        public override IReadOnlyList<Value> Inputs => [ThroughLast, LastU, H1, H2, Y];

        public override IReadOnlyList<Shape> Results => [H1.Shape with { Rows = H1.Rows / Rank }];

        public override Work Work => new(MultiplyAdds: 2.0 * H1.Rows * Y.Rows, Entries: (double)H1.Rows / Rank * Y.Rows);
    }

    private sealed class ComponentAttributionsKernel : CpuKernel<ComponentAttributions>
    {
        public override Traits TraitsOf(ComponentAttributions operation) => new() { Scratch = operation.Y.Rows };

        public override void Run(ComponentAttributions operation, in Call call)
        {
            int outputs = operation.Y.Rows, rank = operation.Rank, stride = call.Stride, throughStep = call.RowStepOf(0), uStep = call.RowStepOf(1);
            ReadOnlySpan<float> through = call.Input(0), u = call.Input(1), h1 = call.Input(2), h2 = call.Input(3), y = call.Input(4);
            Span<float> attributions = call.Result(0), sum = call.Scratch(outputs);
            for (int c = 0; c < call.Rows; c++)
            {
                int row = c * rank;
                call.MatMul(through[row..], throughStep, 1, outputs, rank, h1[(row * stride)..], sum, accumulates: false);
                call.MatMul(u[(row * uStep)..], 1, uStep, outputs, rank, h2[(row * stride)..], sum, accumulates: true);
                var attribution = attributions.Slice(c * stride, call.Lanes);
                attribution.Clear();
                for (int output = 0; output < outputs; output++) AddSquares(sum.Slice(output * stride, call.Lanes), y.Slice(output * stride, call.Lanes), attribution);
            }
        }

        // Where y is positive.
        private static void AddSquares(ReadOnlySpan<float> derivative, ReadOnlySpan<float> y, Span<float> sums)
        {
            for (int i = 0; i < sums.Length; i += Vector<float>.Count)
            {
                var d = new Vector<float>(derivative[i..]);
                (new Vector<float>(sums[i..]) + Vector.ConditionalSelect(Vector.GreaterThan(new Vector<float>(y[i..]), Vector<float>.Zero), d * d, Vector<float>.Zero)).CopyTo(sums[i..]);
            }
        }
    }
}
