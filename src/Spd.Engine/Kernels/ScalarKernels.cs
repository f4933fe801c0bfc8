namespace Spd.Engine.Kernels;

/// <summary>
/// The plain twin of the vector kernels, slow and obviously right: what goes entry by entry is theirs at a width of one, and the rest are loops over single
/// numbers with sums in double.
/// </summary>
internal sealed unsafe class ScalarKernels : SimdKernels<float, SimdScalar>
{
    public override string Name => "scalar";

    public override void MatrixProduct(
        int m, int k, int lanes, float* w, nint rowStep, nint columnStep, float* x, nint xStride, float* y, nint yStride, bool accumulate)
    {
        for (int i = 0; i < m; i++)
            for (int lane = 0; lane < lanes; lane++)
            {
                double sum = accumulate ? y[i * yStride + lane] : 0;
                for (int j = 0; j < k; j++) sum += (double)w[i * rowStep + j * columnStep] * x[j * xStride + lane];
                y[i * yStride + lane] = (float)sum;
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

    public override void Normalise(int rows, int lanes, float epsilon, bool isCentred, float* x, float* y, float* scale, nint stride)
    {
        for (nint lane = 0; lane < lanes; lane++)
        {
            double mean = 0, squares = 0;
            for (nint row = 0; row < rows && isCentred; row++) mean += (double)x[row * stride + lane] / rows;
            for (nint row = 0; row < rows; row++) squares += (x[row * stride + lane] - mean) * (x[row * stride + lane] - mean);
            double factor = 1 / Math.Sqrt(squares / rows + epsilon);
            for (nint row = 0; row < rows && y != null; row++) y[row * stride + lane] = (float)((x[row * stride + lane] - mean) * factor);
            scale[lane] = (float)factor;
        }
    }

    public override void NormaliseBackward(
        int rows, int lanes, bool isCentred, float* y, float* scale, float* dy, float* dx, nint stride, bool accumulate)
    {
        for (nint lane = 0; lane < lanes; lane++)
        {
            double mean = 0, along = 0;
            for (nint row = 0; row < rows; row++)
            {
                if (isCentred) mean += (double)dy[row * stride + lane] / rows;
                along += (double)dy[row * stride + lane] * y[row * stride + lane] / rows;
            }

            for (nint at = lane, row = 0; row < rows; row++, at += stride)
                dx[at] = (float)((accumulate ? dx[at] : 0) + scale[lane] * (dy[at] - mean - y[at] * along));
        }
    }

    public override void Attention(in AttentionShape shape, float* q, float* k, float* v, float* output, float* normalisers, nint stride, float* scratch)
    {
        for (int head = 0; head < shape.Heads; head++)
        {
            for (int query = 0; query < shape.Lanes; query++)
            {
                int oldest = shape.OldestKeyOf(query), keyHead = shape.KeyHeadOf(head);
                double largest = double.NegativeInfinity, sum = 0;
                for (int key = oldest; key <= query; key++) largest = Math.Max(largest, Score(shape, head, query, key, q, k, stride));
                for (int key = oldest; key <= query; key++) sum += Math.Exp(Score(shape, head, query, key, q, k, stride) - largest);
                double logSum = largest + Math.Log(sum);
                normalisers[2 * head * stride + query] = (float)(largest / shape.Scale);
                normalisers[(2 * head + 1) * stride + query] = (float)(1 / sum);
                for (nint row = 0; row < shape.ValueWidth && output != null; row++)
                {
                    double mean = 0;
                    for (int key = oldest; key <= query; key++)
                        mean += Math.Exp(Score(shape, head, query, key, q, k, stride) - logSum) * v[(keyHead * shape.ValueWidth + row) * stride + key];
                    output[(head * shape.ValueWidth + row) * stride + query] = (float)mean;
                }
            }
        }
    }

    public override void AttentionBackward(
        in AttentionShape shape, float* q, float* k, float* v, float* output, float* normalisers, float* dy, float* dq, float* dk, float* dv, nint stride,
        float* scratch)
    {
        var (width, valueWidth, lanes) = (shape.HeadWidth, shape.ValueWidth, shape.Lanes);
        double[] queries = new double[shape.Heads * width * lanes], keys = new double[shape.KeyHeads * width * lanes];
        double[] values = new double[shape.KeyHeads * valueWidth * lanes];
        for (int head = 0; head < shape.Heads; head++)
        {
            int keyHead = shape.KeyHeadOf(head);
            for (int query = 0; query < lanes; query++)
            {
                double dot = 0;
                for (nint row = head * valueWidth; row < (head + 1) * valueWidth; row++) dot += (double)output[row * stride + query] * dy[row * stride + query];
                for (int key = shape.OldestKeyOf(query); key <= query; key++)
                {
                    double p = Math.Exp(Score(shape, head, query, key, q, k, stride) - (double)shape.Scale * normalisers[2 * head * stride + query])
                        * normalisers[(2 * head + 1) * stride + query], dp = 0;
                    for (nint row = 0; row < valueWidth; row++)
                    {
                        double upstream = dy[(head * valueWidth + row) * stride + query];
                        dp += upstream * v[(keyHead * valueWidth + row) * stride + key];
                        values[(keyHead * valueWidth + row) * lanes + key] += p * upstream;
                    }

                    double slope = shape.Scale * p * (dp - dot);
                    for (nint row = 0; row < width; row++)
                    {
                        queries[(head * width + row) * lanes + query] += slope * k[(keyHead * width + row) * stride + key];
                        keys[(keyHead * width + row) * lanes + key] += slope * q[(head * width + row) * stride + query];
                    }
                }
            }
        }

        Store(queries, dq);
        Store(keys, dk);
        Store(values, dv);

        void Store(double[] sums, float* result)
        {
            for (int i = 0; i < sums.Length && result != null; i++) result[(nint)(i / lanes) * stride + i % lanes] = (float)sums[i];
        }
    }

    public override void ExpectedUnembedding(
        int vocabulary, int d, int lanes, float* w, nint rowStep, float* x, float* expected, float* negativeEntropy, nint stride, float* scratch)
    {
        for (nint lane = 0; lane < lanes; lane++)
        {
            double[] p = LogProbabilities(vocabulary, d, w, rowStep, x + lane, stride, out _);
            if (negativeEntropy != null) negativeEntropy[lane] = (float)p.Sum(log => Math.Exp(log) * log);
            for (int row = 0; row < d && expected != null; row++)
            {
                double sum = 0;
                for (int token = 0; token < vocabulary; token++) sum += Math.Exp(p[token]) * w[token * rowStep + row];
                expected[row * stride + lane] = (float)sum;
            }
        }
    }

    public override double UnembeddingDivergence(
        int vocabulary, int d, int lanes, float* laneMask, float* w, nint rowStep, float* x, float* expected, float* negativeEntropy, float* dx, nint stride,
        float* scratch)
    {
        double total = 0;
        for (nint lane = 0; lane < lanes; lane++)
        {
            double[] q = LogProbabilities(vocabulary, d, w, rowStep, x + lane, stride, out double logSum);
            double dot = 0;
            for (nint row = 0; row < d; row++)
            {
                double sum = 0;
                dot += (double)x[row * stride + lane] * expected[row * stride + lane];
                for (int token = 0; token < vocabulary && dx != null; token++) sum += Math.Exp(q[token]) * w[token * rowStep + row];
                if (dx != null) dx[row * stride + lane] = laneMask[lane] == 0 ? 0 : (float)(sum - expected[row * stride + lane]);
            }

            if (laneMask[lane] != 0) total += negativeEntropy[lane] - dot + logSum;
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

    private static double Score(in AttentionShape shape, int head, int query, int key, float* q, float* k, nint stride)
    {
        double dot = 0;
        for (nint row = 0; row < shape.HeadWidth; row++)
            dot += (double)q[(head * shape.HeadWidth + row) * stride + query] * k[(shape.KeyHeadOf(head) * shape.HeadWidth + row) * stride + key];
        return shape.Scale * dot;
    }

    private static double[] LogProbabilities(int vocabulary, int d, float* w, nint rowStep, float* x, nint stride, out double logSum)
    {
        double[] logits = new double[vocabulary];
        for (int token = 0; token < vocabulary; token++)
            for (nint row = 0; row < d; row++) logits[token] += (double)w[token * rowStep + row] * x[row * stride];
        double largest = logits.Max(), sum = logits.Sum(logit => Math.Exp(logit - largest)), log = largest + Math.Log(sum);
        logSum = log;
        return [.. logits.Select(logit => logit - log)];
    }
}
