using Spd.Engine.Graphs;
using Spd.Engine.Kernels;

namespace Spd.Engine.Operations;

/// <summary>The operations of a graph by name, so that a network reads as its formula.</summary>
public static class GraphOperations
{
    /// <summary><c>W x</c>, or <c>Wᵀ x</c>; through a <see cref="StreamNode"/>, part by part.</summary>
    public static Node Product(this Graph graph, Parameter weight, Node x, bool transposed = false) =>
        graph.Add(x is StreamNode stream ? stream.Through(graph, weight, transposed) : new WeightProduct(weight, x, transposed));

    /// <summary><c>a + b + …</c> as a residual stream that weights read part by part; see <see cref="StreamNode"/>.</summary>
    public static Node Stream(this Graph graph, params Node[] parts) =>
        graph.Add(new StreamNode([.. parts.SelectMany(part => part is StreamNode stream ? stream.Inputs : [part])]));

    /// <summary>A panel of one row of ones.</summary>
    public static Node One(this Graph graph) => graph.Add(new BroadcastNode(graph.OneParameter));

    /// <summary><c>x + b</c>; x itself where b is null.</summary>
    public static Node AddBias(this Graph graph, Node x, Parameter? bias) => bias is null ? x : graph.Add(new RowAffineNode(x, null, bias));

    /// <summary><c>scale ∘ x + shift</c>, row by row.</summary>
    public static Node RowAffine(this Graph graph, Node x, Parameter? scale, Parameter? shift) => graph.Add(new RowAffineNode(x, scale, shift));

    /// <summary><c>f(x)</c>, entry by entry.</summary>
    public static Node Map<TFunction>(this Graph graph, TFunction function, Node x)
        where TFunction : struct, IUnaryFunction => graph.Add(new UnaryNode<TFunction>(function, x));

    /// <summary><c>f(a, b)</c>, entry by entry.</summary>
    public static Node Combine<TFunction>(this Graph graph, TFunction function, Node a, Node b)
        where TFunction : struct, IBinaryFunction => graph.Add(new BinaryNode<TFunction>(function, a, b));

    /// <summary><c>max(x, 0)</c>.</summary>
    public static Node Relu(this Graph graph, Node x) => graph.Map(default(Relu), x);

    /// <summary><c>a + b</c>.</summary>
    public static Node Sum(this Graph graph, Node a, Node b) => graph.Combine(default(Addition), a, b);

    /// <summary><c>a · b</c>, entry by entry.</summary>
    public static Node Multiply(this Graph graph, Node a, Node b) => graph.Combine(default(Multiplication), a, b);

    /// <summary>Fresh uniform numbers in [0, 1).</summary>
    public static Node Uniform(this Graph graph, int rows, StreamId stream) => graph.Add(new UniformNode(rows, stream));

    /// <summary>A batch given from outside.</summary>
    public static InputNode Input(this Graph graph, int features) => (InputNode)graph.Add(new InputNode(features));
}
