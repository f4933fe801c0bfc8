namespace Spd.Engine.Kernels;

public sealed unsafe partial class ScalarKernels
{
    public override double SquaredError(int rows, int lanes, float* laneMask, float* a, float* b, float* residual, nint stride)
    {
        double total = 0;
        for (nint row = 0; row < rows; row++)
        {
            for (nint i = 0; i < lanes; i++)
            {
                double difference = ((double)a[row * stride + i] - b[row * stride + i]) * laneMask[i];
                total += difference * difference;
                if (residual != null) residual[row * stride + i] = (float)difference;
            }
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

    private static double LogSumExp(int rows, float* logits, nint stride)
    {
        double largest = double.NegativeInfinity, sum = 0;
        for (nint row = 0; row < rows; row++) largest = Math.Max(largest, logits[row * stride]);
        for (nint row = 0; row < rows; row++) sum += Math.Exp(logits[row * stride] - largest);
        return largest + Math.Log(sum);
    }
}
