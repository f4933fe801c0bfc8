using Spd.Engine.Kernels;

namespace Spd.Engine.Cpu;

/// <summary>
/// Takes in what leaves have summed: where several processes, each with leaves of its own, plug in. Leaves come in their order, one after the other for each
/// stretch, while other threads hand in other stretches; so whoever passes the total on between two leaves keeps the bits.
/// </summary>
internal interface IReduction
{
    /// <summary>Adds a stretch of a leaf's sums, or maxima, to the total, and clears it for the leaf's next run.</summary>
    unsafe void Add(int leaf, int length, float* sums, float* total, bool isMaximum);

    /// <summary>Adds a leaf's numbers (its part of the losses, for example) to the total.</summary>
    void Add(int leaf, ReadOnlySpan<double> numbers, Span<double> total);
}

/// <summary>All leaves in one process.</summary>
internal sealed unsafe class LocalReduction(KernelSet kernels) : IReduction
{
    public void Add(int leaf, int length, float* sums, float* total, bool isMaximum)
    {
        if (!isMaximum)
        {
            kernels.AddAndClear(length, sums, total);
            return;
        }

        for (int k = 0; k < length; k++) total[k] = Math.Max(total[k], sums[k]);
        new Span<float>(sums, length).Fill(float.NegativeInfinity);
    }

    public void Add(int leaf, ReadOnlySpan<double> numbers, Span<double> total)
    {
        for (int i = 0; i < numbers.Length; i++) total[i] += numbers[i];
    }
}
