using Spd.Engine.Graphs;

namespace Spd.Engine.Operations;

/// <summary><c>y = scale ∘ x + shift</c>, one scale and one shift per row: a bias, or the linear gate of METHOD's K = 0.</summary>
public sealed unsafe class RowAffineNode : Node
{
    private readonly Node _x;
    private readonly Parameter? _scale;
    private readonly Parameter? _shift;

    /// <summary>Scales and shifts the rows; a null scale is one, a null shift zero.</summary>
    public RowAffineNode(Node x, Parameter? scale, Parameter? shift)
        : base(x.Rows, x)
    {
        foreach (var parameter in new[] { scale, shift })
        {
            if (parameter is not null && parameter.Count != x.Rows)
                throw new ArgumentException($"'{parameter.Name}' has {parameter.Count} values, but its input has {x.Rows} features");
        }

        (_x, _scale, _shift) = (x, scale, shift);
    }

    internal Parameter? Scale => _scale;

    internal Parameter? Shift => _shift;

    /// <inheritdoc/>
    protected internal override IEnumerable<Parameter> Parameters => new[] { _scale, _shift }.OfType<Parameter>();

    /// <inheritdoc/>
    protected internal override object? Attributes => (_scale, _shift);

    /// <inheritdoc/>
    protected internal override void Forward(Workspace workspace) =>
        workspace.Kernels.RowAffine(
            Rows, workspace.Lanes, PointerTo(_scale), PointerTo(_shift), workspace.Value(_x), workspace.Value(this), workspace.Stride);

    /// <inheritdoc/>
    protected internal override void Backward(Workspace workspace) =>
        workspace.Kernels.RowAffineBackward(
            Rows, workspace.Lanes, PointerTo(_scale), workspace.Value(_x), workspace.Gradient(this), workspace.Gradient(_x),
            workspace.Gradient(_scale), workspace.Gradient(_shift), workspace.Stride);

    private static float* PointerTo(Parameter? parameter) => parameter is null ? null : parameter.Pointer;
}
