using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using Spd.Engine.Execution;
using Spd.Engine.Kernels;
using Spd.Engine.Operations;
using Spd.Engine.Optimisation;

namespace Spd.Engine.Cpu;

/// <summary>The kernels of what transformers compute on sequences.</summary>
internal static unsafe class TransformerKernels
{
    private const int LaneBlock = KernelSet.LaneBlock;

    public static void AddTo(CpuBackend backend)
    {
        var rotations = new Rotations();
        backend.Add(new FunctionKernel<Positions>(_ => default, Positions))
            .Add(new FunctionKernel<Lookup>(_ => new() { SplitsByRows = true }, Lookup))
            .Add(new FunctionKernel<LookupGradient>(_ => new() { SplitsByRows = true, Reduces = 1 }, LookupGradient))
            .Add(new FunctionKernel<LastPosition>(_ => new() { SplitsByRows = true, Overwrites = 0b1 }, LastPosition))
            .Add(new FunctionKernel<LastPositionGradient>(_ => new() { SplitsByRows = true, Overwrites = 0b1 }, LastPositionGradient))
            .Add(new FunctionKernel<RowRange>(_ => new() { SplitsByRows = true, Accumulates = 1 }, RowRange))
            .Add(new FunctionKernel<PlacedRows>(_ => new() { SplitsByRows = true, Accumulates = 1 }, PlacedRows))
            .Add(new FunctionKernel<Normalise>(_ => new() { Overwrites = 0b1 }, Normalise))
            .Add(new FunctionKernel<NormaliseGradient>(_ => new() { Overwrites = 0b100, Accumulates = 1 }, NormaliseGradient))
            .Add(new FunctionKernel<Rotate>(_ => new() { Overwrites = 0b1 }, rotations.Rotate))
            .Add(new FunctionKernel<RotateAt>(rotation => new() { Overwrites = 0b1, Scratch = rotation.Of.HeadWidth }, RotateAt))
            .Add(new FunctionKernel<CachedAttention>(attention => new() { Scratch = attention.Keys.Columns }, CachedAttention))
            .Add(new FunctionKernel<CausalAttention>(attention => new() { Scratch = LaneBlock + 2 * attention.Heads }, Attention))
            .Add(new FunctionKernel<CausalAttentionGradient>(_ => new() { Scratch = 3 * LaneBlock + 1 }, AttentionGradient))
            .Add(new FunctionKernel<CrossEntropy>(_ => new() { Overwrites = 0b1, Scratch = 1 }, CrossEntropy))
            .Add(new FunctionKernel<UnembeddingCrossEntropy>(
                operation => new() { WeightInputs = 0b1, Scratch = ScratchRows(operation.X.Rows) + operation.X.Rows + 3 }, CrossEntropy))
            .Add(new FunctionKernel<ExpectedUnembedding>(operation => new() { WeightInputs = 0b1, Scratch = ScratchRows(operation.X.Rows) }, Expected))
            .Add(new FunctionKernel<UnembeddingDivergence>(operation => new() { WeightInputs = 0b1, Scratch = ScratchRows(operation.X.Rows) }, Divergence));
    }

    private static void Positions(Positions operation, in Call call)
    {
        var batch = call.Workspace.Batch;
        var result = call.Result(0);
        for (int lane = 0; lane < call.Lanes; lane++) result[lane] = Math.Min(lane % batch.SequenceLanes, batch.Length - 1);
    }

    private static void Lookup(Lookup operation, in Call call)
    {
        var (rowStep, columnStep) = operation.IsTransposed ? ((nint)1, (nint)call.RowStepOf(0)) : ((nint)call.RowStepOf(0), 1);
        float* table = call.In(0) + (nint)call.FirstRow * columnStep, tokens = call.In(1), result = call.OutRows(0);
        for (int lane = 0; lane < call.Lanes; lane++)
        {
            float* entry = table + (nint)TokenOf(tokens[lane], operation) * rowStep;
            for (nint row = 0; row < call.Rows; row++) result[row * call.Stride + lane] = entry[row * columnStep];
        }
    }

    private static void LookupGradient(LookupGradient operation, in Call call)
    {
        nint step = call.RowStepOfResult(0);
        var (rowStep, columnStep) = operation.Of.IsTransposed ? ((nint)1, step) : (step, 1);
        float* dy = call.InRows(0), tokens = call.In(1), mask = call.Mask, result = call.Out(0) + call.FirstRow * columnStep;
        for (int lane = 0; lane < call.Lanes; lane++)
        {
            if (mask[lane] == 0) continue;
            float* entry = result + TokenOf(tokens[lane], operation.Of) * rowStep;
            for (nint row = 0; row < call.Rows; row++) entry[row * columnStep] += dy[row * call.Stride + lane];
        }
    }

    private static int TokenOf(float token, Lookup operation) => token >= 0 && token < operation.Vocabulary
        ? (int)token
        : throw new InvalidOperationException($"token {token} was looked up, but the vocabulary has the tokens 0 to {operation.Vocabulary - 1}");

    private static void LastPosition(LastPosition operation, in Call call)
    {
        var batch = call.Workspace.Batch;
        for (int row = 0; row < call.Rows; row++)
        {
            for (int lane = 0; lane < call.Lanes; lane += batch.SequenceLanes)
            {
                nint at = (nint)row * call.Stride + lane;
                new Span<float>(call.OutRows(0) + at, batch.SequenceLanes).Fill(call.InRows(0)[at + batch.Length - 1]);
            }
        }
    }

    private static void LastPositionGradient(LastPositionGradient operation, in Call call)
    {
        var batch = call.Workspace.Batch;
        for (int row = 0; row < call.Rows; row++)
        {
            for (int lane = 0; lane < call.Lanes; lane += batch.SequenceLanes)
            {
                nint at = (nint)row * call.Stride + lane;
                float sum = 0;
                for (int i = 0; i < batch.Length; i++) sum += call.InRows(0)[at + i];
                new Span<float>(call.OutRows(0) + at, batch.SequenceLanes).Clear();
                call.OutRows(0)[at + batch.Length - 1] = sum;
            }
        }
    }

    private static void RowRange(RowRange operation, in Call call) =>
        CopyRows(call, call.Rows, call.In(0) + (nint)(operation.First + call.FirstRow) * call.Stride, call.OutRows(0));

    private static void PlacedRows(PlacedRows operation, in Call call)
    {
        int first = Math.Max(operation.First, call.FirstRow), end = Math.Min(operation.First + operation.X.Rows, call.FirstRow + call.Rows);
        if (!call.Accumulates(0))
        {
            int placed = Math.Max(first, end);
            new Span<float>(call.OutRows(0), (Math.Min(first, call.FirstRow + call.Rows) - call.FirstRow) * call.Stride).Clear();
            if (placed < call.FirstRow + call.Rows)
                new Span<float>(call.Out(0) + (nint)placed * call.Stride, (call.FirstRow + call.Rows - placed) * call.Stride).Clear();
        }

        if (first < end) CopyRows(call, end - first, call.In(0) + (nint)(first - operation.First) * call.Stride, call.Out(0) + (nint)first * call.Stride);
    }

    private static void CopyRows(in Call call, int rows, float* from, float* to)
    {
        nint count = (nint)rows * call.Stride;
        if (call.Accumulates(0)) call.Kernels.Combine(new AddScaled(1), count, to, from, to);
        else new Span<float>(from, (int)count).CopyTo(new(to, (int)count));
    }

    private static void Normalise(Normalise operation, in Call call)
    {
        float* scale = stackalloc float[LaneBlock];
        for (int lane = 0; lane < call.Lanes; lane += LaneBlock)
        {
            call.Kernels.Normalise(
                operation.X.Rows, LaneBlock, (float)operation.Epsilon, operation.IsCentred, call.In(0) + lane, At(call, 0, lane),
                call.IsWanted(1) ? call.Out(1) + lane : scale, call.Stride);
        }
    }

    private static void NormaliseGradient(NormaliseGradient operation, in Call call) => call.Kernels.NormaliseBackward(
        operation.Y.Rows, call.Lanes, operation.IsCentred, call.In(0), call.In(1), call.In(2), call.Out(0), call.Stride, call.Accumulates(0));

    private static void RotateAt(RotateAt operation, in Call call)
    {
        var of = operation.Of;
        int pairs = of.HeadWidth / 2;
        float* positions = call.In(1), cosines = Start(call.Scratch(of.HeadWidth)), sines = cosines + (nint)pairs * call.Stride;
        for (int pair = 0; pair < pairs; pair++)
        {
            double frequency = Frequency(of.HeadWidth, of.Base, pair);
            for (int lane = 0; lane < call.Lanes; lane++)
            {
                var (sine, cosine) = call.Mask[lane] == 0 ? (0, 1) : Math.SinCos(positions[lane] * frequency);
                cosines[(nint)pair * call.Stride + lane] = (float)cosine;
                sines[(nint)pair * call.Stride + lane] = (float)sine;
            }
        }

        call.Kernels.Rotate(
            of.X.Rows, of.HeadWidth, call.Lanes, cosines, sines, call.Stride, of.IsInterleaved, of.IsInverse, call.In(0), call.Out(0), call.Stride);
    }

    private static double Frequency(int headWidth, double rotaryBase, int pair) => Math.Pow(rotaryBase, -2.0 * pair / headWidth);

    private static void CachedAttention(CachedAttention operation, in Call call)
    {
        var (of, batch, longest) = (operation.Of, call.Workspace.Batch, operation.Keys.Columns);
        int start = (int)call.In(3)[0];
        if (batch.Sequences != 1) throw new InvalidOperationException($"keys and values are kept of one sequence, but the batch has {batch.Sequences}");
        if (start < 0 || start > longest - batch.Length)
            throw new InvalidOperationException($"positions {start} to {start + batch.Length - 1} were computed, but keys and values are kept of {longest}");
        Keep(call.In(1), call.Stride, batch.Length, start, operation.Keys);
        Keep(call.In(2), call.Stride, batch.Length, start, operation.Values);
        float* scores = Start(call.Scratch(longest));
        for (int block = 0; block < call.Lanes; block += LaneBlock)
        {
            int queries = Math.Min(LaneBlock, batch.Length - block), first = Oldest(start + block), keys = start + block + queries - first;
            for (int head = 0; head < of.Heads; head++)
            {
                nint keyHead = (nint)((long)head * of.KeyHeads / of.Heads);
                float* kept = operation.Keys.Pointer + keyHead * of.HeadWidth * longest + first;
                call.Kernels.MatrixProduct(
                    keys, of.HeadWidth, LaneBlock, kept, 1, longest, call.In(0) + (nint)head * of.HeadWidth * call.Stride + block, call.Stride, scores, LaneBlock,
                    accumulate: false);
                for (int query = 0; query < queries; query++)
                    Softmax(scores + query, keys, Oldest(start + block + query) - first, start + block + query + 1 - first, of.Scale);
                call.Kernels.MatrixProduct(
                    of.ValueWidth, keys, LaneBlock, operation.Values.Pointer + keyHead * of.ValueWidth * longest + first, longest, 1, scores, LaneBlock,
                    call.Out(0) + (nint)head * of.ValueWidth * call.Stride + block, call.Stride, accumulate: false);
            }
        }

        int Oldest(int position) => of.Window == 0 ? 0 : Math.Max(0, position - of.Window + 1);
    }

    private static void Keep(float* from, int stride, int count, int start, Parameter into)
    {
        for (int row = 0; row < into.Rows; row++) new Span<float>(from + (nint)row * stride, count).CopyTo(into.Row(row)[start..]);
    }

    /// <summary>The softmax of one lane's scores from one row to another; zero in the rows before and behind.</summary>
    private static void Softmax(float* scores, int rows, int first, int end, double scale)
    {
        float largest = float.NegativeInfinity;
        double sum = 0;
        for (int row = first; row < end; row++) largest = Math.Max(largest, scores[row * LaneBlock]);
        for (int row = 0; row < rows; row++)
        {
            ref float score = ref scores[row * LaneBlock];
            score = row < first || row >= end ? 0 : MathF.Exp((float)scale * (score - largest));
            sum += score;
        }

        for (int row = first; row < end; row++) scores[row * LaneBlock] /= (float)sum;
    }

    private static void Attention(CausalAttention operation, in Call call)
    {
        var room = call.Scratch(LaneBlock + 2 * operation.Heads);
        // What nobody asks for goes into scratch too.
        float* scratch = Start(room), sums = call.IsWanted(1) ? call.Out(1) : scratch + (nint)LaneBlock * call.Stride;
        var shape = ShapeOf(operation, call);
        for (int lane = 0; lane < call.Lanes; lane += shape.Lanes)
        {
            call.Kernels.Attention(
                shape, call.In(0) + lane, call.In(1) + lane, call.In(2) + lane, At(call, 0, lane), sums + lane, call.Stride, scratch);
        }
    }

    private static void AttentionGradient(CausalAttentionGradient operation, in Call call)
    {
        call.ClearPadding(5, operation.Dy.Rows);
        float* scratch = Start(call.Scratch(3 * LaneBlock + 1));
        var shape = ShapeOf(operation.Of, call);
        for (int lane = 0; lane < call.Lanes; lane += shape.Lanes)
        {
            call.Kernels.AttentionBackward(
                shape, call.In(0) + lane, call.In(1) + lane, call.In(2) + lane, call.In(3) + lane, call.In(4) + lane, call.In(5) + lane,
                At(call, 0, lane), At(call, 1, lane), At(call, 2, lane), call.Stride, scratch);
        }
    }

    private static float* At(in Call call, int result, int lane) => call.IsWanted(result) ? call.Out(result) + lane : null;

    private static AttentionShape ShapeOf(CausalAttention operation, in Call call)
    {
        int sequenceLanes = call.Workspace.Batch.SequenceLanes, lanes = Math.Max(sequenceLanes, LaneBlock);
        return new(
            operation.Heads, operation.KeyHeads, operation.HeadWidth, operation.ValueWidth, lanes, sequenceLanes, (float)operation.Scale,
            operation.Window == 0 ? lanes : Math.Min(operation.Window, lanes));
    }

    private static void CrossEntropy(CrossEntropy operation, in Call call)
    {
        int* labels = (int*)Start(call.Scratch(1));
        double perPosition = FindLabels(call, call.In(1), operation.Logits.Rows, labels);
        double sum = call.Kernels.CrossEntropy(
            operation.Logits.Rows, call.Lanes, labels, (float)perPosition, call.In(0), call.Out(1), call.Out(2), call.Stride);
        call.AddNumber(0, sum * perPosition / call.MeanDivisor);
    }

    /// <summary>The divergence from what is certain: the row of W that it expects is that of the token, and its entropy zero.</summary>
    private static void CrossEntropy(UnembeddingCrossEntropy operation, in Call call)
    {
        var (vocabulary, d) = (operation.W.Rows, operation.X.Rows);
        float* room = Start(call.Scratch(ScratchRows(d) + d + 3)), rows = room + (nint)ScratchRows(d) * call.Stride, mask = rows + (nint)d * call.Stride;
        float* entropy = mask + call.Stride, w = call.In(0), difference = call.Out(1);
        int* labels = (int*)(entropy + call.Stride);
        double perPosition = FindLabels(call, call.In(2), vocabulary, labels);
        for (int lane = 0; lane < call.Lanes; lane++)
        {
            (mask[lane], entropy[lane]) = (labels[lane] < 0 ? 0 : 1, 0);
            float* row = w + (nint)Math.Max(labels[lane], 0) * call.RowStepOf(0);
            for (nint i = 0; i < d; i++) rows[i * call.Stride + lane] = row[i];
        }

        double sum = call.Kernels.UnembeddingDivergence(
            vocabulary, d, call.Lanes, mask, w, call.RowStepOf(0), call.In(1), rows, entropy, difference, call.Stride, room);
        call.AddNumber(0, sum * perPosition / call.MeanDivisor);
        for (nint i = 0; difference != null && i < d; i++)
            for (int lane = 0; lane < call.Lanes; lane++) difference[i * call.Stride + lane] *= (float)perPosition;
    }

    /// <summary>In each lane the token that follows, −1 where none does.</summary>
    /// <returns>Positions for each that a token follows.</returns>
    private static double FindLabels(in Call call, float* tokens, int vocabulary, int* labels)
    {
        var batch = call.Workspace.Batch;
        float* mask = call.Mask;
        for (int lane = 0; lane < call.Lanes; lane++)
        {
            labels[lane] = -1;
            if (mask[lane] == 0 || lane % batch.SequenceLanes >= batch.Length - 1) continue;
            float token = tokens[lane + 1];
            labels[lane] = token >= 0 && token < vocabulary
                ? (int)token
                : throw new InvalidOperationException($"token {token} follows, but there are logits for the tokens 0 to {vocabulary - 1}");
        }

        return (double)batch.Length / Math.Max(batch.Length - 1, 1);
    }

    private static void Expected(ExpectedUnembedding operation, in Call call) => call.Kernels.ExpectedUnembedding(
        operation.W.Rows, operation.X.Rows, call.Lanes, call.In(0), call.RowStepOf(0), call.In(1), call.Out(0), call.Out(1), call.Stride,
        Start(call.Scratch(ScratchRows(operation.X.Rows))));

    private static void Divergence(UnembeddingDivergence operation, in Call call)
    {
        double sum = call.Kernels.UnembeddingDivergence(
            operation.W.Rows, operation.X.Rows, call.Lanes, call.Mask, call.In(0), call.RowStepOf(0), call.In(1), call.In(2), call.In(3), call.Out(1),
            call.Stride, Start(call.Scratch(ScratchRows(operation.X.Rows))));
        call.AddNumber(0, sum / call.MeanDivisor);
    }

    // Of 32 lanes, which no row is narrower than.
    private static int ScratchRows(int d) => KernelSet.VocabularyBlock + 2 * d + 3;

    private static float* Start(Span<float> scratch) => (float*)Unsafe.AsPointer(ref scratch[0]);

    /// <summary>The cosines and sines of rotary positions, computed once for each shape.</summary>
    private sealed class Rotations
    {
        private readonly ConcurrentDictionary<(int Width, double Base, int Lanes), AlignedBuffer> _tables = new();

        public void Rotate(Rotate operation, in Call call)
        {
            var batch = call.Workspace.Batch;
            int lanes = Math.Max(batch.SequenceLanes, LaneBlock), pairs = operation.HeadWidth / 2;
            var table = _tables.GetOrAdd((operation.HeadWidth, operation.Base, batch.SequenceLanes), NewTable);
            for (int lane = 0; lane < call.Lanes; lane += lanes)
            {
                call.Kernels.Rotate(
                    operation.X.Rows, operation.HeadWidth, lanes, table.Pointer, table.Pointer + (nint)pairs * lanes, lanes, operation.IsInterleaved,
                    operation.IsInverse, call.In(0) + lane, call.Out(0) + lane, call.Stride);
            }
        }

        private static AlignedBuffer NewTable((int Width, double Base, int Lanes) key)
        {
            int lanes = Math.Max(key.Lanes, LaneBlock), pairs = key.Width / 2;
            var table = new AlignedBuffer(2L * pairs * lanes);
            for (int pair = 0; pair < pairs; pair++)
            {
                double frequency = Frequency(key.Width, key.Base, pair);
                for (int lane = 0; lane < lanes; lane++)
                {
                    var (sine, cosine) = Math.SinCos(lane % key.Lanes * frequency);
                    table.Span[pair * lanes + lane] = (float)cosine;
                    table.Span[(pairs + pair) * lanes + lane] = (float)sine;
                }
            }

            return table;
        }
    }
}
