namespace Spd.Engine.Kernels;

/// <summary>The plain twin of the vector kernels: loops over single numbers with sums in double, slow and obviously right.</summary>
public sealed unsafe partial class ScalarKernels : KernelSet
{
    public override string Name => "scalar";

    public override void Map<TFunction>(TFunction function, nint count, float* x, float* y)
    {
        for (nint i = 0; i < count; i++) y[i] = function.Value<float, SimdScalar>(x[i]);
    }

    public override void MapBackward<TFunction>(TFunction function, nint count, float* x, float* dy, float* dx)
    {
        for (nint i = 0; i < count; i++) dx[i] += function.Backward<float, SimdScalar>(x[i], dy[i]);
    }

    public override void Combine<TFunction>(TFunction function, nint count, float* a, float* b, float* y)
    {
        for (nint i = 0; i < count; i++) y[i] = function.Value<float, SimdScalar>(a[i], b[i]);
    }

    public override void CombineBackward<TFunction>(
        TFunction function, nint count, float* a, float* b, float* dy, float* da, float* db, bool accumulateA, bool accumulateB)
    {
        for (nint i = 0; i < count; i++)
        {
            // Results may lie where inputs do.
            float first = function.BackwardFirst<float, SimdScalar>(a[i], b[i], dy[i]), second = function.BackwardSecond<float, SimdScalar>(a[i], b[i], dy[i]);
            if (da != null) da[i] = accumulateA ? da[i] + first : first;
            if (db != null) db[i] = accumulateB ? db[i] + second : second;
        }
    }

    public override void RowAffine(int rows, int lanes, float* scale, float* shift, float* x, float* y, nint stride)
    {
        for (nint row = 0; row < rows; row++)
            for (nint i = 0; i < lanes; i++)
                y[row * stride + i] = (scale == null ? 1 : scale[row]) * x[row * stride + i] + (shift == null ? 0 : shift[row]);
    }

    public override void RowAffineBackward(int rows, int lanes, float* scale, float* x, float* dy, float* dx, float* dscale, float* dshift, nint stride)
    {
        for (nint row = 0; row < rows; row++)
        {
            double sum = 0, weightedSum = 0;
            for (nint i = 0; i < lanes; i++)
            {
                float upstream = dy[row * stride + i];
                sum += upstream;
                if (dscale != null) weightedSum += (double)upstream * x[row * stride + i];
                if (dx != null) dx[row * stride + i] += (scale == null ? 1 : scale[row]) * upstream;
            }

            if (dscale != null) dscale[row] += (float)weightedSum;
            if (dshift != null) dshift[row] += (float)sum;
        }
    }

    public override void Uniform(in RandomKey key, long firstRow, int rows, int lanes, float* output, nint stride, int firstNumber)
    {
        for (int row = 0; row < rows; row++)
            for (nint i = 0; i < lanes; i += LaneBlock)
                RandomBlock.Fill(key, firstRow + i, (uint)(firstNumber + row), output + row * stride + i);
    }

    public override void AdamW(in AdamWStep step, nint count, float* values, float* gradient, float* firstMoment, float* secondMoment)
    {
        for (nint i = 0; i < count; i++)
        {
            double g = gradient[i];
            double m = step.Beta1 * firstMoment[i] + (1 - step.Beta1) * g;
            double v = step.Beta2 * secondMoment[i] + (1 - step.Beta2) * g * g;
            double decayed = values[i] * (1 - step.LearningRate * step.WeightDecay);
            values[i] = (float)(decayed - step.LearningRate * (m / step.Correction1) / (Math.Sqrt(v / step.Correction2) + step.Epsilon));
            firstMoment[i] = (float)m;
            secondMoment[i] = (float)v;
        }
    }

    public override void AddAndClear(nint count, float* addend, float* sum)
    {
        for (nint i = 0; i < count; i++)
        {
            sum[i] += addend[i];
            addend[i] = 0;
        }
    }
}
