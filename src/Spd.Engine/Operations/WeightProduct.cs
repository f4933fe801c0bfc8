using Spd.Engine.Graphs;

namespace Spd.Engine.Operations;

/// <summary><c>y = W x</c>, or <c>y = Wᵀ x</c>, with W a parameter.</summary>
public sealed unsafe class WeightProduct : Node
{
    private readonly Parameter _weight;
    private readonly Node _x;
    private readonly bool _transposed;

    /// <summary>The product; <paramref name="x"/> has as many rows as W (or its transpose) has columns.</summary>
    public WeightProduct(Parameter weight, Node x, bool transposed = false)
        : base(transposed ? weight.Columns : weight.Rows, x)
    {
        int expected = transposed ? weight.Rows : weight.Columns;
        if (x.Rows != expected)
        {
            throw new ArgumentException(
                $"'{weight.Name}' [{weight.Rows}, {weight.Columns}]{(transposed ? " transposed" : "")} takes {expected} features, "
                + $"but its input has {x.Rows}");
        }

        (_weight, _x, _transposed) = (weight, x, transposed);
    }

    /// <inheritdoc/>
    protected internal override IEnumerable<Parameter> Parameters => [_weight];

    /// <inheritdoc/>
    protected internal override object? Attributes => (_weight, _transposed);

    /// <inheritdoc/>
    protected internal override void Forward(Workspace workspace)
    {
        nint rowStep = _transposed ? 1 : _weight.Columns, columnStep = _transposed ? _weight.Columns : 1;
        workspace.Kernels.MatrixProduct(
            Rows, _x.Rows, workspace.Lanes, _weight.Pointer, rowStep, columnStep,
            workspace.Value(_x), workspace.Value(this), workspace.Stride, accumulate: false);
    }

    /// <inheritdoc/>
    protected internal override void Backward(Workspace workspace)
    {
        float* dy = workspace.Gradient(this);
        float* dx = workspace.Gradient(_x);
        float* dw = workspace.Gradient(_weight);
        if (dx != null)
        {
            // dX += Wᵀ dY
            nint rowStep = _transposed ? _weight.Columns : 1, columnStep = _transposed ? 1 : _weight.Columns;
            workspace.Kernels.MatrixProduct(_x.Rows, Rows, workspace.Lanes, _weight.Pointer, rowStep, columnStep, dy, dx, workspace.Stride, accumulate: true);
        }

        if (dw == null) return;

        // dW += dY Xᵀ, or X dYᵀ for the transpose
        float* x = workspace.Value(_x);
        if (_transposed) workspace.Kernels.AccumulateOuterProduct(_x.Rows, Rows, workspace.Lanes, x, dy, workspace.Stride, dw, _weight.Columns);
        else workspace.Kernels.AccumulateOuterProduct(Rows, _x.Rows, workspace.Lanes, dy, x, workspace.Stride, dw, _weight.Columns);
    }
}
