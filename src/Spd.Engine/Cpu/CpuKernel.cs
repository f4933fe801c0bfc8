using Spd.Engine.Graphs;
using Spd.Engine.Kernels;
using Spd.Engine.Planning;

namespace Spd.Engine.Cpu;

/// <summary>How an operation is computed on the processor; see <see cref="CpuKernel{TOperation}"/>.</summary>
public abstract class CpuKernel
{
    internal abstract Traits TraitsOf(Operation operation);

    internal abstract void Run(Operation operation, in Call call);
}

/// <summary>How an operation is computed on the processor: derive from it for an operation of your own, and hand it to <see cref="CpuBackend.Add"/>.</summary>
/// <typeparam name="TOperation">The operation.</typeparam>
public abstract class CpuKernel<TOperation> : CpuKernel
    where TOperation : Operation
{
    /// <summary>What a plan may count on.</summary>
    public virtual Traits TraitsOf(TOperation operation) => default;

    /// <summary>Computes the results of one panel (or of matrices), on one thread; another thread may compute another panel at the same time.</summary>
    /// <remarks>What sums over lanes leaves padding out (<see cref="Call.LaneMask"/>), and says that it sums (<see cref="Traits.Reduces"/>).</remarks>
    /// <param name="operation">The operation.</param>
    /// <param name="call">What it may read and write.</param>
    public abstract void Run(TOperation operation, in Call call);

    internal sealed override Traits TraitsOf(Operation operation) => TraitsOf((TOperation)operation);

    internal sealed override void Run(Operation operation, in Call call) => Run((TOperation)operation, call);
}

/// <summary>One call of a kernel: where inputs and results lie.</summary>
/// <remarks>
/// A panel is <c>[rows, lanes]</c>, a row every <see cref="Stride"/> floats. Of an operation on matrices, these lie in the same way, their columns being
/// the lanes, and a vector is a matrix of one column; but for inputs that are weights to it, and results that are sums over lanes (see
/// <see cref="Traits"/>): as in panels, these have a row every <see cref="RowStepOf"/> or <see cref="RowStepOfResult"/> floats. A result may lie where an
/// input does, if the kernel's traits allow it.
/// </remarks>
public readonly unsafe ref struct Call
{
    private readonly Instruction _instruction;
    private readonly Workspace _workspace;

    internal Call(Instruction instruction, Workspace workspace, int firstRow, int rows)
    {
        (_instruction, _workspace, FirstRow, Rows) = (instruction, workspace, firstRow, rows);
        int columns = instruction.Columns;
        (Lanes, Stride) = columns > 0 ? (Batch.RoundUp(columns), Instruction.StrideOf(columns)) : (workspace.Lanes, workspace.Stride);
    }

    /// <summary>The first row of the results to compute; 0 unless the kernel's rows are split.</summary>
    public int FirstRow { get; }

    /// <summary>Rows of the results to compute: all, unless the kernel's rows are split.</summary>
    public int Rows { get; }

    /// <summary>The lane of the batch that lane 0 is; 0 for an operation on matrices.</summary>
    public long FirstLane => _workspace.FirstLane;

    /// <summary>Lanes to compute, a multiple of 32; the last ones may be padding.</summary>
    public int Lanes { get; }

    /// <summary>Floats between two rows of a panel.</summary>
    public int Stride { get; }

    /// <summary>
    /// For each lane one, or zero where it is padding, which holds any finite number, in gradients too: whoever sums over lanes leaves it out by this.
    /// </summary>
    public ReadOnlySpan<float> LaneMask => new(Mask, Lanes);

    /// <summary>What a mean over the batch is divided by: its positions, or the columns of a matrix.</summary>
    public int MeanDivisor => _instruction.Columns > 0 ? _instruction.Columns : _workspace.Positions;

    /// <summary>The step.</summary>
    public long Step => _workspace.Step;

    internal Workspace Workspace => _workspace;

    internal KernelSet Kernels => _workspace.Kernels;

    internal float* Mask => _workspace.MaskOf(_instruction);

    internal bool IsInPanels => _instruction.IsInPanels;

    /// <summary>Whether a result is asked for.</summary>
    public bool IsWanted(int result) => _instruction.Results[result].IsWanted;

    /// <summary>Whether a result is added to what lies there: of panels, only where the kernel's traits allow it; a sum over lanes always is.</summary>
    public bool Accumulates(int result) => _instruction.Results[result].Accumulates;

    /// <summary>An input: a panel, or a matrix row by row.</summary>
    public ReadOnlySpan<float> Input(int input) => new(In(input), _instruction.Inputs[input].Length(Stride));

    /// <summary>A result; empty where it is not asked for.</summary>
    public Span<float> Result(int result) => IsWanted(result) ? new(Out(result), _instruction.Results[result].Length(Stride)) : [];

    /// <summary>A number among the inputs.</summary>
    public double Number(int input) => _workspace.Numbers[_instruction.Inputs[input].Offset];

    /// <summary>Adds to a number among the results; of a mean over the batch, this panel's part of it.</summary>
    public void AddNumber(int result, double value)
    {
        if (IsWanted(result)) _workspace.NumberSums[_instruction.Results[result].Offset] += value;
    }

    /// <summary>Floats from one row of an input that is a matrix to the next.</summary>
    public int RowStepOf(int input) => _instruction.Inputs[input].RowStep;

    /// <summary>Floats from one row of a result that is a matrix to the next.</summary>
    public int RowStepOfResult(int result) => _instruction.Results[result].RowStep;

    /// <summary>
    /// Rows to compute in, of <see cref="Stride"/> floats, at most as many as the kernel's traits ask for; they hold anything. No other call has them.
    /// </summary>
    public Span<float> Scratch(int rows)
    {
        int before = FirstRow * _instruction.ScratchRows;
        ArgumentOutOfRangeException.ThrowIfGreaterThan((long)(before + rows) * Stride, _instruction.ScratchLength(Stride));
        return new(_workspace.Scratch + (nint)before * Stride, checked(rows * Stride));
    }

    /// <summary><c>y (+)= W x</c>, with <c>W[i, j]</c> at <c>w[i · rowStep + j · columnStep]</c> and panels x <c>[columns, lanes]</c>, y <c>[rows, lanes]</c>.</summary>
    public void MatMul(ReadOnlySpan<float> w, int rowStep, int columnStep, int rows, int columns, ReadOnlySpan<float> x, Span<float> y, bool accumulates)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(w.Length, (rows - 1) * rowStep + (columns - 1) * columnStep + 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(x.Length, (columns - 1) * Stride + Lanes);
        ArgumentOutOfRangeException.ThrowIfLessThan(y.Length, (rows - 1) * Stride + Lanes);
        fixed (float* weights = w, input = x, output = y)
            Kernels.MatrixProduct(rows, columns, Lanes, weights, rowStep, columnStep, input, Stride, output, Stride, accumulates);
    }

    internal float* In(int input) => _workspace.Locate(_instruction.Inputs[input]);

    internal float* Out(int result) => IsWanted(result) ? _workspace.Locate(_instruction.Results[result]) : null;

    // The rows of a panel from FirstRow on.
    internal float* InRows(int input) => In(input) + (nint)FirstRow * Stride;

    internal float* OutRows(int result) => IsWanted(result) ? Out(result) + (nint)FirstRow * Stride : null;

    /// <summary>Zeroes the padding of an input that is summed over lanes, in the rows to compute, or in so many from the first: padding holds anything, and nobody else reads it.</summary>
    internal void ClearPadding(int input, int? rows = null)
    {
        float* mask = Mask;
        for (int lane = 0; lane < Lanes; lane++)
        {
            if (mask[lane] != 0) continue;
            int end = lane + 1;
            while (end < Lanes && mask[end] == 0) end++;
            for (int row = 0; row < (rows ?? Rows); row++) new Span<float>(InRows(input) + (nint)row * Stride + lane, end - lane).Clear();
            lane = end;
        }
    }

    internal nint Count => (nint)Rows * Stride;
}
