using Spd.Engine.Graphs;
using Spd.Engine.Kernels;

namespace Spd.Engine.Operations;

/// <summary><c>y = f(x)</c> entry by entry.</summary>
/// <typeparam name="TFunction">The function, compared by value: <c>Relu</c> of one input is one node.</typeparam>
public sealed unsafe class UnaryNode<TFunction>(TFunction function, Node x) : Node(x.Rows, x)
    where TFunction : struct, IUnaryFunction
{
    /// <inheritdoc/>
    protected internal override object? Attributes => function;

    /// <inheritdoc/>
    protected internal override void Forward(Workspace workspace) =>
        workspace.Kernels.Map(function, (nint)Rows * workspace.Stride, workspace.Value(x), workspace.Value(this));

    /// <inheritdoc/>
    protected internal override void Backward(Workspace workspace) =>
        workspace.Kernels.MapBackward(function, (nint)Rows * workspace.Stride, workspace.Value(x), workspace.Gradient(this), workspace.Gradient(x));
}

/// <summary><c>y = f(a, b)</c> entry by entry.</summary>
/// <typeparam name="TFunction">The function, compared by value.</typeparam>
public sealed unsafe class BinaryNode<TFunction> : Node
    where TFunction : struct, IBinaryFunction
{
    private readonly TFunction _function;

    /// <summary>The function of two panels of the same size.</summary>
    public BinaryNode(TFunction function, Node a, Node b)
        : base(a.Rows, a, b)
    {
        if (a.Rows != b.Rows) throw new ArgumentException($"{typeof(TFunction).Name} needs two panels of one size, but got {a.Rows} and {b.Rows} rows");
        _function = function;
    }

    /// <inheritdoc/>
    protected internal override object? Attributes => _function;

    /// <inheritdoc/>
    protected internal override void Forward(Workspace workspace) =>
        workspace.Kernels.Combine(_function, (nint)Rows * workspace.Stride, workspace.Value(Inputs[0]), workspace.Value(Inputs[1]), workspace.Value(this));

    /// <inheritdoc/>
    protected internal override void Backward(Workspace workspace)
    {
        Node a = Inputs[0], b = Inputs[1];
        workspace.Kernels.CombineBackward(
            _function, (nint)Rows * workspace.Stride, workspace.Value(a), workspace.Value(b),
            workspace.Gradient(this), workspace.Gradient(a), workspace.Gradient(b));
    }
}
