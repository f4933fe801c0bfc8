using System.Runtime.CompilerServices;

namespace Spd.Engine.Kernels;

internal abstract unsafe partial class SimdKernels<TVector, TSimd>
{
    // 0, 1, 2 … of a block of lanes.
    private static readonly float* Ramp = NewRamp();

    [MethodImpl(Hot)]
    public override void Normalise(int rows, int lanes, float epsilon, bool isCentred, float* x, float* y, float* scale, nint stride)
    {
        var (perRow, one) = (TSimd.Create(1f / rows), TSimd.Create(1));
        for (nint lane = 0; lane < lanes; lane += TSimd.Count)
        {
            var mean = TSimd.Zero;
            if (isCentred)
            {
                for (nint row = 0; row < rows; row++) mean = TSimd.Add(mean, TSimd.Load(x + row * stride + lane));
                mean = TSimd.Multiply(mean, perRow);
            }

            var squares = TSimd.Zero;
            for (nint row = 0; row < rows; row++)
            {
                var difference = TSimd.Subtract(TSimd.Load(x + row * stride + lane), mean);
                squares = TSimd.MultiplyAdd(difference, difference, squares);
            }

            var factor = TSimd.Divide(one, TSimd.Sqrt(TSimd.MultiplyAdd(squares, perRow, TSimd.Create(epsilon))));
            TSimd.Store(factor, scale + lane);
            for (nint row = 0; row < rows && y != null; row++)
                TSimd.Store(TSimd.Multiply(TSimd.Subtract(TSimd.Load(x + row * stride + lane), mean), factor), y + row * stride + lane);
        }
    }

    [MethodImpl(Hot)]
    public override void NormaliseBackward(
        int rows, int lanes, bool isCentred, float* y, float* scale, float* dy, float* dx, nint stride, bool accumulate)
    {
        var perRow = TSimd.Create(1f / rows);
        for (nint lane = 0; lane < lanes; lane += TSimd.Count)
        {
            TVector mean = TSimd.Zero, along = TSimd.Zero;
            for (nint row = 0; row < rows; row++)
            {
                var upstream = TSimd.Load(dy + row * stride + lane);
                mean = TSimd.Add(mean, upstream);
                along = TSimd.MultiplyAdd(upstream, TSimd.Load(y + row * stride + lane), along);
            }

            mean = isCentred ? TSimd.Multiply(mean, perRow) : TSimd.Zero;
            along = TSimd.Multiply(along, perRow);
            var factor = TSimd.Load(scale + lane);
            for (nint at = lane, row = 0; row < rows; row++, at += stride)
            {
                var change = TSimd.Subtract(TSimd.Subtract(TSimd.Load(dy + at), mean), TSimd.Multiply(TSimd.Load(y + at), along));
                TSimd.Store(accumulate ? TSimd.MultiplyAdd(change, factor, TSimd.Load(dx + at)) : TSimd.Multiply(change, factor), dx + at);
            }
        }
    }

    [MethodImpl(Hot)]
    public override void Rotate(
        int rows, int width, int lanes, float* cosines, float* sines, nint tableStride, bool isInterleaved, bool isInverse, float* x, float* y, nint stride)
    {
        var (first, second) = isInterleaved ? (2 * stride, stride) : (stride, width / 2 * stride);
        var sign = TSimd.Create(isInverse ? -1 : 1);
        for (nint head = 0; head < rows; head += width)
        {
            for (nint pair = 0; pair < width / 2; pair++)
            {
                nint at = head * stride + pair * first;
                float* cosine = cosines + pair * tableStride, sine = sines + pair * tableStride;
                for (nint lane = 0; lane < lanes; lane += TSimd.Count, at += TSimd.Count)
                {
                    TVector a = TSimd.Load(x + at), b = TSimd.Load(x + at + second);
                    TVector c = TSimd.Load(cosine + lane), s = TSimd.Multiply(TSimd.Load(sine + lane), sign);
                    TSimd.Store(TSimd.Subtract(TSimd.Multiply(a, c), TSimd.Multiply(b, s)), y + at);
                    TSimd.Store(TSimd.MultiplyAdd(b, c, TSimd.Multiply(a, s)), y + at + second);
                }
            }
        }
    }

    public override double CrossEntropy(int rows, int lanes, int* labels, float factor, float* logits, float* difference, float* losses, nint stride)
    {
        float* largest = stackalloc float[LaneBlock], sums = stackalloc float[LaneBlock];
        double total = 0;
        for (int block = 0; block < lanes; block += LaneBlock)
        {
            LogitSums(rows, logits + block, largest, sums, stride);
            for (int lane = 0; lane < LaneBlock; lane++)
            {
                int label = labels[block + lane];
                double loss = label < 0 ? 0 : largest[lane] + Math.Log(sums[lane]) - logits[label * stride + block + lane];
                total += loss;
                if (losses != null) losses[block + lane] = (float)loss;
                sums[lane] = label < 0 ? 0 : factor / sums[lane];
            }

            if (difference == null) continue;
            ScaledExponentials(rows, logits + block, largest, sums, difference + block, stride);
            for (int lane = 0; lane < LaneBlock; lane++)
                if (labels[block + lane] is >= 0 and var label) difference[label * stride + block + lane] -= factor;
        }

        return total;
    }

    /// <summary>The largest of each lane, and <c>Σ exp(logit − largest)</c>.</summary>
    [MethodImpl(Hot)]
    private static void LogitSums(int rows, float* logits, float* largest, float* sums, nint stride)
    {
        for (int lane = 0; lane < LaneBlock; lane += TSimd.Count)
        {
            TVector most = TSimd.Load(logits + lane), sum = TSimd.Zero;
            for (nint row = 1; row < rows; row++) most = TSimd.Max(most, TSimd.Load(logits + row * stride + lane));
            var scale = TSimd.Create(Log2E);
            for (nint row = 0; row < rows; row++)
                sum = TSimd.Add(sum, TSimd.Exp2(TSimd.Multiply(TSimd.Subtract(TSimd.Load(logits + row * stride + lane), most), scale)));
            TSimd.Store(most, largest + lane);
            TSimd.Store(sum, sums + lane);
        }
    }

    [MethodImpl(Hot)]
    private static void ScaledExponentials(int rows, float* logits, float* largest, float* factors, float* result, nint stride)
    {
        for (int lane = 0; lane < LaneBlock; lane += TSimd.Count)
        {
            TVector most = TSimd.Load(largest + lane), factor = TSimd.Load(factors + lane), scale = TSimd.Create(Log2E);
            for (nint row = 0; row < rows; row++)
            {
                var e = TSimd.Exp2(TSimd.Multiply(TSimd.Subtract(TSimd.Load(logits + row * stride + lane), most), scale));
                TSimd.Store(TSimd.Multiply(e, factor), result + row * stride + lane);
            }
        }
    }

    public override void ExpectedUnembedding(
        int vocabulary, int d, int lanes, float* w, nint rowStep, float* x, float* expected, float* negativeEntropy, nint stride, float* scratch)
    {
        var online = new OnlineSoftmax(scratch, d);
        for (int lane = 0; lane < lanes; lane += LaneBlock)
        {
            Unembed(vocabulary, d, w, rowStep, x + lane, stride, online, withEntropy: true);
            for (int i = 0; i < LaneBlock; i++)
            {
                double sum = online.Sums[i];
                if (negativeEntropy != null) negativeEntropy[lane + i] = (float)(Math.Log(2) * online.Logs[i] / sum - Math.Log(sum));
                for (nint row = 0; row < d && expected != null; row++) expected[row * stride + lane + i] = (float)(online.Rows[row * LaneBlock + i] / sum);
            }
        }
    }

    public override double UnembeddingDivergence(
        int vocabulary, int d, int lanes, float* laneMask, float* w, nint rowStep, float* x, float* expected, float* negativeEntropy, float* dx, nint stride,
        float* scratch)
    {
        var online = new OnlineSoftmax(scratch, d);
        float* dots = stackalloc float[LaneBlock];
        double total = 0;
        for (int lane = 0; lane < lanes; lane += LaneBlock)
        {
            Unembed(vocabulary, d, w, rowStep, x + lane, stride, online, withEntropy: false);
            LaneDots(d, LaneBlock, x + lane, expected + lane, dots, stride);
            for (int i = 0; i < LaneBlock; i++)
            {
                float mask = laneMask[lane + i];
                double logSum = Math.Log(2) * online.Largest[i] + Math.Log(online.Sums[i]);
                if (mask != 0) total += negativeEntropy[lane + i] - dots[i] + logSum;
                online.Sums[i] = mask / online.Sums[i];
            }

            if (dx != null) UnembeddingGradient(d, online, expected + lane, laneMask + lane, dx + lane, stride);
        }

        return total;
    }

    [MethodImpl(Hot)]
    private static void UnembeddingGradient(int d, OnlineSoftmax online, float* expected, float* mask, float* dx, nint stride)
    {
        for (int lane = 0; lane < LaneBlock; lane += TSimd.Count)
        {
            TVector factor = TSimd.Load(online.Sums + lane), minus = TSimd.Subtract(TSimd.Zero, TSimd.Load(mask + lane));
            for (nint row = 0; row < d; row++)
            {
                var share = TSimd.Multiply(TSimd.Load(expected + row * stride + lane), minus);
                TSimd.Store(TSimd.MultiplyAdd(TSimd.Load(online.Rows + row * LaneBlock + lane), factor, share), dx + row * stride + lane);
            }
        }
    }

    /// <summary>Sums over the softmax of 32 lanes, block of the vocabulary by block: each new largest logit scales down what there is.</summary>
    private void Unembed(int vocabulary, int d, float* w, nint rowStep, float* x, nint stride, OnlineSoftmax online, bool withEntropy)
    {
        online.Begin(x, stride);
        for (int first = 0; first < vocabulary; first += VocabularyBlock)
        {
            int rows = Math.Min(VocabularyBlock, vocabulary - first);
            float* block = w + first * rowStep;
            MatrixProduct(rows, d, LaneBlock, block, rowStep, 1, online.X, LaneBlock, online.Logits, LaneBlock, accumulate: false);
            AddBlock(rows, d, online, first == 0, withEntropy);
            MatrixProduct(d, rows, LaneBlock, block, 1, rowStep, online.Logits, LaneBlock, online.Rows, LaneBlock, accumulate: first > 0);
        }
    }

    [MethodImpl(Hot)]
    private static void AddBlock(int rows, int d, OnlineSoftmax online, bool isFirst, bool withEntropy)
    {
        for (int lane = 0; lane < LaneBlock; lane += TSimd.Count)
        {
            TVector before = TSimd.Load(online.Largest + lane), most = before;
            float* logits = online.Logits + lane;
            for (nint row = 0; row < rows; row++) most = TSimd.Max(most, TSimd.Load(logits + row * LaneBlock));
            TVector shrink = TSimd.Exp2(TSimd.Subtract(before, most)), sum = TSimd.Load(online.Sums + lane), logs = TSimd.Zero;
            if (withEntropy && !isFirst)
                logs = TSimd.Multiply(shrink, TSimd.MultiplyAdd(TSimd.Subtract(before, most), sum, TSimd.Load(online.Logs + lane)));
            sum = TSimd.Multiply(sum, shrink);
            for (nint row = 0; row < rows; row++)
            {
                var log = TSimd.Subtract(TSimd.Load(logits + row * LaneBlock), most);
                var e = TSimd.Exp2(log);
                TSimd.Store(e, logits + row * LaneBlock);
                sum = TSimd.Add(sum, e);
                if (withEntropy) logs = TSimd.MultiplyAdd(log, e, logs);
            }

            for (nint row = 0; row < d && !isFirst; row++)
                TSimd.Store(TSimd.Multiply(TSimd.Load(online.Rows + row * LaneBlock + lane), shrink), online.Rows + row * LaneBlock + lane);
            TSimd.Store(most, online.Largest + lane);
            TSimd.Store(sum, online.Sums + lane);
            TSimd.Store(logs, online.Logs + lane);
        }
    }

    private static float* NewRamp()
    {
        float* ramp = (float*)System.Runtime.InteropServices.NativeMemory.AlignedAlloc(LaneBlock * sizeof(float), 64);
        for (int i = 0; i < LaneBlock; i++) ramp[i] = i;
        return ramp;
    }

    /// <summary>What a softmax over a vocabulary is summed in, 32 lanes a row; logits are in base 2.</summary>
    private readonly struct OnlineSoftmax(float* scratch, int d)
    {
        /// <summary>A block of logits, then of <c>2^(logit − largest)</c>.</summary>
        public float* Logits => scratch;

        /// <summary>x, times log2 e.</summary>
        public float* X => scratch + VocabularyBlock * LaneBlock;

        /// <summary><c>Σ_v 2^(logit_v − largest) W_v</c>.</summary>
        public float* Rows => X + d * LaneBlock;

        public float* Largest => Rows + d * LaneBlock;

        /// <summary><c>Σ 2^(logit − largest)</c>.</summary>
        public float* Sums => Largest + LaneBlock;

        /// <summary><c>Σ 2^(logit − largest) (logit − largest)</c>.</summary>
        public float* Logs => Sums + LaneBlock;

        public void Begin(float* x, nint stride)
        {
            for (nint row = 0; row < d; row++)
                for (int lane = 0; lane < LaneBlock; lane++) X[row * LaneBlock + lane] = Log2E * x[row * stride + lane];
            new Span<float>(Largest, LaneBlock).Fill(Hidden);
            new Span<float>(Sums, 2 * LaneBlock).Clear();
        }
    }
}
