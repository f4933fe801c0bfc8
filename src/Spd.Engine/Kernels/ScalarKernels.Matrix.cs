namespace Spd.Engine.Kernels;

public sealed unsafe partial class ScalarKernels
{
    public override void MatrixProduct(int m, int k, int lanes, float* w, nint rowStep, nint columnStep, float* x, float* y, nint stride, bool accumulate)
    {
        for (int i = 0; i < m; i++)
        {
            for (int lane = 0; lane < lanes; lane++)
            {
                double sum = accumulate ? y[i * stride + lane] : 0;
                for (int j = 0; j < k; j++) sum += (double)w[i * rowStep + j * columnStep] * x[j * stride + lane];
                y[i * stride + lane] = (float)sum;
            }
        }
    }

    public override void AccumulateOuterProduct(int m, int n, int lanes, float* a, float* b, nint stride, float* c, nint cRowStep)
    {
        for (int i = 0; i < m; i++)
        {
            for (int j = 0; j < n; j++)
            {
                double sum = c[i * cRowStep + j];
                for (int lane = 0; lane < lanes; lane++) sum += (double)a[i * stride + lane] * b[j * stride + lane];
                c[i * cRowStep + j] = (float)sum;
            }
        }
    }
}
