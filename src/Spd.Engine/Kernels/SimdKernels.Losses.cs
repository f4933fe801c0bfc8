using System.Runtime.CompilerServices;

namespace Spd.Engine.Kernels;

internal abstract unsafe partial class SimdKernels<TVector, TSimd>
{
    [MethodImpl(Hot)]
    public override double SquaredError(int rows, int lanes, float* laneMask, float* a, float* b, float* residual, nint stride)
    {
        double total = 0;
        for (nint row = 0; row < rows; row++)
        {
            nint start = row * stride;
            var sum = TSimd.Zero;
            for (nint i = 0; i < lanes; i += TSimd.Count)
            {
                var difference = TSimd.Multiply(TSimd.Subtract(TSimd.Load(a + start + i), TSimd.Load(b + start + i)), TSimd.Load(laneMask + i));
                sum = TSimd.MultiplyAdd(difference, difference, sum);
                if (residual != null) TSimd.Store(difference, residual + start + i);
            }

            total += TSimd.Sum(sum);
        }

        return total;
    }

    [MethodImpl(Hot)]
    public override double KullbackLeibler(int rows, int lanes, float* laneMask, float* prediction, float* target, float* difference, nint stride)
    {
        double total = 0;
        for (nint i = 0; i < lanes; i += TSimd.Count)
        {
            var mask = TSimd.Load(laneMask + i);
            var logNormaliserQ = LogSumExp(rows, prediction + i, stride);
            var logNormaliserP = LogSumExp(rows, target + i, stride);
            var sum = TSimd.Zero;
            for (nint row = 0; row < rows; row++)
            {
                nint at = row * stride + i;
                var logP = TSimd.Subtract(TSimd.Load(target + at), logNormaliserP);
                var logQ = TSimd.Subtract(TSimd.Load(prediction + at), logNormaliserQ);
                var p = TSimd.Exp(logP);
                sum = TSimd.MultiplyAdd(p, TSimd.Subtract(logP, logQ), sum);
                if (difference != null) TSimd.Store(TSimd.Multiply(mask, TSimd.Subtract(TSimd.Exp(logQ), p)), difference + at);
            }

            total += TSimd.Sum(TSimd.Multiply(sum, mask));
        }

        return total;
    }

    [MethodImpl(Hot)]
    public override double PowerSum(int rows, int lanes, float p, float* laneMask, float* weight, float* x, float* reduced, float* rowSums, nint stride)
    {
        double total = 0;
        for (nint row = 0; row < rows; row++)
        {
            float rowWeight = weight == null ? 1 : weight[row];
            var scale = TSimd.Create(rowWeight);
            var sum = TSimd.Zero;
            for (nint i = 0; i < lanes; i += TSimd.Count)
            {
                nint at = row * stride + i;
                var value = TSimd.Load(x + at);
                var mask = TSimd.Load(laneMask + i);
                // x^(p−1) is infinite at zero when p < 1, x^p not a number below zero: padding lanes are left out by selection, for either times zero is NaN.
                var lower = p == 1 ? TSimd.Create(1) : p == 2 ? value : TSimd.Exp(TSimd.Multiply(TSimd.Create(p - 1), TSimd.Log(value)));
                var power = p == 1 ? value : p == 2 ? TSimd.Multiply(value, value) : TSimd.Exp(TSimd.Multiply(TSimd.Create(p), TSimd.Log(value)));
                sum = TSimd.Add(sum, TSimd.SelectGreater(mask, TSimd.Zero, power, TSimd.Zero));
                if (reduced != null) TSimd.Store(TSimd.SelectGreater(mask, TSimd.Zero, TSimd.Multiply(scale, lower), TSimd.Zero), reduced + at);
            }

            float rowSum = TSimd.Sum(sum);
            if (rowSums != null) rowSums[row] += rowSum;
            total += (double)rowWeight * rowSum;
        }

        return total;
    }

    private static TVector LogSumExp(int rows, float* logits, nint stride)
    {
        var largest = TSimd.Load(logits);
        for (nint row = 1; row < rows; row++) largest = TSimd.Max(largest, TSimd.Load(logits + row * stride));
        var sum = TSimd.Zero;
        for (nint row = 0; row < rows; row++) sum = TSimd.Add(sum, TSimd.Exp(TSimd.Subtract(TSimd.Load(logits + row * stride), largest)));
        return TSimd.Add(largest, TSimd.Log(sum));
    }
}
