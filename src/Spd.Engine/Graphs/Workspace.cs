using Spd.Engine.Execution;
using Spd.Engine.Kernels;

namespace Spd.Engine.Graphs;

/// <summary>One thread's memory for running a graph on one panel: the values and gradients of every node, and which batch rows its lanes are.</summary>
public sealed unsafe class Workspace
{
    private readonly AlignedBuffer _buffer;
    private readonly AlignedBuffer _laneMask;
    private readonly float* _gradients;
    private readonly long _gradientLength;

    internal Workspace(Graph graph, KernelSet kernels, int stride)
    {
        Kernels = kernels;
        Stride = stride;
        _buffer = new AlignedBuffer((long)graph.PanelRows * stride);
        _laneMask = new AlignedBuffer(stride);
        _gradients = _buffer.Pointer + (long)graph.ValueRows * stride;
        _gradientLength = (long)(graph.PanelRows - graph.ValueRows) * stride;
    }

    /// <summary>The kernels to compute with.</summary>
    public KernelSet Kernels { get; }

    /// <summary>Floats between two rows of a panel.</summary>
    public int Stride { get; }

    /// <summary>Lanes to compute: the panel's batch rows, rounded up to <see cref="KernelSet.LaneBlock"/>.</summary>
    public int Lanes { get; private set; }

    /// <summary>Batch rows in this panel; the lanes from here on are padding.</summary>
    public int ValidLanes { get; private set; }

    /// <summary>The batch row of lane 0.</summary>
    public long FirstRow { get; private set; }

    /// <summary>Rows of the whole batch.</summary>
    public int BatchSize { get; internal set; }

    /// <summary>Seed of the random streams.</summary>
    public ulong Seed { get; internal set; }

    /// <summary>Step, or number of the evaluation batch, that the random streams are drawn for.</summary>
    public uint Step { get; internal set; }

    internal ParameterGradients? Gradients { get; set; }

    internal double[] LossSums { get; set; } = [];

    internal float* LaneMask => _laneMask.Pointer;

    /// <summary>The panel of a node, <c>[Rows, Stride]</c>; a node's <see cref="Node.Forward"/> writes its own and reads its inputs'.</summary>
    public Span<float> Values(Node node) => new(Value(node), node.Rows * Stride);

    /// <summary>The gradient of a node's panel, or an empty span when it needs none.</summary>
    public Span<float> GradientOf(Node node) => Gradient(node) is var pointer && pointer == null ? [] : new Span<float>(pointer, node.Rows * Stride);

    /// <summary>Copies the panel of a node to its rows of a whole batch, row-major <c>[batch, features]</c>.</summary>
    public void CopyTo(Span<float> batch, Node node)
    {
        var values = Values(node);
        for (int lane = 0; lane < ValidLanes; lane++)
            for (int row = 0; row < node.Rows; row++)
                batch[((int)FirstRow + lane) * node.Rows + row] = values[row * Stride + lane];
    }

    /// <summary>Reports the sum of a loss over this panel's rows, <see cref="LossNode.RowScale"/> not yet applied.</summary>
    public void AddLoss(LossNode loss, double sum) => LossSums[loss.Slot] += sum * loss.RowScale * loss.Weight / BatchSize;

    internal float* Value(Node node) => _buffer.Pointer + (long)node.ValueRow * Stride;

    internal float* Gradient(Node node) => node.GradientRow < 0 ? null : _buffer.Pointer + (long)node.GradientRow * Stride;

    internal float* Gradient(Parameter? parameter) => parameter is null || Gradients is null ? null : Gradients.Pointer(parameter);

    internal void MoveTo(long firstRow, int validLanes)
    {
        FirstRow = firstRow;
        if (ValidLanes == validLanes) return;
        ValidLanes = validLanes;
        Lanes = (validLanes + KernelSet.LaneBlock - 1) / KernelSet.LaneBlock * KernelSet.LaneBlock;
        _laneMask.Span.Clear();
        _laneMask.Span[..validLanes].Fill(1);
    }

    internal void ClearGradients() => new Span<float>(_gradients, checked((int)_gradientLength)).Clear();
}
