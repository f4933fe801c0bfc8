using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Spd.Engine.Kernels;

/// <summary>The kernels in portable vector instructions of 256 bits: AVX2 with FMA, or pairs of NEON registers (see <see cref="GeluPolynomial256"/>).</summary>
internal sealed unsafe class Vector256Kernels : SimdKernels<Vector256<float>, Simd256>
{
    private const MethodImplOptions Hot = MethodImplOptions.AggressiveOptimization;

    /// <summary>Prepares the polynomials, so that the hot methods are compiled with them as constants.</summary>
    public Vector256Kernels() => RuntimeHelpers.RunClassConstructor(typeof(GeluPolynomial256).TypeHandle);

    /// <summary>Whether this processor runs these kernels.</summary>
    public static bool IsSupported => (Avx2.IsSupported && Fma.IsSupported) || AdvSimd.Arm64.IsSupported;

    public override string Name => "vector256";

    public override void GateForward(in GateParameters gate, int lanes, float* h, float* g, nint stride)
    {
        for (int c = 0; c < gate.Subcomponents; c++) ForwardRow(gate.Of(c), lanes, h + c * stride, g + c * stride);
    }

    public override void GateBackward(in GateParameters gate, in GateParameters gradient, int lanes, float* h, float* dg, float* dh, nint stride)
    {
        for (int c = 0; c < gate.Subcomponents; c++) BackwardRow(gate.Of(c), gradient.Of(c), lanes, h + c * stride, dg + c * stride, dh + c * stride);
    }

    [MethodImpl(Hot)]
    private static void ForwardRow(in GateParameters gate, int lanes, float* h, float* g)
    {
        int width = gate.Width;
        float* weightIn = gate.In, biasIn = gate.InBias, weightOut = gate.Out;
        Vector256<float> constant = Vector256.Create(*gate.OutBias);
        for (nint lane = 0; lane < lanes; lane += Vector256<float>.Count)
        {
            Vector256<float> hidden = Vector256.Load(h + lane);
            Vector256<float> sum = constant;
            for (nint k = 0; k < width; k++)
            {
                Vector256<float> z = Vector256.FusedMultiplyAdd(Vector256.Create(weightIn[k]), hidden, Vector256.Create(biasIn[k]));
                sum = Vector256.FusedMultiplyAdd(Vector256.Create(weightOut[k]), GeluPolynomial256.Gelu(z), sum);
            }
            sum.Store(g + lane);
        }
    }

    // One hidden neuron at a time, all lanes for each: with t = dg gelu'(z) it needs Σ dg gelu(z), Σ t and Σ t h, and dh += w_out w_in t.
    [MethodImpl(Hot)]
    private static void BackwardRow(in GateParameters gate, in GateParameters gradient, int lanes, float* h, float* dg, float* dh)
    {
        float* weightIn = gate.In, biasIn = gate.InBias, weightOut = gate.Out;
        Vector256<float> sumG = Vector256<float>.Zero;
        for (nint lane = 0; lane < lanes; lane += Vector256<float>.Count) sumG += Vector256.Load(dg + lane);
        *gradient.OutBias += Vector256.Sum(sumG);

        for (nint k = 0; k < gate.Width; k++)
        {
            Vector256<float> win = Vector256.Create(weightIn[k]);
            Vector256<float> bin = Vector256.Create(biasIn[k]);
            Vector256<float> both = Vector256.Create(weightIn[k] * weightOut[k]);
            Vector256<float> sumValue = Vector256<float>.Zero;
            Vector256<float> sumT = Vector256<float>.Zero;
            Vector256<float> sumTH = Vector256<float>.Zero;
            for (nint lane = 0; lane < lanes; lane += Vector256<float>.Count)
            {
                Vector256<float> hidden = Vector256.Load(h + lane);
                Vector256<float> z = Vector256.FusedMultiplyAdd(win, hidden, bin);
                (Vector256<float> value, Vector256<float> derivative) = GeluPolynomial256.Both(z);
                Vector256<float> gradientOut = Vector256.Load(dg + lane);
                Vector256<float> t = gradientOut * derivative;
                sumValue = Vector256.FusedMultiplyAdd(gradientOut, value, sumValue);
                sumT += t;
                sumTH = Vector256.FusedMultiplyAdd(t, hidden, sumTH);
                Vector256.FusedMultiplyAdd(both, t, Vector256.Load(dh + lane)).Store(dh + lane);
            }
            Vector128<float> sums = LaneSums.Four(sumValue, sumT, sumTH, Vector256<float>.Zero);
            gradient.Out[k] += sums[0];
            gradient.InBias[k] += weightOut[k] * sums[1];
            gradient.In[k] += weightOut[k] * sums[2];
        }
    }
}
