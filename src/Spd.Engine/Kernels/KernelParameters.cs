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

/// <summary>
/// The attention of one group of lanes: a sequence, or a block of several short ones, each of which begins at a multiple of <see cref="SequenceLanes"/>.
/// </summary>
/// <param name="Heads">Heads of the queries.</param>
/// <param name="KeyHeads">Heads of keys and values.</param>
/// <param name="HeadWidth">Rows of a head of queries and keys.</param>
/// <param name="ValueWidth">Rows of a head of values.</param>
/// <param name="Lanes">Lanes of the group, a multiple of <see cref="KernelSet.LaneBlock"/>.</param>
/// <param name="SequenceLanes">Lanes of a sequence.</param>
/// <param name="Scale">The factor of the scores, above 0.</param>
/// <param name="Window">Positions that a query sees; as many as there are lanes where it sees all.</param>
internal readonly record struct AttentionShape(
    int Heads, int KeyHeads, int HeadWidth, int ValueWidth, int Lanes, int SequenceLanes, float Scale, int Window)
{
    public int KeyHeadOf(int head) => (int)((long)head * KeyHeads / Heads);

    /// <summary>The first lane that a query's keys are in.</summary>
    public int OldestKeyOf(int query) => Math.Max(query - Window + 1, query - query % SequenceLanes);
}

/// <summary>The coefficients of one AdamW step, as PyTorch computes them: <c>CorrectionN</c> is 1 − βₙᵗ.</summary>
internal readonly record struct AdamWStep(
    double LearningRate, double Beta1, double Beta2, double Epsilon, double WeightDecay, double Correction1, double Correction2);
