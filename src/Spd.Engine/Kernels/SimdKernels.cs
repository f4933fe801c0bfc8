using System.Runtime.CompilerServices;

namespace Spd.Engine.Kernels;

/// <summary>The kernels written once for every vector width; the gate, whose curve depends on the width, is added by the sealed classes.</summary>
/// <typeparam name="TVector">The bare vector type.</typeparam>
/// <typeparam name="TSimd">Its instructions.</typeparam>
internal abstract unsafe partial class SimdKernels<TVector, TSimd> : KernelSet
    where TVector : struct
    where TSimd : struct, ISimd<TVector>
{
    private const MethodImplOptions Hot = MethodImplOptions.AggressiveOptimization;

    [MethodImpl(Hot)]
    public override void Map<TFunction>(TFunction function, nint count, float* x, float* y)
    {
        nint i = 0;
        for (; i <= count - TSimd.Count; i += TSimd.Count) TSimd.Store(function.Value<TVector, TSimd>(TSimd.Load(x + i)), y + i);
        for (; i < count; i++) y[i] = function.Value<float, SimdScalar>(x[i]);
    }

    [MethodImpl(Hot)]
    public override void MapBackward<TFunction>(TFunction function, nint count, float* x, float* dy, float* dx)
    {
        for (nint i = 0; i < count; i += TSimd.Count)
        {
            var change = function.Backward<TVector, TSimd>(TSimd.Load(x + i), TSimd.Load(dy + i));
            TSimd.Store(TSimd.Add(TSimd.Load(dx + i), change), dx + i);
        }
    }

    [MethodImpl(Hot)]
    public override void Combine<TFunction>(TFunction function, nint count, float* a, float* b, float* y)
    {
        nint i = 0;
        for (; i <= count - TSimd.Count; i += TSimd.Count) TSimd.Store(function.Value<TVector, TSimd>(TSimd.Load(a + i), TSimd.Load(b + i)), y + i);
        for (; i < count; i++) y[i] = function.Value<float, SimdScalar>(a[i], b[i]);
    }

    [MethodImpl(Hot)]
    public override void CombineBackward<TFunction>(
        TFunction function, nint count, float* a, float* b, float* dy, float* da, float* db, bool accumulateA, bool accumulateB)
    {
        for (nint i = 0; i < count; i += TSimd.Count)
        {
            var first = TSimd.Load(a + i);
            var second = TSimd.Load(b + i);
            var upstream = TSimd.Load(dy + i);
            if (da != null)
            {
                var change = function.BackwardFirst<TVector, TSimd>(first, second, upstream);
                TSimd.Store(accumulateA ? TSimd.Add(TSimd.Load(da + i), change) : change, da + i);
            }

            if (db != null)
            {
                var change = function.BackwardSecond<TVector, TSimd>(first, second, upstream);
                TSimd.Store(accumulateB ? TSimd.Add(TSimd.Load(db + i), change) : change, db + i);
            }
        }
    }

    [MethodImpl(Hot)]
    public override void RowAffine(int rows, int lanes, float* scale, float* shift, float* x, float* y, nint stride)
    {
        for (nint row = 0; row < rows; row++, x += stride, y += stride)
        {
            var factor = TSimd.Create(scale == null ? 1 : scale[row]);
            var offset = TSimd.Create(shift == null ? 0 : shift[row]);
            for (nint i = 0; i < lanes; i += TSimd.Count) TSimd.Store(TSimd.MultiplyAdd(factor, TSimd.Load(x + i), offset), y + i);
        }
    }

    [MethodImpl(Hot)]
    public override void RowAffineBackward(int rows, int lanes, float* scale, float* x, float* dy, float* dx, float* dscale, float* dshift, nint stride)
    {
        for (nint row = 0; row < rows; row++, x += stride, dy += stride)
        {
            var factor = TSimd.Create(scale == null ? 1 : scale[row]);
            var sum = TSimd.Zero;
            var weightedSum = TSimd.Zero;
            for (nint i = 0; i < lanes; i += TSimd.Count)
            {
                var upstream = TSimd.Load(dy + i);
                if (dx != null) TSimd.Store(TSimd.MultiplyAdd(factor, upstream, TSimd.Load(dx + row * stride + i)), dx + row * stride + i);
                if (dscale != null) weightedSum = TSimd.MultiplyAdd(upstream, TSimd.Load(x + i), weightedSum);
                sum = TSimd.Add(sum, upstream);
            }

            if (dscale != null) dscale[row] += TSimd.Sum(weightedSum);
            if (dshift != null) dshift[row] += TSimd.Sum(sum);
        }
    }

    [MethodImpl(Hot)]
    public override void Uniform(in RandomKey key, long firstRow, int rows, int lanes, float* output, nint stride, int firstNumber)
    {
        for (int row = 0; row < rows; row++, output += stride)
            for (nint i = 0; i < lanes; i += LaneBlock)
                TSimd.Uniform(key, firstRow + i, (uint)(firstNumber + row), output + i);
    }

    [MethodImpl(Hot)]
    public override void AdamW(in AdamWStep step, nint count, float* values, float* gradient, float* firstMoment, float* secondMoment)
    {
        nint vectorised = count - count % TSimd.Count;
        AdamWRange<TVector, TSimd>(step, vectorised, values, gradient, firstMoment, secondMoment);
        AdamWRange<float, SimdScalar>(
            step, count - vectorised, values + vectorised, gradient + vectorised, firstMoment + vectorised, secondMoment + vectorised);
    }

    [MethodImpl(Hot)]
    public override void AddAndClear(nint count, float* addend, float* sum)
    {
        nint i = 0;
        for (; i <= count - TSimd.Count; i += TSimd.Count)
        {
            TSimd.Store(TSimd.Add(TSimd.Load(sum + i), TSimd.Load(addend + i)), sum + i);
            TSimd.Store(TSimd.Zero, addend + i);
        }

        for (; i < count; i++)
        {
            sum[i] += addend[i];
            addend[i] = 0;
        }
    }

    [MethodImpl(Hot)]
    private static void AdamWRange<TV, TS>(in AdamWStep step, nint count, float* values, float* gradient, float* firstMoment, float* secondMoment)
        where TV : struct
        where TS : struct, ISimd<TV>
    {
        var shrink = TS.Create((float)(1 - step.LearningRate * step.WeightDecay));
        var towardGradient = TS.Create((float)(1 - step.Beta1));
        var beta2 = TS.Create((float)step.Beta2);
        var towardSquare = TS.Create((float)(1 - step.Beta2));
        var rootCorrection = TS.Create((float)Math.Sqrt(step.Correction2));
        var epsilon = TS.Create((float)step.Epsilon);
        var size = TS.Create((float)(-step.LearningRate / step.Correction1));
        for (nint i = 0; i < count; i += TS.Count)
        {
            var g = TS.Load(gradient + i);
            var m = TS.Load(firstMoment + i);
            m = TS.MultiplyAdd(TS.Subtract(g, m), towardGradient, m);
            var v = TS.MultiplyAdd(TS.Multiply(g, g), towardSquare, TS.Multiply(TS.Load(secondMoment + i), beta2));
            var denominator = TS.Add(TS.Divide(TS.Sqrt(v), rootCorrection), epsilon);
            var value = TS.MultiplyAdd(size, TS.Divide(m, denominator), TS.Multiply(TS.Load(values + i), shrink));
            TS.Store(m, firstMoment + i);
            TS.Store(v, secondMoment + i);
            TS.Store(value, values + i);
        }
    }
}
