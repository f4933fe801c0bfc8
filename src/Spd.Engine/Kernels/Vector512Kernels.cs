using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Spd.Engine.Kernels;

/// <summary>The kernels on AVX-512, with the GELU of the gates from a table in registers (see <see cref="GeluTable512"/>).</summary>
/// <remarks>
/// With <c>gelu(z) = z/2 + E(|z|)</c>, the halves of one gate fold into two numbers, <c>α = ½ Σ_k w_out w_in</c> and <c>½ Σ_k w_out b_in</c>,
/// and only E and E' are left to evaluate for every lane.
/// </remarks>
internal sealed unsafe class Vector512Kernels : SimdKernels<Vector512<float>, Simd512>
{
    private const MethodImplOptions Hot = MethodImplOptions.AggressiveOptimization;

    /// <summary>Prepares the tables, so that the hot methods are compiled with them in place.</summary>
    public Vector512Kernels() => RuntimeHelpers.RunClassConstructor(typeof(GeluTable512).TypeHandle);

    /// <summary>Whether this processor runs these kernels.</summary>
    public static bool IsSupported => GeluTable512.IsSupported;

    public override string Name => "vector512";

    public override void GateForward(in GateParameters gate, int lanes, float* h, float* g, nint stride)
    {
        for (int c = 0; c < gate.Subcomponents; c++)
        {
            nint first = (nint)c * gate.Width;
            float* weightIn = gate.In + first, biasIn = gate.InBias + first, weightOut = gate.Out + first;
            (float alpha, float beta) = LinearHalf(gate.Width, weightIn, biasIn, weightOut);
            ForwardRow(gate.Width, weightIn, biasIn, weightOut, alpha, gate.OutBias[c] + beta, lanes, h + c * stride, g + c * stride);
        }
    }

    public override void GateBackward(in GateParameters gate, in GateParameters gradient, int lanes, float* h, float* dg, float* dh, nint stride)
    {
        for (int c = 0; c < gate.Subcomponents; c++)
        {
            nint first = (nint)c * gate.Width;
            float* weightIn = gate.In + first, biasIn = gate.InBias + first, weightOut = gate.Out + first;
            float* rowH = h + c * stride, rowDg = dg + c * stride, rowDh = dh + c * stride;
            (float alpha, _) = LinearHalf(gate.Width, weightIn, biasIn, weightOut);
            (float sumG, float sumGH) = BackwardLinearHalf(alpha, lanes, rowH, rowDg, rowDh);
            gradient.OutBias[c] += sumG;
            BackwardRow(
                gate.Width, weightIn, biasIn, weightOut, gradient.In + first, gradient.InBias + first, gradient.Out + first,
                sumG, sumGH, lanes, rowH, rowDg, rowDh);
        }
    }

    // Two vectors of lanes at a time, all hidden neurons of the gate for each. Nothing is called from here, or the table would be spilled around it.
    [MethodImpl(Hot)]
    private static void ForwardRow(
        int width, float* weightIn, float* biasIn, float* weightOut, float alpha, float beta, int lanes, float* h, float* g)
    {
        Vector512<float> low0 = GeluTable512.ValueHalf(0, 0), high0 = GeluTable512.ValueHalf(0, 1);
        Vector512<float> low1 = GeluTable512.ValueHalf(1, 0), high1 = GeluTable512.ValueHalf(1, 1);
        Vector512<float> low2 = GeluTable512.ValueHalf(2, 0), high2 = GeluTable512.ValueHalf(2, 1);
        Vector512<float> low3 = GeluTable512.ValueHalf(3, 0), high3 = GeluTable512.ValueHalf(3, 1);
        Vector512<float> low4 = GeluTable512.ValueHalf(4, 0), high4 = GeluTable512.ValueHalf(4, 1);
        Vector512<float> slope = Vector512.Create(alpha);
        Vector512<float> constant = Vector512.Create(beta);

        for (nint lane = 0; lane < lanes; lane += 2 * Vector512<float>.Count)
        {
            Vector512<float> h0 = Vector512.Load(h + lane);
            Vector512<float> h1 = Vector512.Load(h + lane + Vector512<float>.Count);
            Vector512<float> sum0 = Vector512.FusedMultiplyAdd(slope, h0, constant);
            Vector512<float> sum1 = Vector512.FusedMultiplyAdd(slope, h1, constant);
            for (nint k = 0; k < width; k++)
            {
                Vector512<float> win = Vector512.Create(weightIn[k]);
                Vector512<float> bin = Vector512.Create(biasIn[k]);
                Vector512<float> wout = Vector512.Create(weightOut[k]);
                Vector512<float> a0 = Vector512.Abs(Vector512.FusedMultiplyAdd(win, h0, bin));
                Vector512<float> a1 = Vector512.Abs(Vector512.FusedMultiplyAdd(win, h1, bin));
                Vector512<float> rounded0 = GeluTable512.Round(a0);
                Vector512<float> rounded1 = GeluTable512.Round(a1);
                Vector512<int> i0 = rounded0.AsInt32();
                Vector512<int> i1 = rounded1.AsInt32();
                Vector512<float> d0 = GeluTable512.Distance(a0, rounded0);
                Vector512<float> d1 = GeluTable512.Distance(a1, rounded1);
                Vector512<float> e0 = Avx512F.PermuteVar16x32x2(low4, i0, high4);
                Vector512<float> e1 = Avx512F.PermuteVar16x32x2(low4, i1, high4);
                e0 = Vector512.FusedMultiplyAdd(e0, d0, Avx512F.PermuteVar16x32x2(low3, i0, high3));
                e1 = Vector512.FusedMultiplyAdd(e1, d1, Avx512F.PermuteVar16x32x2(low3, i1, high3));
                e0 = Vector512.FusedMultiplyAdd(e0, d0, Avx512F.PermuteVar16x32x2(low2, i0, high2));
                e1 = Vector512.FusedMultiplyAdd(e1, d1, Avx512F.PermuteVar16x32x2(low2, i1, high2));
                e0 = Vector512.FusedMultiplyAdd(e0, d0, Avx512F.PermuteVar16x32x2(low1, i0, high1));
                e1 = Vector512.FusedMultiplyAdd(e1, d1, Avx512F.PermuteVar16x32x2(low1, i1, high1));
                e0 = Vector512.FusedMultiplyAdd(e0, d0, Avx512F.PermuteVar16x32x2(low0, i0, high0));
                e1 = Vector512.FusedMultiplyAdd(e1, d1, Avx512F.PermuteVar16x32x2(low0, i1, high0));
                sum0 = Vector512.FusedMultiplyAdd(wout, e0, sum0);
                sum1 = Vector512.FusedMultiplyAdd(wout, e1, sum1);
            }
            sum0.Store(g + lane);
            sum1.Store(g + lane + Vector512<float>.Count);
        }
    }

    // One hidden neuron at a time, all lanes for each: with D = sgn(z) E'(|z|) and t = dg D it needs Σ dg E, Σ t and Σ t h, and dh += w_out w_in t.
    [MethodImpl(Hot)]
    private static void BackwardRow(
        int width, float* weightIn, float* biasIn, float* weightOut, float* gradientIn, float* gradientBiasIn, float* gradientWeightOut,
        float sumG, float sumGH, int lanes, float* h, float* dg, float* dh)
    {
        Vector512<float> low0 = GeluTable512.SlopeHalf(0, 0), high0 = GeluTable512.SlopeHalf(0, 1);
        Vector512<float> low1 = GeluTable512.SlopeHalf(1, 0), high1 = GeluTable512.SlopeHalf(1, 1);
        Vector512<float> low2 = GeluTable512.SlopeHalf(2, 0), high2 = GeluTable512.SlopeHalf(2, 1);
        Vector512<float> low3 = GeluTable512.SlopeHalf(3, 0), high3 = GeluTable512.SlopeHalf(3, 1);
        Vector512<float> low4 = GeluTable512.SlopeHalf(4, 0), high4 = GeluTable512.SlopeHalf(4, 1);
        Vector512<float> low5 = GeluTable512.SlopeHalf(5, 0), high5 = GeluTable512.SlopeHalf(5, 1);

        for (nint k = 0; k < width; k++)
        {
            Vector512<float> win = Vector512.Create(weightIn[k]);
            Vector512<float> bin = Vector512.Create(biasIn[k]);
            Vector512<float> both = Vector512.Create(weightIn[k] * weightOut[k]);
            Vector512<float> sumE = Vector512<float>.Zero;
            Vector512<float> sumT = Vector512<float>.Zero;
            Vector512<float> sumTH = Vector512<float>.Zero;
            for (nint lane = 0; lane < lanes; lane += Vector512<float>.Count)
            {
                Vector512<float> hidden = Vector512.Load(h + lane);
                Vector512<float> z = Vector512.FusedMultiplyAdd(win, hidden, bin);
                Vector512<float> a = Vector512.Abs(z);
                Vector512<float> rounded = GeluTable512.Round(a);
                Vector512<int> interval = rounded.AsInt32();
                Vector512<float> d = GeluTable512.Distance(a, rounded);

                // Horner's scheme for E and, one step behind, for its derivative.
                Vector512<float> slope = Avx512F.PermuteVar16x32x2(low5, interval, high5);
                Vector512<float> e = Vector512.FusedMultiplyAdd(slope, d, Avx512F.PermuteVar16x32x2(low4, interval, high4));
                slope = Vector512.FusedMultiplyAdd(slope, d, e);
                e = Vector512.FusedMultiplyAdd(e, d, Avx512F.PermuteVar16x32x2(low3, interval, high3));
                slope = Vector512.FusedMultiplyAdd(slope, d, e);
                e = Vector512.FusedMultiplyAdd(e, d, Avx512F.PermuteVar16x32x2(low2, interval, high2));
                slope = Vector512.FusedMultiplyAdd(slope, d, e);
                e = Vector512.FusedMultiplyAdd(e, d, Avx512F.PermuteVar16x32x2(low1, interval, high1));
                slope = Vector512.FusedMultiplyAdd(slope, d, e);
                e = Vector512.FusedMultiplyAdd(e, d, Avx512F.PermuteVar16x32x2(low0, interval, high0));

                Vector512<float> gradientOut = Vector512.Load(dg + lane);
                Vector512<float> t = gradientOut * GeluTable512.WithSign(slope, z);
                sumE = Vector512.FusedMultiplyAdd(gradientOut, e, sumE);
                sumT += t;
                sumTH = Vector512.FusedMultiplyAdd(t, hidden, sumTH);
                Vector512.FusedMultiplyAdd(both, t, Vector512.Load(dh + lane)).Store(dh + lane);
            }
            Vector128<float> sums = LaneSums.Four(sumE, sumT, sumTH, Vector512<float>.Zero);
            gradientWeightOut[k] += 0.5f * (weightIn[k] * sumGH + biasIn[k] * sumG) + sums[0];
            gradientBiasIn[k] += weightOut[k] * (0.5f * sumG + sums[1]);
            gradientIn[k] += weightOut[k] * (0.5f * sumGH + sums[2]);
        }
    }

    // α = ½ Σ_k w_out w_in and ½ Σ_k w_out b_in.
    [MethodImpl(Hot)]
    private static (float Alpha, float Beta) LinearHalf(int width, float* weightIn, float* biasIn, float* weightOut)
    {
        Vector128<float> alpha = Vector128<float>.Zero;
        Vector128<float> beta = Vector128<float>.Zero;
        nint k = 0;
        for (; k <= width - Vector128<float>.Count; k += Vector128<float>.Count)
        {
            Vector128<float> half = Vector128.Load(weightOut + k) * 0.5f;
            alpha = Vector128.FusedMultiplyAdd(half, Vector128.Load(weightIn + k), alpha);
            beta = Vector128.FusedMultiplyAdd(half, Vector128.Load(biasIn + k), beta);
        }
        float alphaSum = Vector128.Sum(alpha);
        float betaSum = Vector128.Sum(beta);
        for (; k < width; k++)
        {
            alphaSum += 0.5f * weightOut[k] * weightIn[k];
            betaSum += 0.5f * weightOut[k] * biasIn[k];
        }
        return (alphaSum, betaSum);
    }

    // dh += α dg; returns Σ dg and Σ dg h.
    [MethodImpl(Hot)]
    private static (float SumG, float SumGH) BackwardLinearHalf(float alpha, int lanes, float* h, float* dg, float* dh)
    {
        Vector512<float> slope = Vector512.Create(alpha);
        Vector512<float> sumG = Vector512<float>.Zero;
        Vector512<float> sumGH = Vector512<float>.Zero;
        for (nint lane = 0; lane < lanes; lane += Vector512<float>.Count)
        {
            Vector512<float> gradientOut = Vector512.Load(dg + lane);
            sumG += gradientOut;
            sumGH = Vector512.FusedMultiplyAdd(gradientOut, Vector512.Load(h + lane), sumGH);
            Vector512.FusedMultiplyAdd(slope, gradientOut, Vector512.Load(dh + lane)).Store(dh + lane);
        }
        return (Vector512.Sum(sumG), Vector512.Sum(sumGH));
    }
}
