namespace Spd.Engine.Kernels;

/// <summary>The MLP gates of one site, or their gradients; nothing is shared between subcomponents.</summary>
/// <param name="subcomponents">C.</param>
/// <param name="width">K, the hidden neurons of one gate; at least 1.</param>
/// <param name="weightIn">w_in <c>[C, K]</c>.</param>
/// <param name="inBias">b_in <c>[C, K]</c>.</param>
/// <param name="weightOut">w_out <c>[C, K]</c>.</param>
/// <param name="outBias">b_out <c>[C]</c>.</param>
internal readonly unsafe struct GateParameters(int subcomponents, int width, float* weightIn, float* inBias, float* weightOut, float* outBias)
{
    public readonly int Subcomponents = subcomponents, Width = width;
    public readonly float* In = weightIn, InBias = inBias, Out = weightOut, OutBias = outBias;

    /// <summary>The gate of subcomponent c alone.</summary>
    public GateParameters Of(int c) => new(1, Width, In + (nint)c * Width, InBias + (nint)c * Width, Out + (nint)c * Width, OutBias + c);
}

/// <summary>The coefficients of one AdamW step, as PyTorch computes them: <c>CorrectionN</c> is 1 − βₙᵗ.</summary>
internal readonly record struct AdamWStep(
    double LearningRate, double Beta1, double Beta2, double Epsilon, double WeightDecay, double Correction1, double Correction2);
