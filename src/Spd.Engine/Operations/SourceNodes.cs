using Spd.Engine.Graphs;
using Spd.Engine.Kernels;

namespace Spd.Engine.Operations;

/// <summary>A batch given from outside: row <c>i</c> of the batch is lane <c>i</c> of the panels.</summary>
public sealed class InputNode(int features) : Node(features)
{
    private float[] _batch = [];

    /// <summary>Never equal to another input.</summary>
    protected internal override object? Attributes => this;

    /// <summary>Sets the batch for the runs to come.</summary>
    /// <param name="batch">Row-major <c>[batch, features]</c>; kept, not copied.</param>
    public void Set(float[] batch) => _batch = batch;

    /// <inheritdoc/>
    protected internal override void Forward(Workspace workspace)
    {
        if (_batch.Length != Rows * workspace.BatchSize)
            throw new InvalidOperationException($"the input has {_batch.Length} numbers, but {workspace.BatchSize} rows of {Rows} features were asked for");
        var values = workspace.Values(this);
        for (int feature = 0; feature < Rows; feature++)
        {
            var row = values.Slice(feature * workspace.Stride, workspace.Lanes);
            for (int lane = 0; lane < workspace.ValidLanes; lane++) row[lane] = _batch[(workspace.FirstRow + lane) * Rows + feature];
            row[workspace.ValidLanes..].Clear();
        }
    }
}

/// <summary>Fresh uniform numbers in [0, 1) for every batch row and every row of the panel.</summary>
/// <param name="rows">Rows of the panel.</param>
/// <param name="stream">The stream they are drawn from; two nodes of one stream are one node.</param>
public sealed unsafe class UniformNode(int rows, StreamId stream) : Node(rows)
{
    /// <inheritdoc/>
    protected internal override object? Attributes => stream;

    /// <inheritdoc/>
    protected internal override void Forward(Workspace workspace) =>
        workspace.Kernels.Uniform(
            new RandomKey(workspace.Seed, workspace.Step, stream.Value), workspace.FirstRow, Rows, workspace.Lanes, workspace.Value(this), workspace.Stride);
}

/// <summary>The values of a vector, the same in every lane.</summary>
public sealed unsafe class BroadcastNode(Parameter vector) : Node(vector.Count)
{
    /// <inheritdoc/>
    protected internal override IEnumerable<Parameter> Parameters => [vector];

    /// <inheritdoc/>
    protected internal override object? Attributes => vector;

    /// <inheritdoc/>
    protected internal override void Forward(Workspace workspace)
    {
        var values = workspace.Values(this);
        for (int row = 0; row < Rows; row++) values.Slice(row * workspace.Stride, workspace.Stride).Fill(vector.Values[row]);
    }

    /// <inheritdoc/>
    protected internal override void Backward(Workspace workspace) =>
        workspace.Kernels.RowAffineBackward(
            Rows, workspace.Lanes, null, workspace.Value(this), workspace.Gradient(this), null, null, workspace.Gradient(vector), workspace.Stride);
}
