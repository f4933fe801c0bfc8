using System.Runtime.Intrinsics;

namespace Spd.Engine.Kernels;

/// <summary>
/// The single-threaded kernels that every operation is made of, for one width of vector. All of them work on panels:
/// row-major <c>[rows, lanes]</c> float buffers whose lanes are contiguous.
/// </summary>
/// <remarks>
/// Lane counts are multiples of <see cref="LaneBlock"/> and a row starts every <c>stride</c> floats; the panel's owner pads the batch and keeps
/// the gradients of padding lanes at zero, so that no kernel has a remainder loop over lanes. Row counts may be anything from 1.
/// The three implementations compute the same functions with different rounding; <see cref="ScalarKernels"/> is the plain twin that the tests
/// compare the other two with.
/// </remarks>
public abstract unsafe class KernelSet
{
    /// <summary>Lane counts and strides of panels are multiples of this many floats.</summary>
    public const int LaneBlock = 32;

    /// <summary><c>vector512</c>, <c>vector256</c> or <c>scalar</c>.</summary>
    public abstract string Name { get; }

    /// <summary>
    /// <c>y[m, lanes] (+)= W[m, k] x[k, lanes]</c>, with <c>W[i, j]</c> at <c>w[i * rowStep + j * columnStep]</c>,
    /// so a transpose costs nothing.
    /// </summary>
    /// <param name="m">Rows of <paramref name="y"/>.</param>
    /// <param name="k">Rows of <paramref name="x"/>.</param>
    /// <param name="lanes">Lanes, a multiple of <see cref="LaneBlock"/>.</param>
    /// <param name="w">The weights.</param>
    /// <param name="rowStep">Floats between two rows of W.</param>
    /// <param name="columnStep">Floats between two columns of W.</param>
    /// <param name="x">The input panel.</param>
    /// <param name="y">The output panel.</param>
    /// <param name="stride">Floats between two rows of both panels.</param>
    /// <param name="accumulate">Whether the product is added to <paramref name="y"/> or replaces it.</param>
    public abstract void MatrixProduct(int m, int k, int lanes, float* w, nint rowStep, nint columnStep, float* x, float* y, nint stride, bool accumulate);

    /// <summary><c>c[i, j] += Σ_lane a[i, lane] b[j, lane]</c>: the weight gradient <c>dW += dY Xᵀ</c>.</summary>
    /// <param name="m">Rows of <paramref name="a"/>.</param>
    /// <param name="n">Rows of <paramref name="b"/>.</param>
    /// <param name="lanes">Lanes, a multiple of <see cref="LaneBlock"/>.</param>
    /// <param name="a">The first panel.</param>
    /// <param name="b">The second panel.</param>
    /// <param name="stride">Floats between two rows of both panels.</param>
    /// <param name="c">The sums, added to.</param>
    /// <param name="cRowStep">Floats between two rows of <paramref name="c"/>.</param>
    public abstract void AccumulateOuterProduct(int m, int n, int lanes, float* a, float* b, nint stride, float* c, nint cRowStep);

    /// <summary>The MLP gates of all subcomponents of a site: <c>g_c = b_out_c + Σ_k w_out_ck gelu(w_in_ck h_c + b_in_ck)</c>, exact (erf) GELU.</summary>
    /// <param name="gate">The gate parameters.</param>
    /// <param name="lanes">Lanes, a multiple of <see cref="LaneBlock"/>.</param>
    /// <param name="h">Inner activations <c>[C, lanes]</c>.</param>
    /// <param name="g">Gate outputs <c>[C, lanes]</c>, overwritten.</param>
    /// <param name="stride">Floats between two rows of the panels.</param>
    public abstract void GateForward(in GateParameters gate, int lanes, float* h, float* g, nint stride);

    /// <summary>
    /// The derivative of <see cref="GateForward"/>. Adds to <paramref name="dh"/> and to every buffer of <paramref name="gradient"/>;
    /// recomputes the hidden values, so no <c>[C, K, lanes]</c> buffer exists.
    /// </summary>
    /// <param name="gate">The gate parameters.</param>
    /// <param name="gradient">Gradients of the gate parameters, added to.</param>
    /// <param name="lanes">Lanes, a multiple of <see cref="LaneBlock"/>.</param>
    /// <param name="h">Inner activations <c>[C, lanes]</c>.</param>
    /// <param name="dg">Gradient of the gate outputs <c>[C, lanes]</c>.</param>
    /// <param name="dh">Gradient of the inner activations <c>[C, lanes]</c>, added to.</param>
    /// <param name="stride">Floats between two rows of the panels.</param>
    public abstract void GateBackward(in GateParameters gate, in GateParameters gradient, int lanes, float* h, float* dg, float* dh, nint stride);

    /// <summary>Uniform numbers in [0, 1) for rows of a panel; see <see cref="RandomBlock"/> for which number lands where.</summary>
    /// <param name="key">What is drawn: seed, step and stream.</param>
    /// <param name="firstRow">The batch row of lane 0, a multiple of <see cref="LaneBlock"/>.</param>
    /// <param name="rows">Panel rows; row <c>i</c> is number <c>i</c> of the stream.</param>
    /// <param name="lanes">Lanes, a multiple of <see cref="LaneBlock"/>.</param>
    /// <param name="output">The panel, overwritten.</param>
    /// <param name="stride">Floats between two rows of the panel.</param>
    /// <param name="firstNumber">The number of the first of the panel's rows.</param>
    public abstract void Uniform(in RandomKey key, long firstRow, int rows, int lanes, float* output, nint stride, int firstNumber);

    /// <summary><c>y = f(x)</c> over <paramref name="count"/> floats, any number of them; no alignment is needed.</summary>
    public abstract void Map<TFunction>(TFunction function, nint count, float* x, float* y)
        where TFunction : struct, IUnaryMap;

    /// <summary><c>dx += f'(x) dy</c> over <paramref name="count"/> floats, a multiple of <see cref="LaneBlock"/>.</summary>
    public abstract void MapBackward<TFunction>(TFunction function, nint count, float* x, float* dy, float* dx)
        where TFunction : struct, IUnaryFunction;

    /// <summary><c>y = f(a, b)</c> over <paramref name="count"/> floats, any number of them; no alignment is needed.</summary>
    public abstract void Combine<TFunction>(TFunction function, nint count, float* a, float* b, float* y)
        where TFunction : struct, IBinaryMap;

    /// <summary>
    /// <c>da (+)= ∂f/∂a dy</c>, <c>db (+)= ∂f/∂b dy</c> over <paramref name="count"/> floats, a multiple of <see cref="LaneBlock"/>;
    /// a null <paramref name="da"/> or <paramref name="db"/> is skipped.
    /// </summary>
    public abstract void CombineBackward<TFunction>(
        TFunction function, nint count, float* a, float* b, float* dy, float* da, float* db, bool accumulateA, bool accumulateB)
        where TFunction : struct, IBinaryFunction;

    /// <summary><c>y = scale · x + shift</c>, one scale and shift per row; a null scale is one, a null shift zero.</summary>
    public abstract void RowAffine(int rows, int lanes, float* scale, float* shift, float* x, float* y, nint stride);

    /// <summary>
    /// The derivative of <see cref="RowAffine"/>: <c>dx += scale dy</c>, <c>dscale += Σ x dy</c>, <c>dshift += Σ dy</c>;
    /// null outputs are skipped.
    /// </summary>
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

    /// <summary>One AdamW step over <paramref name="count"/> parameters; no alignment is needed.</summary>
    /// <param name="step">The coefficients of this step.</param>
    /// <param name="count">Number of parameters.</param>
    /// <param name="values">Parameters, updated.</param>
    /// <param name="gradient">Their gradient.</param>
    /// <param name="firstMoment">First moments, updated.</param>
    /// <param name="secondMoment">Second moments, updated.</param>
    public abstract void AdamW(in AdamWStep step, nint count, float* values, float* gradient, float* firstMoment, float* secondMoment);

    /// <summary><c>Σ x²</c> over <paramref name="count"/> floats, in double and in one order on all sets; no alignment is needed.</summary>
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

    /// <summary><c>sum += addend</c>, then <c>addend = 0</c>, over <paramref name="count"/> floats; no alignment is needed.</summary>
    public abstract void AddAndClear(nint count, float* addend, float* sum);

    /// <summary>The widest kernel set that this processor runs.</summary>
    public static KernelSet Widest() => Create(Available()[0]);

    /// <summary>The kernel set of a <see cref="Name"/>.</summary>
    /// <exception cref="ArgumentException">The name is none of the three.</exception>
    /// <exception cref="PlatformNotSupportedException">This processor lacks the instructions.</exception>
    public static KernelSet Create(string name) => name switch
    {
        "vector512" when Vector512Kernels.IsSupported => new Vector512Kernels(),
        "vector256" when Vector256Kernels.IsSupported => new Vector256Kernels(),
        "scalar" => new ScalarKernels(),
        "vector512" or "vector256" => throw new PlatformNotSupportedException(
            $"the kernel set '{name}' needs {(name == "vector512" ? "AVX-512 (F and DQ)" : "AVX2 and FMA")}, "
            + $"which this processor lacks; available: {string.Join(", ", Available())}"),
        _ => throw new ArgumentException($"no kernel set is called '{name}'; available: {string.Join(", ", Available())}"),
    };

    /// <summary>The names of the kernel sets that this processor runs, widest first.</summary>
    public static IReadOnlyList<string> Available() =>
        [
            .. Vector512Kernels.IsSupported ? ["vector512"] : Array.Empty<string>(),
            .. Vector256Kernels.IsSupported ? ["vector256"] : Array.Empty<string>(),
            "scalar",
        ];
}
