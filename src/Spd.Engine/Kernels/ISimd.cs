using System.Runtime.Intrinsics;

namespace Spd.Engine.Kernels;

/// <summary>
/// What the width-independent kernels ask of a vector of floats. The vectors themselves are passed around bare, so the JIT keeps them in registers;
/// this interface only names the instructions.
/// </summary>
/// <typeparam name="TVector">The bare vector: <c>Vector512&lt;float&gt;</c> or <c>Vector256&lt;float&gt;</c>; <c>float</c> for the plain twin.</typeparam>
internal unsafe interface ISimd<TVector>
    where TVector : struct
{
    /// <summary>Floats in a vector; <see cref="KernelSet.LaneBlock"/> is a multiple of it.</summary>
    static abstract int Count { get; }
    static abstract TVector Zero { get; }

    /// <summary>Reads a vector; no alignment is needed.</summary>
    static abstract TVector Load(float* source);

    /// <summary>Writes a vector; no alignment is needed.</summary>
    static abstract void Store(TVector value, float* destination);
    static abstract TVector Create(float value);
    static abstract TVector Add(TVector a, TVector b);
    static abstract TVector Subtract(TVector a, TVector b);
    static abstract TVector Multiply(TVector a, TVector b);
    static abstract TVector Divide(TVector a, TVector b);

    /// <summary><c>a · b + c</c>, rounded once.</summary>
    static abstract TVector MultiplyAdd(TVector a, TVector b, TVector c);

    /// <summary>The larger of each pair; what a NaN gives is not fixed.</summary>
    static abstract TVector Max(TVector a, TVector b);
    static abstract TVector Abs(TVector a);
    static abstract TVector Sqrt(TVector a);
    static abstract TVector Exp(TVector a);

    /// <summary><c>2^a</c> for a up to 127, several times as fast as <see cref="Exp"/>; what is below −126 counts as −126.</summary>
    static abstract TVector Exp2(TVector a);

    /// <summary><c>a 2^n</c>, n being in the last bits of <see cref="ExponentialFunctions{TVector,TSimd}.Rounding"/> and n.</summary>
    static abstract TVector Scale(TVector a, TVector whole);

    /// <summary>The natural logarithm; minus infinity at zero.</summary>
    static abstract TVector Log(TVector a);

    /// <summary><c>a &gt; b ? whenTrue : whenFalse</c>, element by element; nothing of the side not taken gets through.</summary>
    static abstract TVector SelectGreater(TVector a, TVector b, TVector whenTrue, TVector whenFalse);

    /// <summary>The exact (erf) GELU.</summary>
    static abstract TVector Gelu(TVector a);
    static abstract TVector GeluDerivative(TVector a);
    static abstract TVector Tanh(TVector a);

    /// <summary>The logistic function, <c>1 / (1 + e^−a)</c>.</summary>
    static abstract TVector Sigmoid(TVector a);

    /// <summary>The derivative of the logistic function; zero far out, and accurate where it is small.</summary>
    static abstract TVector SigmoidDerivative(TVector a);

    /// <summary>The sum of the elements.</summary>
    static abstract float Sum(TVector a);

    /// <summary>The four sums of the elements of each.</summary>
    static abstract Vector128<float> Sums(TVector a, TVector b, TVector c, TVector d);

    /// <summary>Uniform numbers for <see cref="KernelSet.LaneBlock"/> batch rows; see <see cref="RandomBlock"/>.</summary>
    static abstract void Uniform(in RandomKey key, long firstRow, uint panelRow, float* output);
}
