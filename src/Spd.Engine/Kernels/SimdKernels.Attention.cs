using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Spd.Engine.Kernels;

internal abstract unsafe partial class SimdKernels<TVector, TSimd>
{
    // Queries that the derivative takes at a time, against a block of keys: what it computes of them stays in the nearest cache.
    private const int QueryRows = 64;
    private const float Log2E = 1.44269504f, Hidden = -1e30f;

    /// <inheritdoc/>
    /// <remarks>
    /// A block of 32 queries is the lanes of two products: of the keys they see with them, and of the values with the probabilities. No panel of keys by
    /// queries lies in memory but that of a block.
    /// </remarks>
    public override void Attention(in AttentionShape shape, float* q, float* k, float* v, float* output, float* normalisers, nint stride, float* scratch)
    {
        var (width, valueWidth) = (shape.HeadWidth, shape.ValueWidth);
        float* scores = scratch;
        for (int head = 0; head < shape.Heads; head++)
        {
            int keyHead = shape.KeyHeadOf(head);
            float* keys = k + (nint)keyHead * width * stride, values = v + (nint)keyHead * valueWidth * stride;
            for (int block = 0; block < shape.Lanes; block += LaneBlock)
            {
                int first = shape.OldestKeyOf(block), count = block + LaneBlock - first;
                MatrixProduct(
                    count, width, LaneBlock, keys + first, 1, stride, q + (nint)head * width * stride + block, stride, scores, LaneBlock, accumulate: false);
                HideKeys(shape, block, first, count, scores);
                float* largest = normalisers + 2 * head * stride + block, inverse = largest + stride;
                Softmax(count, shape.Scale * Log2E, scores, largest, inverse);
                if (output == null) continue;
                float* result = output + (nint)head * valueWidth * stride + block;
                MatrixProduct(valueWidth, count, LaneBlock, values + first, stride, 1, scores, LaneBlock, result, stride, accumulate: false);
                ScaleLanes(valueWidth, result, stride, inverse);
            }
        }
    }

    /// <inheritdoc/>
    /// <remarks>
    /// A block of 32 keys is the lanes, up to 128 queries the rows, so that the gradients of keys and values are products and no sums over lanes; only the
    /// gradient of the scores is transposed, for the queries.
    /// </remarks>
    public override void AttentionBackward(
        in AttentionShape shape, float* q, float* k, float* v, float* output, float* normalisers, float* dy, float* dq, float* dk, float* dv, nint stride,
        float* scratch)
    {
        var (width, valueWidth, lanes) = (shape.HeadWidth, shape.ValueWidth, shape.Lanes);
        int queryRows = Math.Min(QueryRows, lanes);
        float* p = scratch, dp = p + LaneBlock * queryRows, transposed = dp + LaneBlock * queryRows, dots = transposed + LaneBlock * queryRows;
        ClearRows(dq, shape.Heads * width, lanes, stride);
        ClearRows(dk, shape.KeyHeads * width, lanes, stride);
        ClearRows(dv, shape.KeyHeads * valueWidth, lanes, stride);
        for (int head = 0; head < shape.Heads; head++)
        {
            nint own = (nint)head * width * stride, of = (nint)head * valueWidth * stride;
            nint keyHead = shape.KeyHeadOf(head), keyRows = keyHead * width * stride, valueRows = keyHead * valueWidth * stride;
            LaneDots(valueWidth, lanes, output + of, dy + of, dots, stride);
            for (int keys = 0; keys < lanes; keys += LaneBlock)
            {
                // Queries up to the last that sees one of these keys.
                int end = Math.Min(lanes, (keys + LaneBlock - 1 + shape.Window + LaneBlock - 1) / LaneBlock * LaneBlock);
                for (int first = keys; first < end; first += queryRows)
                {
                    int rows = Math.Min(queryRows, end - first);
                    MatrixProduct(rows, width, LaneBlock, q + own + first, 1, stride, k + keyRows + keys, stride, p, LaneBlock, accumulate: false);
                    Probabilities(rows, shape.Scale * Log2E, p, normalisers + 2 * head * stride + first, stride);
                    HideQueries(shape, keys, first, rows, p);
                    if (dv != null)
                        MatrixProduct(valueWidth, rows, LaneBlock, dy + of + first, stride, 1, p, LaneBlock, dv + valueRows + keys, stride, accumulate: true);
                    if (dq == null && dk == null) continue;
                    MatrixProduct(rows, valueWidth, LaneBlock, dy + of + first, 1, stride, v + valueRows + keys, stride, dp, LaneBlock, accumulate: false);
                    ScoreGradients(rows, shape.Scale, p, dp, dots + first);
                    if (dk != null) MatrixProduct(width, rows, LaneBlock, q + own + first, stride, 1, p, LaneBlock, dk + keyRows + keys, stride, accumulate: true);
                    if (dq == null) continue;
                    Transpose(rows, p, transposed);
                    MatrixProduct(width, LaneBlock, rows, k + keyRows + keys, stride, 1, transposed, rows, dq + own + first, stride, accumulate: true);
                }
            }
        }
    }

    private static void ClearRows(float* x, int rows, int lanes, nint stride)
    {
        for (int row = 0; row < rows && x != null; row++) new Span<float>(x + row * stride, lanes).Clear();
    }

    /// <summary>Gives the scores <c>[keys, 32 queries]</c> that a query does not see a number below all others.</summary>
    private static void HideKeys(in AttentionShape shape, int block, int first, int count, float* scores)
    {
        float* oldest = stackalloc float[LaneBlock];
        for (int lane = 0; lane < LaneBlock; lane++) oldest[lane] = shape.OldestKeyOf(block + lane);
        // Keys before the last query's oldest: some queries do not see them any more. Those of the block itself: some do not yet.
        int old = Math.Clamp((int)oldest[LaneBlock - 1] - first, 0, count - LaneBlock);
        HideKeys(first, old, block, oldest, scores);
        HideKeys(block, LaneBlock, block, oldest, scores + (nint)(count - LaneBlock) * LaneBlock);
    }

    [MethodImpl(Hot)]
    private static void HideKeys(int first, int rows, int block, float* oldest, float* scores)
    {
        var hidden = TSimd.Create(Hidden);
        for (int lane = 0; lane < LaneBlock; lane += TSimd.Count)
        {
            TVector newest = TSimd.Add(TSimd.Create(block), TSimd.Load(Ramp + lane)), last = TSimd.Load(oldest + lane);
            float* at = scores + lane;
            for (int row = 0; row < rows; row++, at += LaneBlock)
            {
                var key = TSimd.Create(first + row);
                TSimd.Store(TSimd.SelectGreater(key, newest, hidden, TSimd.SelectGreater(last, key, hidden, TSimd.Load(at))), at);
            }
        }
    }

    /// <summary>Zeroes the probabilities <c>[queries, 32 keys]</c> of keys that a query does not see.</summary>
    private static void HideQueries(in AttentionShape shape, int keys, int first, int rows, float* p)
    {
        // Queries of the keys' own block, and those that do not see the oldest of the keys any more.
        int own = first == keys ? Math.Min(LaneBlock, rows) : 0, row = own;
        HideQueries(shape, keys, first, 0, own, p);
        while (row < rows && shape.OldestKeyOf(first + row) <= keys) row++;
        HideQueries(shape, keys, first, row, rows, p);
    }

    [MethodImpl(Hot)]
    private static void HideQueries(in AttentionShape shape, int keys, int first, int row, int end, float* p)
    {
        for (p += (nint)row * LaneBlock; row < end; row++, p += LaneBlock)
        {
            TVector oldest = TSimd.Create(shape.OldestKeyOf(first + row) - keys), newest = TSimd.Create(first + row - keys);
            for (int lane = 0; lane < LaneBlock; lane += TSimd.Count)
            {
                var key = TSimd.Load(Ramp + lane);
                TSimd.Store(TSimd.SelectGreater(key, newest, TSimd.Zero, TSimd.SelectGreater(oldest, key, TSimd.Zero, TSimd.Load(p + lane))), p + lane);
            }
        }
    }

    /// <summary>
    /// Turns the scores of 32 lanes into <c>2^(factor (score − largest))</c>, with the largest of each, and
    /// <paramref name="inverse"/> one over their sum. The difference first: it is exact where it matters.
    /// </summary>
    private static void Softmax(int rows, float factor, float* scores, float* largest, float* inverse)
    {
        Largest(rows, scores, largest);
        Exponentials(rows, factor, scores, largest, inverse);
    }

    [MethodImpl(Hot)]
    private static void Largest(int rows, float* scores, float* largest)
    {
        for (int lane = 0; lane < LaneBlock; lane += 2 * TSimd.Count)
        {
            TVector first = TSimd.Create(Hidden), second = first;
            float* at = scores + lane;
            for (int row = 0; row < rows; row++, at += LaneBlock)
            {
                first = TSimd.Max(first, TSimd.Load(at));
                second = TSimd.Max(second, TSimd.Load(at + TSimd.Count));
            }

            TSimd.Store(first, largest + lane);
            TSimd.Store(second, largest + lane + TSimd.Count);
        }
    }

    [MethodImpl(Hot)]
    private static void Exponentials(int rows, float factor, float* scores, float* largest, float* inverse)
    {
        var scale = TSimd.Create(factor);
        for (int lane = 0; lane < LaneBlock; lane += 2 * TSimd.Count)
        {
            TVector sum0 = TSimd.Zero, sum1 = TSimd.Zero;
            TVector base0 = TSimd.Load(largest + lane), base1 = TSimd.Load(largest + lane + TSimd.Count);
            float* at = scores + lane;
            for (int row = 0; row < rows; row++, at += LaneBlock)
            {
                var (e0, e1) = ExponentialFunctions<TVector, TSimd>.Exp2(
                    TSimd.Multiply(TSimd.Subtract(TSimd.Load(at), base0), scale), TSimd.Multiply(TSimd.Subtract(TSimd.Load(at + TSimd.Count), base1), scale));
                TSimd.Store(e0, at);
                TSimd.Store(e1, at + TSimd.Count);
                sum0 = TSimd.Add(sum0, e0);
                sum1 = TSimd.Add(sum1, e1);
            }

            TSimd.Store(TSimd.Divide(TSimd.Create(1), sum0), inverse + lane);
            TSimd.Store(TSimd.Divide(TSimd.Create(1), sum1), inverse + lane + TSimd.Count);
        }
    }

    [MethodImpl(Hot)]
    private static void ScaleLanes(int rows, float* x, nint stride, float* factors)
    {
        for (int row = 0; row < rows; row++, x += stride)
            for (int lane = 0; lane < LaneBlock; lane += TSimd.Count)
                TSimd.Store(TSimd.Multiply(TSimd.Load(x + lane), TSimd.Load(factors + lane)), x + lane);
    }

    /// <summary><c>Σ_row a b</c> of every lane.</summary>
    [MethodImpl(Hot)]
    private static void LaneDots(int rows, int lanes, float* a, float* b, float* dots, nint stride)
    {
        for (nint lane = 0; lane < lanes; lane += TSimd.Count)
        {
            var sum = TSimd.Zero;
            for (nint row = 0; row < rows; row++) sum = TSimd.MultiplyAdd(TSimd.Load(a + row * stride + lane), TSimd.Load(b + row * stride + lane), sum);
            TSimd.Store(sum, dots + lane);
        }
    }

    [MethodImpl(Hot)]
    private static void Probabilities(int rows, float factor, float* p, float* largest, nint stride)
    {
        var scale = TSimd.Create(factor);
        for (int row = 0; row < rows; row++, p += LaneBlock)
        {
            TVector most = TSimd.Create(largest[row]), inverse = TSimd.Create(largest[stride + row]);
            // What comes out for keys that the query does not see, whose scores may be larger, is replaced afterwards.
            for (int lane = 0; lane < LaneBlock; lane += 2 * TSimd.Count)
            {
                float* at = p + lane;
                var (e0, e1) = ExponentialFunctions<TVector, TSimd>.Exp2(
                    TSimd.Multiply(TSimd.Subtract(TSimd.Load(at), most), scale), TSimd.Multiply(TSimd.Subtract(TSimd.Load(at + TSimd.Count), most), scale));
                TSimd.Store(TSimd.Multiply(e0, inverse), at);
                TSimd.Store(TSimd.Multiply(e1, inverse), at + TSimd.Count);
            }
        }
    }

    /// <summary><c>p ← factor p (dp − dot)</c>.</summary>
    [MethodImpl(Hot)]
    private static void ScoreGradients(int rows, float factor, float* p, float* dp, float* dots)
    {
        for (int row = 0; row < rows; row++, p += LaneBlock, dp += LaneBlock)
        {
            TVector dot = TSimd.Create(dots[row]), scale = TSimd.Create(factor);
            for (int lane = 0; lane < LaneBlock; lane += TSimd.Count)
                TSimd.Store(TSimd.Multiply(TSimd.Multiply(TSimd.Load(p + lane), scale), TSimd.Subtract(TSimd.Load(dp + lane), dot)), p + lane);
        }
    }

    /// <summary>From <c>[rows, 32]</c> to <c>[32, rows]</c>.</summary>
    [MethodImpl(Hot)]
    private static void Transpose(int rows, float* from, float* to)
    {
        for (int row = 0; row < rows; row += 4)
        {
            for (int lane = 0; lane < LaneBlock; lane += 4)
            {
                float* at = from + row * LaneBlock + lane, result = to + lane * rows + row;
                Vector128<float> a = Vector128.Load(at), b = Vector128.Load(at + LaneBlock);
                Vector128<float> c = Vector128.Load(at + 2 * LaneBlock), d = Vector128.Load(at + 3 * LaneBlock);
                Vector128<float> ac = Low(a, c), bd = Low(b, d);
                Low(ac, bd).Store(result);
                High(ac, bd).Store(result + rows);
                (ac, bd) = (High(a, c), High(b, d));
                Low(ac, bd).Store(result + 2 * rows);
                High(ac, bd).Store(result + 3 * rows);
            }
        }
    }

    // The lower, or upper, halves of two vectors, in turns.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Low(Vector128<float> a, Vector128<float> b) =>
        Sse.IsSupported ? Sse.UnpackLow(a, b) : Vector128.Create(a[0], b[0], a[1], b[1]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> High(Vector128<float> a, Vector128<float> b) =>
        Sse.IsSupported ? Sse.UnpackHigh(a, b) : Vector128.Create(a[2], b[2], a[3], b[3]);
}
