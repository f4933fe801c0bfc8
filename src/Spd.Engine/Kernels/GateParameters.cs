namespace Spd.Engine.Kernels;

/// <summary>Pointers to the MLP gates of one site (or to their gradients): everything is per subcomponent, nothing is shared.</summary>
/// <param name="subcomponents">C.</param>
/// <param name="width">K, the hidden neurons of one gate; at least 1.</param>
/// <param name="weightIn">w_in <c>[C, K]</c>.</param>
/// <param name="inBias">b_in <c>[C, K]</c>.</param>
/// <param name="weightOut">w_out <c>[C, K]</c>.</param>
/// <param name="outBias">b_out <c>[C]</c>.</param>
public readonly unsafe struct GateParameters(int subcomponents, int width, float* weightIn, float* inBias, float* weightOut, float* outBias)
{
    /// <summary>C.</summary>
    public int Subcomponents { get; } = subcomponents;

    /// <summary>K.</summary>
    public int Width { get; } = width;

    /// <summary>w_in <c>[C, K]</c>.</summary>
    public float* In { get; } = weightIn;

    /// <summary>b_in <c>[C, K]</c>.</summary>
    public float* InBias { get; } = inBias;

    /// <summary>w_out <c>[C, K]</c>.</summary>
    public float* Out { get; } = weightOut;

    /// <summary>b_out <c>[C]</c>.</summary>
    public float* OutBias { get; } = outBias;
}
