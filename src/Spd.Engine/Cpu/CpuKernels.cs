using System.Runtime.CompilerServices;
using Spd.Engine.Graphs;
using Spd.Engine.Kernels;
using Spd.Engine.Operations;
using Spd.Engine.Optimisation;
using Spd.Engine.Planning;

namespace Spd.Engine.Cpu;

/// <summary>The kernels of the built-in operations.</summary>
internal static class CpuKernels
{
    public static void AddTo(CpuBackend backend) => backend
        .Add(new NothingKernel<Weight>()).Add(new NothingKernel<Input>()).Add(new NumberKernel()).Add(new UniformKernel()).Add(new BroadcastKernel())
        .Add(new SumKernel()).Add(new CopyKernel()).Add(new ScaleKernel()).Add(new SequenceSumKernel()).Add(new RepeatRowsKernel())
        .Add(new MatMulKernel()).Add(new OuterKernel()).Add(new RowAffineKernel()).Add(new RowSumKernel()).Add(new RowDotKernel())
        .Add(new RowMlpKernel()).Add(new RowMlpGradientKernel())
        .Add(new TableRowsKernel()).Add(new GroupMinimumKernel()).Add(new SmallestKernel())
        .Add(new CountAboveKernel()).Add(new MaximumKernel()).Add(new HistogramKernel())
        .Add(new SquaredErrorKernel()).Add(new DivergenceKernel()).Add(new PowerSumKernel()).Add(new InnerProductKernel())
        .AddElementwiseKernels();
}

/// <summary>Of what lies somewhere already.</summary>
internal sealed class NothingKernel<TOperation> : CpuKernel<TOperation>
    where TOperation : Operation
{
    public override void Run(TOperation operation, in Call call)
    {
    }
}

internal sealed class NumberKernel : CpuKernel<Number>
{
    public override void Run(Number operation, in Call call) => call.AddNumber(0, operation.Schedule.At(call.Step));
}

/// <summary>A batch, from row-major positions to lanes; or a matrix.</summary>
internal sealed unsafe class InputKernel(InputValues given) : CpuKernel<Input>
{
    public override void Run(Input operation, in Call call)
    {
        var batch = call.Workspace.Batch;
        int features = operation.Shape.Rows, sequenceLanes = batch.SequenceLanes, length = batch.Length;
        float* result = call.Out(0);
        if (!call.IsInPanels)
        {
            int columns = operation.Shape.Columns;
            for (int row = 0; row < features; row++) given.Values.AsSpan(row * columns, columns).CopyTo(new(result + row * call.RowStepOfResult(0), columns));
            return;
        }

        for (int lane = 0; lane < call.Lanes; lane++)
        {
            long at = call.FirstLane + lane, sequence = at / sequenceLanes, position = at % sequenceLanes;
            if (sequence >= batch.Sequences || position >= length)
            {
                for (int feature = 0; feature < features; feature++) result[feature * call.Stride + lane] = 0;
                continue;
            }

            long row = (sequence * length + position) * features;
            for (int feature = 0; feature < features; feature++) result[feature * call.Stride + lane] = given.Values[row + feature];
        }
    }
}

/// <summary>What an input was set to.</summary>
internal sealed class InputValues
{
    public float[] Values { get; set; } = [];
}

internal sealed unsafe class UniformKernel : CpuKernel<Uniform>
{
    public override Traits TraitsOf(Uniform operation) => new() { SplitsByRows = operation.Domain == Domain.Lane };

    public override void Run(Uniform operation, in Call call)
    {
        var workspace = call.Workspace;
        var key = new RandomKey(workspace.Seed, (uint)workspace.Step, operation.Stream.Value);
        if (operation.Domain == Domain.Lane || workspace.Batch.Length == 1)
        {
            call.Kernels.Uniform(key, call.FirstLane, call.Rows, call.Lanes, call.OutRows(0), call.Stride, call.FirstRow);
            return;
        }

        float* numbers = stackalloc float[KernelSet.LaneBlock];
        int sequenceLanes = workspace.Batch.SequenceLanes;
        for (int row = 0; row < call.Rows; row++)
        {
            for (int lane = 0; lane < call.Lanes; lane += sequenceLanes)
            {
                long sequence = (call.FirstLane + lane) / sequenceLanes;
                RandomBlock.Fill(key, sequence / KernelSet.LaneBlock * KernelSet.LaneBlock, (uint)row, numbers);
                new Span<float>(call.Out(0) + (nint)row * call.Stride + lane, sequenceLanes).Fill(numbers[sequence % KernelSet.LaneBlock]);
            }
        }
    }
}

internal sealed unsafe class BroadcastKernel : CpuKernel<Broadcast>
{
    public override Traits TraitsOf(Broadcast operation) => new() { SplitsByRows = true };

    public override void Run(Broadcast operation, in Call call)
    {
        float* vector = call.In(0) + call.FirstRow;
        for (int row = 0; row < call.Rows; row++) new Span<float>(call.OutRows(0) + (nint)row * call.Stride, call.Lanes).Fill(vector[row]);
    }
}

/// <summary>Parts of a sum are computed where it lies; only numbers are left to add.</summary>
internal sealed class SumKernel : CpuKernel<Sum>
{
    public override void Run(Sum operation, in Call call)
    {
        for (int part = 0; part < operation.Parts.Count; part++) call.AddNumber(0, call.Number(part));
    }
}

internal sealed unsafe class CopyKernel : CpuKernel<Copy>
{
    public override Traits TraitsOf(Copy operation) => new() { Accumulates = 1, Overwrites = operation.X.Shape.IsPanel ? 1u : 0, SplitsByRows = true };

    public override void Run(Copy operation, in Call call)
    {
        if (call.IsInPanels)
        {
            if (call.Accumulates(0)) call.Kernels.Combine(new AddScaled(1), call.Count, call.OutRows(0), call.InRows(0), call.OutRows(0));
            else if (call.In(0) != call.Out(0)) new Span<float>(call.InRows(0), (int)call.Count).CopyTo(new(call.OutRows(0), (int)call.Count));
            return;
        }

        // From one layout of a matrix to another.
        int columns = operation.X.Shape.Columns;
        for (int row = call.FirstRow; row < call.FirstRow + call.Rows; row++)
        {
            float* from = call.In(0) + row * call.RowStepOf(0), to = call.Out(0) + row * call.RowStepOfResult(0);
            if (call.Accumulates(0)) call.Kernels.Combine(new AddScaled(1), columns, to, from, to);
            else new Span<float>(from, columns).CopyTo(new(to, columns));
        }
    }
}

internal sealed unsafe class ScaleKernel : CpuKernel<Scale>
{
    public override Traits TraitsOf(Scale operation) => new() { Accumulates = 1, Overwrites = 0b1, SplitsByRows = operation.X.Shape.Domain != Domain.Step };

    public override void Run(Scale operation, in Call call)
    {
        double factor = (operation.Factor is null ? 1 : call.Number(1)) * operation.Times;
        if (operation.IsMean) factor /= call.Workspace.Positions;
        if (operation.X.Shape.Domain == Domain.Step) call.AddNumber(0, call.Number(0) * factor);
        else if (call.Accumulates(0)) call.Kernels.Combine(new AddScaled((float)factor), call.Count, call.OutRows(0), call.InRows(0), call.OutRows(0));
        else call.Kernels.Map(new Scaled((float)factor), call.Count, call.InRows(0), call.OutRows(0));
    }
}

internal sealed unsafe class SequenceSumKernel : CpuKernel<SequenceSum>
{
    public override Traits TraitsOf(SequenceSum operation) => new() { Overwrites = 0b1, SplitsByRows = true };

    public override void Run(SequenceSum operation, in Call call)
    {
        var batch = call.Workspace.Batch;
        for (int row = 0; row < call.Rows; row++)
        {
            for (int lane = 0; lane < call.Lanes; lane += batch.SequenceLanes)
            {
                nint at = (nint)row * call.Stride + lane;
                float sum = 0;
                for (int i = 0; i < batch.Length; i++) sum += call.InRows(0)[at + i];
                new Span<float>(call.OutRows(0) + at, batch.SequenceLanes).Fill(operation.IsMean ? sum / batch.Length : sum);
            }
        }
    }
}

internal sealed unsafe class RepeatRowsKernel : CpuKernel<RepeatRows>
{
    public override void Run(RepeatRows operation, in Call call)
    {
        for (int row = 0; row < call.Rows; row++)
        {
            new Span<float>(call.In(0) + (nint)(row / operation.Times) * call.Stride, call.Lanes)
                .CopyTo(new(call.Out(0) + (nint)row * call.Stride, call.Lanes));
        }
    }
}

internal sealed unsafe class MatMulKernel : CpuKernel<MatMul>
{
    public override Traits TraitsOf(MatMul operation) => new() { WeightInputs = 0b01, Accumulates = 1, SplitsByRows = true };

    public override void Run(MatMul operation, in Call call)
    {
        nint step = call.RowStepOf(0);
        var (rowStep, columnStep) = operation.IsTransposed ? ((nint)1, step) : (step, 1);
        call.Kernels.MatrixProduct(
            call.Rows, operation.X.Rows, call.Lanes, call.In(0) + call.FirstRow * rowStep, rowStep, columnStep, call.In(1), call.OutRows(0), call.Stride, call.Accumulates(0));
    }
}

internal sealed unsafe class OuterKernel : CpuKernel<Outer>
{
    public override Traits TraitsOf(Outer operation) => new() { Reduces = 1, SplitsByRows = true };

    public override void Run(Outer operation, in Call call)
    {
        call.ClearPadding(0);
        nint step = call.RowStepOfResult(0);
        float* result = call.Out(0) + call.FirstRow * step;
        call.Kernels.AccumulateOuterProduct(call.Rows, operation.B.Rows, call.Lanes, call.InRows(0), call.In(1), call.Stride, result, step);
    }
}

internal sealed unsafe class RowAffineKernel : CpuKernel<RowAffine>
{
    public override Traits TraitsOf(RowAffine operation) => new()
    {
        WeightInputs = 0b110,
        Accumulates = operation.Shift is null ? 1u : 0,
        Overwrites = 0b1,
        SplitsByRows = true,
    };

    public override void Run(RowAffine operation, in Call call)
    {
        float* scale = operation.Scale is null ? null : call.In(1) + call.FirstRow;
        float* shift = operation.Shift is null ? null : call.In(operation.Scale is null ? 1 : 2) + call.FirstRow;
        float* x = call.InRows(0);
        if (call.Accumulates(0)) call.Kernels.RowAffineBackward(call.Rows, call.Lanes, scale, x, x, call.OutRows(0), null, null, call.Stride);
        else call.Kernels.RowAffine(call.Rows, call.Lanes, scale, shift, x, call.OutRows(0), call.Stride);
    }
}

internal sealed unsafe class RowSumKernel : CpuKernel<RowSum>
{
    public override Traits TraitsOf(RowSum operation) => new() { Reduces = 1, SplitsByRows = true };

    public override void Run(RowSum operation, in Call call)
    {
        call.ClearPadding(0);
        float* sums = call.Out(0) + call.FirstRow;
        call.Kernels.RowAffineBackward(call.Rows, call.Lanes, null, null, call.InRows(0), null, null, sums, call.Stride);
    }
}

internal sealed unsafe class RowDotKernel : CpuKernel<RowDot>
{
    public override Traits TraitsOf(RowDot operation) => new() { Reduces = 1, SplitsByRows = true };

    public override void Run(RowDot operation, in Call call)
    {
        call.ClearPadding(0);
        float* sums = call.Out(0) + call.FirstRow;
        call.Kernels.RowAffineBackward(call.Rows, call.Lanes, null, call.InRows(0), call.InRows(1), null, sums, null, call.Stride);
    }
}

internal sealed unsafe class RowMlpKernel : CpuKernel<RowMlp>
{
    public override Traits TraitsOf(RowMlp operation) => new() { WeightInputs = 0b11110, Overwrites = 0b1, SplitsByRows = true };

    public override void Run(RowMlp operation, in Call call) => call.Kernels.GateForward(
        RowMlpGradientKernel.Parameters(call, operation.WeightIn.Shape.Columns), call.Lanes, call.InRows(0), call.OutRows(0), call.Stride);
}

internal sealed unsafe class RowMlpGradientKernel : CpuKernel<RowMlpGradient>
{
    public override Traits TraitsOf(RowMlpGradient operation) => new()
    {
        WeightInputs = 0b011110,
        Reduces = 0b11110,
        Accumulates = 1,
        SplitsByRows = true,
        // A row for dx and as many as hold the gradients of one MLP: room for results that nobody asks for.
        Scratch = ScratchRows(operation),
    };

    public override void Run(RowMlpGradient operation, in Call call)
    {
        call.ClearPadding(5);
        int width = operation.WeightIn.Shape.Columns, scratchRows = ScratchRows(operation);
        nint hidden = (nint)call.Rows * width;
        float* dx = call.OutRows(0), scratch = null;
        if (!(call.IsWanted(0) && call.IsWanted(1) && call.IsWanted(2) && call.IsWanted(3) && call.IsWanted(4)))
        {
            var room = call.Scratch(call.Rows * scratchRows);
            room.Clear();
            scratch = (float*)Unsafe.AsPointer(ref room[0]);
            if (dx == null)
            {
                dx = scratch;
                scratch += call.Count;
            }
        }

        if (call.IsWanted(0) && !call.Accumulates(0)) new Span<float>(dx, (int)call.Count).Clear();
        var gradient = new GateParameters(
            call.Rows, width, Rows(call, 1, width, scratch), Rows(call, 2, width, scratch + hidden), Rows(call, 3, width, scratch + 2 * hidden), Rows(call, 4, 1, scratch + 3 * hidden));
        call.Kernels.GateBackward(Parameters(call, width), gradient, call.Lanes, call.InRows(0), call.InRows(5), dx, call.Stride);
    }

    private static int ScratchRows(RowMlpGradient operation) => 1 + Batch.RoundUp(3 * operation.WeightIn.Shape.Columns + 1) / Batch.LaneBlock;

    public static GateParameters Parameters(in Call call, int width)
    {
        nint first = (nint)call.FirstRow * width;
        return new(call.Rows, width, call.In(1) + first, call.In(2) + first, call.In(3) + first, call.In(4) + call.FirstRow);
    }

    private static float* Rows(in Call call, int result, int width, float* scratch) =>
        call.IsWanted(result) ? call.Out(result) + (nint)call.FirstRow * width : scratch;
}

internal sealed unsafe class SquaredErrorKernel : CpuKernel<SquaredError>
{
    public override Traits TraitsOf(SquaredError operation) => new() { Overwrites = 0b11 };

    public override void Run(SquaredError operation, in Call call)
    {
        double sum = call.Kernels.SquaredError(call.Rows, call.Lanes, call.Mask, call.In(0), call.In(1), call.Out(1), call.Stride);
        call.AddNumber(0, sum * (1.0 / operation.A.Rows) / call.MeanDivisor);
    }
}

internal sealed unsafe class DivergenceKernel : CpuKernel<Divergence>
{
    public override Traits TraitsOf(Divergence operation) => new() { Overwrites = 0b11 };

    public override void Run(Divergence operation, in Call call)
    {
        double sum = call.Kernels.KullbackLeibler(call.Rows, call.Lanes, call.Mask, call.In(0), call.In(1), call.Out(1), call.Stride);
        call.AddNumber(0, sum / call.MeanDivisor);
    }
}

internal sealed unsafe class PowerSumKernel : CpuKernel<PowerSum>
{
    public override Traits TraitsOf(PowerSum operation) =>
        new() { Overwrites = 0b1, Scratch = Batch.RoundUp(operation.X.Rows) / Batch.LaneBlock };

    public override void Run(PowerSum operation, in Call call)
    {
        var sums = call.IsWanted(2) ? call.Scratch(Batch.RoundUp(call.Rows) / Batch.LaneBlock)[..call.Rows] : [];
        sums.Clear();
        float* weights = operation.RowWeights is null ? null : call.In(2), powers = call.IsWanted(2) ? (float*)Unsafe.AsPointer(ref sums[0]) : null;
        double sum = call.Kernels.PowerSum(
            call.Rows, call.Lanes, (float)call.Number(1), call.Mask, weights, call.In(0), call.Out(1), powers, call.Stride);
        call.AddNumber(0, sum / call.MeanDivisor);
        for (int row = 0; row < sums.Length; row++) call.Out(2)[row] += sums[row] / call.MeanDivisor;
    }
}

internal sealed class InnerProductKernel : CpuKernel<InnerProduct>
{
    public override void Run(InnerProduct operation, in Call call)
    {
        ReadOnlySpan<float> a = call.Input(0), b = call.Input(1);
        double sum = 0;
        for (int row = 0; row < call.Rows; row++)
            for (int i = row * call.Stride; i < row * call.Stride + call.MeanDivisor; i++) sum += (double)a[i] * b[i];
        call.AddNumber(0, sum);
    }
}
