using System.Runtime.CompilerServices;
using Spd.Engine.Graphs;
using Spd.Engine.Kernels;
using Spd.Engine.Operations;
using Spd.Engine.Optimisation;
using Spd.Engine.Planning;

namespace Spd.Engine.Cpu;

/// <summary>What <see cref="CpuKernel{TOperation}"/> runs.</summary>
internal delegate void Compute<in TOperation>(TOperation operation, in Call call);

/// <summary>A kernel that is a function and its traits.</summary>
internal sealed class FunctionKernel<TOperation>(Func<TOperation, Traits> traits, Compute<TOperation> compute) : CpuKernel<TOperation>
    where TOperation : Operation
{
    public override Traits TraitsOf(TOperation operation) => traits(operation);

    public override void Run(TOperation operation, in Call call) => compute(operation, call);
}

/// <summary>The kernels of the built-in operations.</summary>
internal static unsafe class CpuKernels
{
    private static readonly Traits SplitByRows = new() { SplitsByRows = true };

    public static void AddTo(CpuBackend backend)
    {
        Add<Weight>(default, Nothing);
        Add<Input>(default, Nothing);
        Add<Number>(default, (number, in call) => call.AddNumber(0, number.Schedule.At(call.Step)));
        Add<Sum>(default, SumNumbers);
        backend.Add(new FunctionKernel<Uniform>(uniform => new() { SplitsByRows = uniform.Domain == Domain.Lane }, Uniform));
        backend.Add(new FunctionKernel<Examples>(examples => new() { Scratch = examples.Features }, Examples));
        Add<Broadcast>(SplitByRows, Broadcast);
        backend.Add(new FunctionKernel<Copy>(
            copy => new() { Accumulates = 1, Overwrites = copy.X.Shape.IsPanel ? 1u : 0, SplitsByRows = true }, Copy));
        backend.Add(new FunctionKernel<Scale>(
            scale => new() { Accumulates = 1, Overwrites = 0b1, SplitsByRows = scale.X.Shape.Domain != Domain.Step }, Scale));
        Add<SequenceSum>(SplitByRows with { Overwrites = 0b1 }, SequenceSum);
        Add<RepeatRows>(default, RepeatRows);
        Add<LaneSum>(new() { Accumulates = 1 }, LaneSum);
        Add<ScaleLanes>(SplitByRows with { Accumulates = 1, Overwrites = 0b01 }, ScaleLanes);
        Add<LaneDot>(new() { Accumulates = 1 }, LaneDot);
        Add<MatrixColumns>(new() { SplitsByRows = true, WeightInputs = 1 }, Columns);
        backend.Add(new FunctionKernel<ColumnSum>(sum => new() { SplitsByRows = true, WritesColumns = sum.Of.Examples is null }, ColumnSum));
        Add<ScaledGradient>(SplitByRows with { Overwrites = 0b1 }, (_, in call) => Copy(call));
        Add<MatMul>(SplitByRows with { WeightInputs = 0b01, Accumulates = 1 }, MatMul);
        Add<Outer>(SplitByRows with { Reduces = 1 }, Outer);
        backend.Add(new FunctionKernel<RowAffine>(
            affine => SplitByRows with { WeightInputs = 0b110, Accumulates = affine.Shift is null ? 1u : 0, Overwrites = 0b1 }, RowAffine));
        Add<RowSum>(SplitByRows with { Reduces = 1 }, (_, in call) => SumRows(call, factor: null));
        Add<RowDot>(SplitByRows with { Reduces = 1 }, (_, in call) => SumRows(call, call.InRows(1)));
        Add<RowMlp>(SplitByRows with { WeightInputs = 0b11110, Overwrites = 0b1 }, RowMlp);
        backend.Add(new FunctionKernel<RowMlpGradient>(
            mlp => SplitByRows with { WeightInputs = 0b011110, Reduces = 0b11110, Accumulates = 1, Scratch = ScratchRows(mlp) }, RowMlpGradient));
        Add<SquaredError>(new() { Overwrites = 0b11 }, SquaredError);
        Add<Divergence>(new() { Overwrites = 0b11 }, Divergence);
        Add<PowerSum>(new() { Overwrites = 0b1 }, PowerSum);
        Add<InnerProduct>(default, InnerProduct);
        ChoiceKernels.AddTo(backend);
        ElementwiseKernels.AddTo(backend);
        TransformerKernels.AddTo(backend);

        void Add<TOperation>(Traits traits, Compute<TOperation> compute) where TOperation : Operation =>
            backend.Add(new FunctionKernel<TOperation>(_ => traits, compute));
    }

    // What lies somewhere already; a batch that is given has an InputKernel in its program.
    private static void Nothing(Operation operation, in Call call)
    {
    }

    // Parts of a sum are computed where it lies; only numbers are left to add.
    private static void SumNumbers(Sum operation, in Call call)
    {
        for (int part = 0; part < operation.Parts.Count; part++) call.AddNumber(0, call.Number(part));
    }

    private static void Uniform(Uniform operation, in Call call)
    {
        var workspace = call.Workspace;
        var key = new RandomKey(workspace.Seed, (uint)workspace.Step, operation.Stream);
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

    private static void Examples(Examples operation, in Call call)
    {
        var batch = call.Workspace.Batch;
        Span<float> example = call.Scratch(operation.Features)[..(batch.Length * operation.Features)], result = call.Result(0);
        result.Clear();
        for (int lane = 0; lane < call.Lanes; lane += batch.SequenceLanes)
        {
            long sequence = (call.FirstLane + lane) / batch.SequenceLanes;
            if (sequence >= batch.Sequences) return;
            operation.Source.Fill(call.Workspace.Seed, call.Step, batch.Sequences, (int)sequence, example);
            for (int i = 0; i < example.Length; i++) result[i % operation.Features * call.Stride + lane + i / operation.Features] = example[i];
        }
    }

    private static void Broadcast(Broadcast operation, in Call call)
    {
        float* vector = call.In(0) + call.FirstRow;
        for (int row = 0; row < call.Rows; row++) new Span<float>(call.OutRows(0) + (nint)row * call.Stride, call.Lanes).Fill(vector[row]);
    }

    private static void Copy(in Call call)
    {
        if (call.Accumulates(0)) call.Kernels.Combine(new AddScaled(1), call.Count, call.OutRows(0), call.InRows(0), call.OutRows(0));
        else if (call.In(0) != call.Out(0)) new Span<float>(call.InRows(0), (int)call.Count).CopyTo(new(call.OutRows(0), (int)call.Count));
    }

    private static void Copy(Copy operation, in Call call)
    {
        if (call.IsInPanels)
        {
            Copy(call);
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

    private static void Scale(Scale operation, in Call call)
    {
        double factor = (operation.Factor is null ? 1 : call.Number(1)) * operation.Times;
        if (operation.IsMean) factor /= call.Workspace.Positions;
        if (operation.X.Shape.Domain == Domain.Step) call.AddNumber(0, call.Number(0) * factor);
        else if (!call.Accumulates(0)) call.Kernels.Map(new Scaled((float)factor), call.Count, call.InRows(0), call.OutRows(0));
        else call.Kernels.Combine(new AddScaled((float)factor), call.Count, call.OutRows(0), call.InRows(0), call.OutRows(0));
    }

    private static void SequenceSum(SequenceSum operation, in Call call)
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

    private static void RepeatRows(RepeatRows operation, in Call call)
    {
        for (int row = 0; row < call.Rows; row++)
        {
            new Span<float>(call.In(0) + (nint)(row / operation.Times) * call.Stride, call.Lanes)
                .CopyTo(new(call.Out(0) + (nint)row * call.Stride, call.Lanes));
        }
    }

    private static void LaneSum(LaneSum operation, in Call call)
    {
        for (int row = 0; row < operation.X.Rows; row++)
        {
            float* sum = call.Out(0) + (nint)(row / operation.Times) * call.Stride, x = call.In(0) + (nint)row * call.Stride;
            if (row % operation.Times == 0 && !call.Accumulates(0)) new Span<float>(x, call.Lanes).CopyTo(new(sum, call.Lanes));
            else call.Kernels.Combine(new AddScaled(1), call.Lanes, sum, x, sum);
        }
    }

    private static void ScaleLanes(ScaleLanes operation, in Call call)
    {
        float* factor = call.In(1);
        for (int row = 0; row < call.Rows; row++)
        {
            float* x = call.InRows(0) + (nint)row * call.Stride, y = call.OutRows(0) + (nint)row * call.Stride;
            if (call.Accumulates(0)) call.Kernels.CombineBackward(default(MultiplyFunction), call.Lanes, x, factor, x, y, null, true, false);
            else call.Kernels.Combine(default(MultiplyFunction), call.Lanes, x, factor, y);
        }
    }

    private static void LaneDot(LaneDot operation, in Call call)
    {
        float* sum = call.Out(0);
        for (int row = 0; row < operation.A.Rows; row++)
        {
            float* a = call.In(0) + (nint)row * call.Stride, b = call.In(1) + (nint)row * call.Stride;
            bool accumulates = row > 0 || call.Accumulates(0);
            call.Kernels.CombineBackward(default(MultiplyFunction), call.Lanes, a, b, a, sum, null, accumulates, false);
        }
    }

    private static void Columns(MatrixColumns operation, in Call call)
    {
        var batch = call.Workspace.Batch;
        int? together = Together(operation, batch, call.FirstLane, call.Lanes);
        for (int row = 0; row < call.Rows; row++)
        {
            float* from = call.In(0) + (nint)(call.FirstRow + row) * call.RowStepOf(0), to = call.OutRows(0) + (nint)row * call.Stride;
            if (together is { } lanes)
            {
                new Span<float>(from + call.FirstLane, lanes).CopyTo(new(to, lanes));
                new Span<float>(to + lanes, call.Lanes - lanes).Clear();
                continue;
            }

            for (int lane = 0; lane < call.Lanes; lane += batch.SequenceLanes)
            {
                long sequence = (call.FirstLane + lane) / batch.SequenceLanes;
                var result = new Span<float>(to + lane, batch.SequenceLanes);
                if (sequence >= batch.Sequences) result.Clear();
                else if (!operation.IsOfPositions) result.Fill(from[ColumnOf(operation, batch, sequence)]);
                else
                {
                    new Span<float>(from + ColumnOf(operation, batch, sequence), batch.Length).CopyTo(result);
                    result[batch.Length..].Clear();
                }
            }
        }
    }

    private static void ColumnSum(ColumnSum operation, in Call call)
    {
        var batch = call.Workspace.Batch;
        bool isShared = operation.Of.Examples is not null;
        int? together = Together(operation.Of, batch, call.FirstLane, call.Lanes);
        for (int row = 0; row < call.Rows; row++)
        {
            float* from = call.InRows(0) + (nint)row * call.Stride, to = call.Out(0) + (nint)(call.FirstRow + row) * call.RowStepOfResult(0);
            if (together is { } lanes)
            {
                new Span<float>(from, lanes).CopyTo(new(to + call.FirstLane, lanes));
                continue;
            }

            for (int lane = 0; lane < call.Lanes; lane += batch.SequenceLanes)
            {
                long sequence = (call.FirstLane + lane) / batch.SequenceLanes;
                if (sequence >= batch.Sequences) break;
                float* column = to + ColumnOf(operation.Of, batch, sequence);
                if (!operation.Of.IsOfPositions)
                {
                    float sum = isShared ? *column : 0;
                    for (int i = 0; i < batch.Length; i++) sum += from[lane + i];
                    *column = sum;
                }
                else if (isShared) call.Kernels.Combine(new AddScaled(1), batch.Length, column, from + lane, column);
                else new Span<float>(from + lane, batch.Length).CopyTo(new(column, batch.Length));
            }
        }
    }

    /// <summary>The lanes of a panel whose columns lie one behind the other, as they do where every lane has a column of its own and none is padding before the end.</summary>
    private static int? Together(MatrixColumns columns, Batch batch, long firstLane, int lanes)
    {
        // Refuses a matrix of another batch.
        ColumnOf(columns, batch, 0);
        bool isTogether = columns.Examples is null && batch.Length == batch.SequenceLanes && (columns.IsOfPositions || batch.Length == 1);
        return isTogether ? (int)Math.Min(lanes, batch.Lanes - firstLane) : null;
    }

    private static long ColumnOf(MatrixColumns columns, Batch batch, long sequence)
    {
        int examples = columns.Examples ?? batch.Sequences, length = columns.IsOfPositions ? batch.Length : 1, given = columns.Matrix.Shape.Columns;
        if (given != examples * length)
            throw new InvalidOperationException($"{columns.Matrix} has {given} columns, but this batch needs {examples * length}: make the matrix for this batch");
        return sequence % examples * length;
    }

    private static void MatMul(MatMul operation, in Call call)
    {
        nint step = call.RowStepOf(0);
        var (rowStep, columnStep) = operation.IsTransposed ? ((nint)1, step) : (step, 1);
        float* w = call.In(0) + call.FirstRow * rowStep;
        call.Kernels.MatrixProduct(
            call.Rows, operation.X.Rows, call.Lanes, w, rowStep, columnStep, call.In(1), call.Stride, call.OutRows(0), call.Stride, call.Accumulates(0));
    }

    private static void Outer(Outer operation, in Call call)
    {
        call.ClearPadding(0);
        nint step = call.RowStepOfResult(0);
        float* result = call.Out(0) + call.FirstRow * step;
        call.Kernels.AccumulateOuterProduct(call.Rows, operation.B.Rows, call.Lanes, call.InRows(0), call.In(1), call.Stride, result, step);
    }

    private static void RowAffine(RowAffine operation, in Call call)
    {
        float* scale = operation.Scale is null ? null : call.In(1) + call.FirstRow;
        float* shift = operation.Shift is null ? null : call.In(operation.Scale is null ? 1 : 2) + call.FirstRow;
        float* x = call.InRows(0);
        if (call.Accumulates(0)) call.Kernels.RowAffineBackward(call.Rows, call.Lanes, scale, x, x, call.OutRows(0), null, null, call.Stride);
        else call.Kernels.RowAffine(call.Rows, call.Lanes, scale, shift, x, call.OutRows(0), call.Stride);
    }

    /// <summary><c>Σ x</c>, or <c>Σ x · factor</c>, of each row, added to what lies there.</summary>
    private static void SumRows(in Call call, float* factor)
    {
        call.ClearPadding(0);
        float* sums = call.Out(0) + call.FirstRow, x = call.InRows(0);
        if (factor == null) call.Kernels.RowAffineBackward(call.Rows, call.Lanes, null, null, x, null, null, sums, call.Stride);
        else call.Kernels.RowAffineBackward(call.Rows, call.Lanes, null, x, factor, null, sums, null, call.Stride);
    }

    private static void RowMlp(RowMlp operation, in Call call) =>
        call.Kernels.GateForward(Parameters(call, operation.WeightIn.Shape.Columns), call.Lanes, call.InRows(0), call.OutRows(0), call.Stride);

    private static void RowMlpGradient(RowMlpGradient operation, in Call call)
    {
        call.ClearPadding(5);
        int width = operation.Of.WeightIn.Shape.Columns, scratchRows = ScratchRows(operation);
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
            call.Rows, width, Sums(call, 1, width, scratch), Sums(call, 2, width, scratch + hidden), Sums(call, 3, width, scratch + 2 * hidden),
            Sums(call, 4, 1, scratch + 3 * hidden));
        call.Kernels.GateBackward(Parameters(call, width), gradient, call.Lanes, call.InRows(0), call.InRows(5), dx, call.Stride);

        static float* Sums(in Call call, int result, int width, float* scratch) =>
            call.IsWanted(result) ? call.Out(result) + (nint)call.FirstRow * width : scratch;
    }

    // For each MLP a row for dx and as many as hold its gradients: room for results that nobody asks for.
    private static int ScratchRows(RowMlpGradient operation) => 1 + Batch.RoundUp(3 * operation.Of.WeightIn.Shape.Columns + 1) / Batch.LaneBlock;

    private static GateParameters Parameters(in Call call, int width)
    {
        nint first = (nint)call.FirstRow * width;
        return new(call.Rows, width, call.In(1) + first, call.In(2) + first, call.In(3) + first, call.In(4) + call.FirstRow);
    }

    private static void SquaredError(SquaredError operation, in Call call)
    {
        double sum = call.Kernels.SquaredError(call.Rows, call.Lanes, call.Mask, call.In(0), call.In(1), call.Out(1), call.Stride);
        call.AddNumber(0, sum * (1.0 / operation.A.Rows) / call.MeanDivisor);
    }

    private static void Divergence(Divergence operation, in Call call)
    {
        double sum = call.Kernels.KullbackLeibler(call.Rows, call.Lanes, call.Mask, call.In(0), call.In(1), call.Out(1), call.Stride);
        call.AddNumber(0, sum / call.MeanDivisor);
    }

    private static void PowerSum(PowerSum operation, in Call call)
    {
        float* weights = operation.RowWeights is null ? null : call.In(2);
        double sum = call.Kernels.PowerSum(
            call.Rows, call.Lanes, (float)call.Number(1), call.Mask, weights, call.In(0), call.Out(1), call.Out(2), call.Stride);
        call.AddNumber(0, sum / call.MeanDivisor);
    }

    private static void InnerProduct(InnerProduct operation, in Call call)
    {
        ReadOnlySpan<float> a = call.Input(0), b = call.Input(1);
        double sum = 0;
        for (int row = 0; row < call.Rows; row++)
            for (int i = row * call.Stride; i < row * call.Stride + call.MeanDivisor; i++) sum += (double)a[i] * b[i];
        call.AddNumber(0, sum);
    }
}

/// <summary>A batch, from row-major positions to lanes; or a matrix.</summary>
internal sealed unsafe class InputKernel(InputValues given) : CpuKernel<Input>
{
    public override void Run(Input operation, in Call call)
    {
        var batch = call.Workspace.Batch;
        int features = operation.Shape.Rows;
        float* result = call.Out(0);
        if (!call.IsInPanels)
        {
            int columns = operation.Shape.Columns;
            for (int row = 0; row < features; row++) given.Values.AsSpan(row * columns, columns).CopyTo(new(result + row * call.RowStepOfResult(0), columns));
            return;
        }

        for (int lane = 0; lane < call.Lanes; lane++)
        {
            long at = call.FirstLane + lane, sequence = at / batch.SequenceLanes, position = at % batch.SequenceLanes;
            bool isPadding = sequence >= batch.Sequences || position >= batch.Length;
            long row = (sequence * batch.Length + position) * features;
            for (int feature = 0; feature < features; feature++) result[feature * call.Stride + lane] = isPadding ? 0 : given.Values[row + feature];
        }
    }
}

/// <summary>What an input was set to.</summary>
internal sealed class InputValues
{
    public float[] Values { get; set; } = [];
}
