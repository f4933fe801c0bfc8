using System.Runtime.Intrinsics;
using Spd.Engine.Planning;

namespace Spd.Engine.Kernels;

/// <summary>
/// The single-threaded kernels that every operation is made of, for one width of vector. All of them work on panels:
/// row-major <c>[rows, lanes]</c> float buffers whose lanes are contiguous.
/// </summary>
/// <remarks>
/// Numbers of lanes, and floats from a row to the next (<c>stride</c>, the same for all panels of a call), are multiples of <see cref="LaneBlock"/>; the
/// panel's owner pads the batch and keeps the gradients of padding lanes at zero, so that no kernel has a remainder loop over lanes. Rows may be any number
/// from 1. The three implementations compute the same functions with different rounding; <see cref="ScalarKernels"/> is the plain twin that the tests
/// compare the other two with.
/// </remarks>
internal abstract unsafe class KernelSet
{
    /// <summary>Lane counts and strides of panels are multiples of this many floats.</summary>
    public const int LaneBlock = Batch.LaneBlock;

    /// <summary>Rows of an unembedding that are taken at a time.</summary>
    public const int VocabularyBlock = 256;

    /// <summary><c>vector512</c>, <c>vector256</c> or <c>scalar</c>.</summary>
    public abstract string Name { get; }

    /// <summary>
    /// <c>y[m, lanes] (+)= W[m, k] x[k, lanes]</c>, with <c>W[i, j]</c> at <c>w[i * rowStep + j * columnStep]</c>, so a transpose costs nothing.
    /// Its panels may have strides of their own.
    /// </summary>
    public abstract void MatrixProduct(
        int m, int k, int lanes, float* w, nint rowStep, nint columnStep, float* x, nint xStride, float* y, nint yStride, bool accumulate);

    /// <summary><c>c[i, j] += Σ_lane a[i, lane] b[j, lane]</c>, c as <c>[m, n]</c> at <c>c[i * cRowStep + j]</c>: the weight gradient <c>dW += dY Xᵀ</c>.</summary>
    public abstract void AccumulateOuterProduct(int m, int n, int lanes, float* a, float* b, nint stride, float* c, nint cRowStep);

    /// <summary>
    /// The MLP gates of all subcomponents of a site: <c>g_c = b_out_c + Σ_k w_out_ck gelu(w_in_ck h_c + b_in_ck)</c>, exact (erf) GELU, with h and g
    /// <c>[C, lanes]</c>.
    /// </summary>
    public abstract void GateForward(in GateParameters gate, int lanes, float* h, float* g, nint stride);

    /// <summary>
    /// The derivative of <see cref="GateForward"/>: adds to <paramref name="dh"/> <c>[C, lanes]</c> and to every buffer of <paramref name="gradient"/>.
    /// It recomputes the hidden values, so no <c>[C, K, lanes]</c> buffer exists.
    /// </summary>
    public abstract void GateBackward(in GateParameters gate, in GateParameters gradient, int lanes, float* h, float* dg, float* dh, nint stride);

    /// <summary>
    /// Uniform numbers in [0, 1): row <c>i</c> of the panel is number <c>firstNumber + i</c> of the key's stream, lane 0 batch row
    /// <paramref name="firstRow"/>, a multiple of <see cref="LaneBlock"/>; see <see cref="RandomBlock"/> for which number lands where.
    /// </summary>
    public abstract void Uniform(in RandomKey key, long firstRow, int rows, int lanes, float* output, nint stride, int firstNumber);

    /// <summary><c>y = f(x)</c> over any number of floats; no alignment is needed.</summary>
    public abstract void Map<TFunction>(TFunction function, nint count, float* x, float* y)
        where TFunction : struct, IUnaryMap;

    /// <summary><c>dx += f'(x) dy</c> over a multiple of <see cref="LaneBlock"/> floats.</summary>
    public abstract void MapBackward<TFunction>(TFunction function, nint count, float* x, float* dy, float* dx)
        where TFunction : struct, IUnaryFunction;

    /// <summary><c>y = f(a, b)</c> over any number of floats; no alignment is needed.</summary>
    public abstract void Combine<TFunction>(TFunction function, nint count, float* a, float* b, float* y)
        where TFunction : struct, IBinaryMap;

    /// <summary>
    /// <c>da (+)= ∂f/∂a dy</c>, <c>db (+)= ∂f/∂b dy</c> over a multiple of <see cref="LaneBlock"/> floats; a null <paramref name="da"/> or
    /// <paramref name="db"/> is skipped. Results may lie where inputs do.
    /// </summary>
    public abstract void CombineBackward<TFunction>(
        TFunction function, nint count, float* a, float* b, float* dy, float* da, float* db, bool accumulateA, bool accumulateB)
        where TFunction : struct, IBinaryFunction;

    /// <summary><c>y = scale · x + shift</c>, one scale and shift per row; a null scale is one, a null shift zero.</summary>
    public abstract void RowAffine(int rows, int lanes, float* scale, float* shift, float* x, float* y, nint stride);

    /// <summary>The derivative of <see cref="RowAffine"/>: <c>dx += scale dy</c>, <c>dscale += Σ x dy</c>, <c>dshift += Σ dy</c>; null outputs are skipped.</summary>
    public abstract void RowAffineBackward(int rows, int lanes, float* scale, float* x, float* dy, float* dx, float* dscale, float* dshift, nint stride);

    /// <summary>
    /// <c>Σ (a − b)²</c> over the lanes whose <paramref name="laneMask"/> is one, and where it is not null
    /// <c>residual = a − b</c>, zero in the other lanes.
    /// </summary>
    public abstract double SquaredError(int rows, int lanes, float* laneMask, float* a, float* b, float* residual, nint stride);

    /// <summary>
    /// <c>Σ_lane Σ_row P (log P − log Q)</c> with <c>P</c> the softmax of <paramref name="target"/> and <c>Q</c> of <paramref name="prediction"/>
    /// down the rows, over the lanes whose mask is one; and where it is not null <c>difference = Q − P</c>, zero in the other lanes.
    /// </summary>
    public abstract double KullbackLeibler(int rows, int lanes, float* laneMask, float* prediction, float* target, float* difference, nint stride);

    /// <summary>
    /// <c>Σ_row weight_row Σ_lane x^p</c> for <c>x ≥ 0</c> over the lanes whose mask is one; and where they are not null
    /// <c>reduced = weight_row x^(p−1)</c>, zero in the other lanes, and <c>rowSums_row += Σ_lane x^p</c>. A null weight is one.
    /// </summary>
    public abstract double PowerSum(int rows, int lanes, float p, float* laneMask, float* weight, float* x, float* reduced, float* rowSums, nint stride);

    /// <summary>
    /// <c>y = x · scale</c> with <c>scale = 1 / √(mean x² + ε)</c> in each lane; centred, of <c>x − mean x</c>. y may lie where x does.
    /// </summary>
    public abstract void Normalise(int rows, int lanes, float epsilon, bool isCentred, float* x, float* y, float* scale, nint stride);

    /// <summary>The derivative of <see cref="Normalise"/>; dx may lie where dy does.</summary>
    public abstract void NormaliseBackward(
        int rows, int lanes, bool isCentred, float* y, float* scale, float* dy, float* dx, nint stride, bool accumulate);

    /// <summary>
    /// Turns pairs of rows, in every head of so many rows, by an angle for each pair and lane, or back: row i with row <c>i + width/2</c>, or two neighbours.
    /// y may lie where x does.
    /// </summary>
    public abstract void Rotate(
        int rows, int width, int lanes, float* cosines, float* sines, nint tableStride, bool isInterleaved, bool isInverse, float* x, float* y, nint stride);

    /// <summary>
    /// Causal attention of one group of sequences (<see cref="AttentionShape"/>): the output and, for each head, two rows of what its softmax was normalised by: the
    /// largest product of a query and a key, and one over the sum of <c>exp(Scale (product − largest))</c>.
    /// </summary>
    /// <param name="shape">The shape.</param>
    /// <param name="q">Queries.</param>
    /// <param name="k">Keys.</param>
    /// <param name="v">Values.</param>
    /// <param name="output">The output.</param>
    /// <param name="normalisers">The two rows.</param>
    /// <param name="stride">Floats from a row of these to the next.</param>
    /// <param name="scratch">Room for <c>32 lanes</c> floats.</param>
    public abstract void Attention(in AttentionShape shape, float* q, float* k, float* v, float* output, float* normalisers, nint stride, float* scratch);

    /// <summary>
    /// The derivative of <see cref="Attention"/>, stored in <paramref name="dq"/>, <paramref name="dk"/> and <paramref name="dv"/>, of which those that are null
    /// are skipped. The gradient of a query that is padding is zero.
    /// </summary>
    /// <remarks>Scratch: <c>97 lanes</c> floats.</remarks>
    public abstract void AttentionBackward(
        in AttentionShape shape, float* q, float* k, float* v, float* output, float* normalisers, float* dy, float* dq, float* dk, float* dv, nint stride,
        float* scratch);

    /// <summary>
    /// <c>Σ_lane (log Σ exp(logits) − logits[label])</c> over the lanes whose label is not below zero; and where they are not null the loss of each lane, and
    /// <c>difference = factor (softmax − onehot)</c>, both zero in the other lanes.
    /// </summary>
    public abstract double CrossEntropy(int rows, int lanes, int* labels, float factor, float* logits, float* difference, float* losses, nint stride);

    /// <summary>
    /// Of the softmax p of <c>W x</c>, W being <c>[vocabulary, d]</c>, in each lane: <c>expected = Wᵀ p</c> and <c>Σ p log p</c>.
    /// </summary>
    /// <remarks>Scratch: <c>32 (2 d + <see cref="VocabularyBlock"/> + 3)</c> floats.</remarks>
    public abstract void ExpectedUnembedding(
        int vocabulary, int d, int lanes, float* w, nint rowStep, float* x, float* expected, float* negativeEntropy, nint stride, float* scratch);

    /// <summary>
    /// <c>Σ_lane (negativeEntropy − x · expected + log Σ exp(W x))</c> over the lanes whose mask is one, and where it is not null
    /// <c>dx = Wᵀ softmax(W x) − expected</c>, zero in the other lanes.
    /// </summary>
    /// <remarks>Scratch as for <see cref="ExpectedUnembedding"/>.</remarks>
    public abstract double UnembeddingDivergence(
        int vocabulary, int d, int lanes, float* laneMask, float* w, nint rowStep, float* x, float* expected, float* negativeEntropy, float* dx, nint stride,
        float* scratch);

    /// <summary>One AdamW step (Loshchilov and Hutter, 2019) over any number of parameters; no alignment is needed.</summary>
    public abstract void AdamW(in AdamWStep step, nint count, float* values, float* gradient, float* firstMoment, float* secondMoment);

    /// <summary><c>Σ x²</c> over any number of floats, in double and in one order on all sets; no alignment is needed.</summary>
    public double SumOfSquares(nint count, float* x)
    {
        var sums = Vector256<double>.Zero;
        nint i = 0;
        for (; i <= count - Vector256<float>.Count; i += Vector256<float>.Count)
        {
            var (low, high) = Vector256.Widen(Vector256.Load(x + i));
            sums += low * low + high * high;
        }

        double rest = 0;
        for (; i < count; i++) rest += (double)x[i] * x[i];
        return Vector256.Sum(sums) + rest;
    }

    /// <summary><c>sum += addend</c>, then <c>addend = 0</c>, over any number of floats; no alignment is needed.</summary>
    public abstract void AddAndClear(nint count, float* addend, float* sum);

    /// <summary>The names of the kernel sets that this processor runs, widest first.</summary>
    public static IReadOnlyList<string> Available { get; } =
        [.. new[] { (Vector512Kernels.IsSupported, "vector512"), (Vector256Kernels.IsSupported, "vector256"), (true, "scalar") }
            .Where(set => set.Item1).Select(set => set.Item2)];

    /// <summary>The kernel set of a <see cref="Name"/>.</summary>
    /// <exception cref="ArgumentException">The name is none of the three.</exception>
    /// <exception cref="PlatformNotSupportedException">This processor lacks the instructions.</exception>
    public static KernelSet Create(string name) => name switch
    {
        "vector512" when Vector512Kernels.IsSupported => new Vector512Kernels(),
        "vector256" when Vector256Kernels.IsSupported => new Vector256Kernels(),
        "scalar" => new ScalarKernels(),
        // For tests: those of 256 bits on any processor, such as one whose wider instructions the runtime was told to leave, where they are what NEON runs.
        "portable" => new Vector256Kernels(),
        "vector512" or "vector256" => throw new PlatformNotSupportedException(
            $"the kernel set '{name}' needs {(name == "vector512" ? "AVX-512 (F and DQ)" : "AVX2 and FMA")}, "
            + $"which this processor lacks; available: {string.Join(", ", Available)}"),
        _ => throw new ArgumentException($"no kernel set is called '{name}'; available: {string.Join(", ", Available)}"),
    };
}
