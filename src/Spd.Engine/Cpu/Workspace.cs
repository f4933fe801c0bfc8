using Spd.Engine.Execution;
using Spd.Engine.Graphs;
using Spd.Engine.Kernels;
using Spd.Engine.Planning;

namespace Spd.Engine.Cpu;

/// <summary>What a slot's place is counted from: nothing, since it stays where it is; a thread's panel; or the sums of its run of panels.</summary>
internal enum SlotBase
{
    Absolute,
    Panel,
    Leaf,
}

/// <summary>Where a value lies in memory.</summary>
/// <param name="Base">What it is counted from.</param>
/// <param name="Offset">Floats from there; the place among the numbers of a step, for a number.</param>
/// <param name="Rows">Rows.</param>
/// <param name="RowStep">Floats from one row of a matrix to the next; 0 for a panel.</param>
/// <param name="PanelStep">Floats from one panel of the batch to the next.</param>
/// <param name="IsWanted">Whether anybody asks for it.</param>
/// <param name="Accumulates">Whether it is added to what lies there.</param>
internal readonly record struct Slot(SlotBase Base, long Offset, int Rows, int RowStep = 0, long PanelStep = 0, bool IsWanted = true, bool Accumulates = false)
{
    public int Length(int stride) => Rows * (RowStep > 0 ? RowStep : stride);
}

/// <summary>A kernel with the places of what it reads and writes.</summary>
internal sealed unsafe class Instruction(CpuBackend backend, Operation operation, CpuKernel kernel, Slot[] inputs, Slot[] results)
{
    private readonly Traits _traits = kernel.TraitsOf(operation);
    private readonly int _blockRows = backend.BlockRows;

    public Slot[] Inputs => inputs;

    public Slot[] Results => results;

    public bool IsInPanels { get; init; }

    /// <summary>Rows that are computed.</summary>
    public int Rows { get; init; } = 1;

    /// <summary>Columns of the matrices that it computes on as on panels; 0 in panels.</summary>
    public int Columns { get; init; }

    /// <summary>Results, for each a bit, that are sums over the columns of matrices, cleared before it adds to them but where they accumulate.</summary>
    public uint Cleared { get; init; }

    /// <summary>Parts that threads can share.</summary>
    public int Blocks => _traits.SplitsByRows ? (Rows + _blockRows - 1) / _blockRows : 1;

    /// <summary>Floats that it computes in, where a row of a panel has so many lanes.</summary>
    public long ScratchLength(int stride) => (long)ScratchRows * (_traits.SplitsByRows ? Rows : 1) * (Columns > 0 ? StrideOf(Columns) : stride);

    /// <summary>Rows that it computes in; for each of its own rows, where these are split.</summary>
    public int ScratchRows => _traits.Scratch;

    /// <summary>Floats between two rows of a matrix that lies as a panel does.</summary>
    // Rows a power of two apart would compete for the same lines of the cache.
    public static int StrideOf(int columns) => Batch.RoundUp(columns) + Batch.LaneBlock;

    public void Run(Workspace workspace) => Run(workspace, 0, Rows);

    public void RunBlock(Workspace workspace, int block)
    {
        if (!_traits.SplitsByRows) Run(workspace);
        else Run(workspace, block * _blockRows, Math.Min(_blockRows, Rows - block * _blockRows));
    }

    private void Run(Workspace workspace, int firstRow, int rows)
    {
        for (int i = 0; i < results.Length && Cleared != 0; i++)
        {
            if ((Cleared >> i & 1) == 0 || results[i] is not { IsWanted: true, Accumulates: false } result) continue;
            var (first, count) = _traits.SplitsByRows ? (firstRow, rows) : (0, result.Rows);
            new Span<float>(workspace.Locate(result) + (nint)first * result.RowStep, checked(count * result.RowStep))
                .Fill(_traits.IsMaximum ? float.NegativeInfinity : 0);
        }

        kernel.Run(operation, new Call(this, workspace, firstRow, rows));
    }
}

/// <summary>Memory to run instructions in: those of panels, one panel after the other, or those on matrices.</summary>
internal sealed unsafe class Workspace
{
    private readonly Plan _plan;
    private readonly CpuBackend _backend;
    private readonly int _worker;
    private readonly AlignedBuffer _mask;
    private readonly Lazy<AlignedBuffer> _scratch;
    private readonly nint[] _bases = new nint[3];
    private int _valid = -1;

    /// <summary>Memory for instructions; sums are added up in memory of its own, or in the total. That of panels is the back end's.</summary>
    public Workspace(CpuBackend backend, int worker, Plan plan, double[] numbers, AlignedBuffer sums, IReadOnlyList<Instruction> instructions)
    {
        (_backend, _worker, _plan, Numbers, NumberSums, Sums, Stride) = (backend, worker, plan, numbers, numbers, sums, plan.PanelLanes);
        int widest = instructions.Select(instruction => instruction.Columns).DefaultIfEmpty(0).Max();
        _mask = new AlignedBuffer(widest > 0 ? widest + Batch.LaneBlock : Stride);
        _mask.Span[..widest].Fill(1);
        // Made when a kernel first asks for it.
        _scratch = new Lazy<AlignedBuffer>(() => new AlignedBuffer(instructions.Max(instruction => instruction.ScratchLength(Stride))));
        _bases[(int)SlotBase.Leaf] = (nint)sums.Pointer;
    }

    public KernelSet Kernels => _backend.Kernels;

    public int Stride { get; }

    public int Lanes { get; private set; }

    /// <summary>The number of the panel.</summary>
    public int Panel { get; private set; }

    public long FirstLane => (long)Panel * Stride;

    public Batch Batch => _plan.Batch;

    public int Positions => Batch.Positions;

    public ulong Seed { get; set; }

    public long Step { get; set; }

    public double[] Numbers { get; }

    /// <summary>Where numbers that are summed go.</summary>
    public double[] NumberSums { get; set; }

    public AlignedBuffer Sums { get; }

    public float* Scratch => _scratch.Value.Pointer;

    /// <summary>A one for each lane, or column, and zeros in the padding.</summary>
    public float* MaskOf(Instruction instruction) =>
        _mask.Pointer + (instruction.Columns > 0 ? _mask.Length - Batch.LaneBlock - instruction.Columns : 0);

    public float* Locate(in Slot slot) => (float*)_bases[(int)slot.Base] + slot.Offset + slot.PanelStep * Panel;

    public void MoveTo(int panel)
    {
        Panel = panel;
        _bases[(int)SlotBase.Panel] = (nint)PanelMemory.Pointer;
        int lanes = (int)Math.Min(Stride, Batch.Lanes - FirstLane), sequenceLanes = Batch.SequenceLanes;
        Lanes = Batch.RoundUp(lanes);
        if (_valid == lanes) return;
        _valid = lanes;
        for (int lane = 0; lane < Stride; lane++) _mask.Span[lane] = lane < lanes && lane % sequenceLanes < Batch.Length ? 1 : 0;
    }

    /// <summary>Fills the panel with what no kernel should read.</summary>
    public void Poison() => PanelMemory.Span.Fill(float.NaN);

    private AlignedBuffer PanelMemory => _backend.PanelOf(_worker, (long)_plan.PanelRows * Stride);
}
