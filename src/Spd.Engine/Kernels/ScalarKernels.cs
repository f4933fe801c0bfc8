namespace Spd.Engine.Kernels;

/// <summary>
/// The plain twin of the vector kernels, slow and obviously right: what goes entry by entry is theirs at a width of one, and the rest are loops over single
/// numbers with sums in double.
/// </summary>
internal sealed unsafe class ScalarKernels : SimdKernels<float, SimdScalar>
{
    public override string Name => "scalar";

    public override void MatrixProduct(int m, int k, int lanes, float* w, nint rowStep, nint columnStep, float* x, float* y, nint stride, bool accumulate)
    {
        for (int i = 0; i < m; i++)
            for (int lane = 0; lane < lanes; lane++)
            {
                double sum = accumulate ? y[i * stride + lane] : 0;
                for (int j = 0; j < k; j++) sum += (double)w[i * rowStep + j * columnStep] * x[j * stride + lane];
                y[i * stride + lane] = (float)sum;
            }
    }

    public override void AccumulateOuterProduct(int m, int n, int lanes, float* a, float* b, nint stride, float* c, nint cRowStep)
    {
        for (int i = 0; i < m; i++)
            for (int j = 0; j < n; j++)
            {
                double sum = c[i * cRowStep + j];
                for (int lane = 0; lane < lanes; lane++) sum += (double)a[i * stride + lane] * b[j * stride + lane];
                c[i * cRowStep + j] = (float)sum;
            }
    }

    public override void GateForward(in GateParameters gate, int lanes, float* h, float* g, nint stride)
    {
        for (int c = 0; c < gate.Subcomponents; c++)
            for (int lane = 0; lane < lanes; lane++)
            {
                double sum = gate.OutBias[c];
                for (int k = 0; k < gate.Width; k++)
                {
                    nint ck = (nint)c * gate.Width + k;
                    double z = (double)gate.In[ck] * h[c * stride + lane] + gate.InBias[ck];
                    sum += gate.Out[ck] * GeluCurve.Gelu(z);
                }
                g[c * stride + lane] = (float)sum;
            }
    }

    public override void GateBackward(in GateParameters gate, in GateParameters gradient, int lanes, float* h, float* dg, float* dh, nint stride)
    {
        for (int c = 0; c < gate.Subcomponents; c++)
        {
            double outBiasSum = 0;
            for (int lane = 0; lane < lanes; lane++) outBiasSum += dg[c * stride + lane];
            gradient.OutBias[c] += (float)outBiasSum;

            for (int k = 0; k < gate.Width; k++)
            {
                nint ck = (nint)c * gate.Width + k;
                double inSum = 0, inBiasSum = 0, outSum = 0;
                for (int lane = 0; lane < lanes; lane++)
                {
                    double activation = h[c * stride + lane];
                    double z = gate.In[ck] * activation + gate.InBias[ck];
                    double dz = dg[c * stride + lane] * (double)gate.Out[ck] * GeluCurve.GeluDerivative(z);
                    outSum += dg[c * stride + lane] * GeluCurve.Gelu(z);
                    inBiasSum += dz;
                    inSum += dz * activation;
                    dh[c * stride + lane] += (float)(dz * gate.In[ck]);
                }
                gradient.In[ck] += (float)inSum;
                gradient.InBias[ck] += (float)inBiasSum;
                gradient.Out[ck] += (float)outSum;
            }
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

    public override double SquaredError(int rows, int lanes, float* laneMask, float* a, float* b, float* residual, nint stride)
    {
        double total = 0;
        for (nint row = 0; row < rows; row++)
            for (nint i = 0; i < lanes; i++)
            {
                double difference = ((double)a[row * stride + i] - b[row * stride + i]) * laneMask[i];
                total += difference * difference;
                if (residual != null) residual[row * stride + i] = (float)difference;
            }

        return total;
    }

    public override double KullbackLeibler(int rows, int lanes, float* laneMask, float* prediction, float* target, float* difference, nint stride)
    {
        double total = 0;
        for (nint i = 0; i < lanes; i++)
        {
            if (laneMask[i] == 0)
            {
                for (nint row = 0; row < rows && difference != null; row++) difference[row * stride + i] = 0;
                continue;
            }

            double logNormaliserP = LogSumExp(rows, target + i, stride), logNormaliserQ = LogSumExp(rows, prediction + i, stride);
            for (nint row = 0; row < rows; row++)
            {
                double logP = target[row * stride + i] - logNormaliserP, logQ = prediction[row * stride + i] - logNormaliserQ;
                total += Math.Exp(logP) * (logP - logQ);
                if (difference != null) difference[row * stride + i] = (float)(Math.Exp(logQ) - Math.Exp(logP));
            }
        }

        return total;
    }

    public override double PowerSum(int rows, int lanes, float p, float* laneMask, float* weight, float* x, float* reduced, float* rowSums, nint stride)
    {
        double total = 0;
        for (nint row = 0; row < rows; row++)
        {
            double rowWeight = weight == null ? 1 : weight[row], sum = 0;
            for (nint i = 0; i < lanes; i++)
            {
                double value = x[row * stride + i];
                if (laneMask[i] != 0) sum += Math.Pow(value, p);
                if (reduced != null) reduced[row * stride + i] = laneMask[i] == 0 ? 0 : (float)(rowWeight * Math.Pow(value, p - 1));
            }

            if (rowSums != null) rowSums[row] += (float)sum;
            total += rowWeight * sum;
        }

        return total;
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

    private static double LogSumExp(int rows, float* logits, nint stride)
    {
        double largest = double.NegativeInfinity, sum = 0;
        for (nint row = 0; row < rows; row++) largest = Math.Max(largest, logits[row * stride]);
        for (nint row = 0; row < rows; row++) sum += Math.Exp(logits[row * stride] - largest);
        return largest + Math.Log(sum);
    }
}
