using Spd.Engine.Graphs;
using Spd.Engine.Kernels;

namespace Spd.Engine.Operations;

/// <summary>One small MLP per row, nothing shared: <c>g_c = b_out_c + Σ_k w_out_ck gelu(w_in_ck h_c + b_in_ck)</c>.</summary>
public sealed unsafe class GateNode : Node
{
    private readonly Node _h;
    private readonly Parameter _in, _inBias, _out, _outBias;

    /// <summary>The gates over <paramref name="h"/> <c>[C, lanes]</c>.</summary>
    /// <param name="h">Inner activations.</param>
    /// <param name="weightIn">w_in <c>[C, K]</c>.</param>
    /// <param name="inBias">b_in <c>[C, K]</c>.</param>
    /// <param name="weightOut">w_out <c>[C, K]</c>.</param>
    /// <param name="outBias">b_out <c>[C]</c>.</param>
    public GateNode(Node h, Parameter weightIn, Parameter inBias, Parameter weightOut, Parameter outBias)
        : base(h.Rows, h)
    {
        foreach (var parameter in new[] { weightIn, inBias, weightOut, outBias })
        {
            int columns = parameter == outBias ? 1 : weightIn.Columns;
            if (parameter.Rows != h.Rows || parameter.Columns != columns)
            {
                throw new ArgumentException(
                    $"'{parameter.Name}' is [{parameter.Rows}, {parameter.Columns}], but gates over {h.Rows} rows need [{h.Rows}, {columns}]");
            }
        }

        (_h, _in, _inBias, _out, _outBias) = (h, weightIn, inBias, weightOut, outBias);
    }

    /// <inheritdoc/>
    protected internal override IEnumerable<Parameter> Parameters => [_in, _inBias, _out, _outBias];

    /// <inheritdoc/>
    protected internal override object? Attributes => (_in, _inBias, _out, _outBias);

    private GateParameters Values => new(Rows, _in.Columns, _in.Pointer, _inBias.Pointer, _out.Pointer, _outBias.Pointer);

    /// <inheritdoc/>
    protected internal override void Forward(Workspace workspace) =>
        workspace.Kernels.GateForward(Values, workspace.Lanes, workspace.Value(_h), workspace.Value(this), workspace.Stride);

    /// <inheritdoc/>
    /// <exception cref="NotSupportedException">The gate's parameters, or its input, do not train.</exception>
    protected internal override void Backward(Workspace workspace)
    {
        var gradient = new GateParameters(
            Rows, _in.Columns, workspace.Gradient(_in), workspace.Gradient(_inBias), workspace.Gradient(_out), workspace.Gradient(_outBias));
        float* dh = workspace.Gradient(_h);
        if (gradient.In == null || gradient.InBias == null || gradient.Out == null || gradient.OutBias == null || dh == null)
            throw new NotSupportedException("a gate's backward pass needs all its parameters and its input to train: freeze the gate by not depending on it");
        workspace.Kernels.GateBackward(Values, gradient, workspace.Lanes, workspace.Value(_h), workspace.Gradient(this), dh, workspace.Stride);
    }
}
