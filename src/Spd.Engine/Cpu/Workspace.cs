using Spd.Engine.Execution;
using Spd.Engine.Graphs;
using Spd.Engine.Kernels;
using Spd.Engine.Planning;

namespace Spd.Engine.Cpu;

/// <summary>What a slot's place is counted from.</summary>
internal enum SlotBase
{
    /// <summary>Memory that stays where it is.</summary>
    Absolute,

    /// <summary>A panel.</summary>
    Panel,

    /// <summary>The sums of a run of panels.</summary>
    Leaf,
}

/// <summary>Where a value lies in memory.</summary>
/// <param name="Base">What it is counted from.</param>
/// <param name="Offset">Floats from there; the place among the numbers of a step, for a number.</param>
/// <param name="PanelStep">Floats from one panel of the batch to the next.</param>
/// <param name="RowStep">Floats from one row of a matrix to the next; 0 for a panel.</param>
/// <param name="Rows">Rows.</param>
/// <param name="IsWanted">Whether anybody asks for it.</param>
/// <param name="Accumulates">Whether it is added to what lies there.</param>
internal readonly record struct Slot(SlotBase Base, long Offset, long PanelStep, int RowStep, int Rows, bool IsWanted = true, bool Accumulates = false)
{
    public int Length(int stride) => Rows * (RowStep > 0 ? RowStep : stride);
}

/// <summary>A kernel with the places of what it reads and writes.</summary>
internal sealed class Instruction(Operation operation, CpuKernel kernel, Slot[] inputs, Slot[] results, Traits traits)
{
    private const int BlockRows = 48;

    public Operation Operation => operation;

    public CpuKernel Kernel => kernel;

    public Slot[] Inputs => inputs;

    public Slot[] Results => results;

    public bool IsInPanels { get; init; }

    /// <summary>Rows that are computed.</summary>
    public int Rows { get; init; } = 1;

    /// <summary>Columns of the matrices it computes on; 0 for panels.</summary>
    public int Columns { get; init; }

    /// <summary>Columns rounded up, and floats between two rows; 0 for panels.</summary>
    public int Lanes { get; init; }

    public int Stride { get; init; }

    /// <summary>Parts that threads can share.</summary>
    public int Blocks => traits.SplitsByRows ? (Rows + BlockRows - 1) / BlockRows : 1;

    public void Run(Workspace workspace) => kernel.Run(operation, new Call(this, workspace, 0, Rows));

    public void RunBlock(Workspace workspace, int block)
    {
        if (!traits.SplitsByRows) Run(workspace);
        else kernel.Run(operation, new Call(this, workspace, block * BlockRows, Math.Min(BlockRows, Rows - block * BlockRows)));
    }
}

/// <summary>Memory to run the instructions of a panel in, one panel after the other.</summary>
internal sealed unsafe class Workspace
{
    private readonly Plan _plan;
    private readonly AlignedBuffer _panel, _mask, _ones;
    private readonly Lazy<AlignedBuffer> _scratch;
    private readonly nint[] _bases = new nint[3];
    private int _valid = -1;

    /// <param name="plan">The plan.</param>
    /// <param name="kernels">The kernels.</param>
    /// <param name="numbers">The numbers of the step.</param>
    /// <param name="ones">As many ones as the widest matrix has columns, and a block of zeros.</param>
    /// <param name="panelRows">Rows of a panel.</param>
    /// <param name="sums">Where sums are added up: memory of its own, or the total.</param>
    /// <param name="scratchRows">Rows that kernels compute in.</param>
    public Workspace(Plan plan, KernelSet kernels, double[] numbers, AlignedBuffer ones, int panelRows, AlignedBuffer sums, int scratchRows)
    {
        (_plan, Kernels, Numbers) = (plan, kernels, numbers);
        Stride = plan.PanelLanes;
        _panel = new AlignedBuffer((long)panelRows * Stride);
        _mask = new AlignedBuffer(Stride);
        _scratch = new Lazy<AlignedBuffer>(() => new AlignedBuffer((long)scratchRows * Stride));
        (_bases[(int)SlotBase.Panel], _bases[(int)SlotBase.Leaf]) = ((nint)_panel.Pointer, (nint)sums.Pointer);
        _ones = ones;
        Sums = sums;
    }

    public KernelSet Kernels { get; }

    public int Stride { get; }

    public int Lanes { get; private set; }

    /// <summary>The number of the panel.</summary>
    public int Panel { get; private set; }

    public long FirstLane => (long)Panel * Stride;

    public int Positions => _plan.Batch.Positions;

    public Batch Batch => _plan.Batch;

    public ulong Seed { get; set; }

    public long Step { get; set; }

    public double[] Numbers { get; }

    /// <summary>Where numbers that are summed go.</summary>
    public double[] NumberSums { get; set; } = [];

    public AlignedBuffer Sums { get; }

    public float* Mask => _mask.Pointer;

    /// <summary>As many ones as a matrix has columns, and then zeros.</summary>
    public float* MaskOf(int columns) => _ones.Pointer + (_ones.Length - Batch.LaneBlock - columns);

    /// <summary>Rows to compute in, made when a kernel first asks for them.</summary>
    public float* Scratch => _scratch.Value.Pointer;

    public float* Locate(in Slot slot) => (float*)_bases[(int)slot.Base] + slot.Offset + slot.PanelStep * Panel;

    public void MoveTo(int panel)
    {
        Panel = panel;
        int lanes = (int)Math.Min(Stride, Batch.Lanes - FirstLane);
        Lanes = Batch.RoundUp(lanes);
        int sequenceLanes = Batch.SequenceLanes, length = Batch.Length;
        if (_valid == lanes) return;
        _valid = lanes;
        _mask.Span.Clear();
        for (int lane = 0; lane < lanes; lane++)
            if (lane % sequenceLanes < length) _mask.Span[lane] = 1;
    }

    /// <summary>Fills the panel with what no kernel should read.</summary>
    public void Poison() => _panel.Span.Fill(float.NaN);
}
