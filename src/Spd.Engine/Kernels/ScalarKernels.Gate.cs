namespace Spd.Engine.Kernels;

public sealed unsafe partial class ScalarKernels
{
    public override void GateForward(in GateParameters gate, int lanes, float* h, float* g, nint stride)
    {
        for (int c = 0; c < gate.Subcomponents; c++)
        {
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
}
