using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Floats = System.Runtime.Intrinsics.Vector256<float>;

namespace Spd.Engine.Kernels;

/// <summary><see cref="ISimd{TVector}"/> in portable intrinsics: AVX2 and FMA on x64, pairs of NEON registers on Arm.</summary>
internal readonly unsafe struct Simd256 : ISimd<Floats>
{
    private const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;

    public static int Count => 8;
    public static Floats Zero => Floats.Zero;
    [MethodImpl(Inline)] public static Floats Load(float* source) => Vector256.Load(source);
    [MethodImpl(Inline)] public static void Store(Floats value, float* destination) => value.Store(destination);
    [MethodImpl(Inline)] public static Floats Create(float value) => Vector256.Create(value);
    [MethodImpl(Inline)] public static Floats Add(Floats a, Floats b) => a + b;
    [MethodImpl(Inline)] public static Floats Subtract(Floats a, Floats b) => a - b;
    [MethodImpl(Inline)] public static Floats Multiply(Floats a, Floats b) => a * b;
    [MethodImpl(Inline)] public static Floats Divide(Floats a, Floats b) => a / b;
    [MethodImpl(Inline)] public static Floats MultiplyAdd(Floats a, Floats b, Floats c) => Vector256.FusedMultiplyAdd(a, b, c);
    [MethodImpl(Inline)] public static Floats Max(Floats a, Floats b) => Vector256.MaxNative(a, b);
    [MethodImpl(Inline)] public static Floats Abs(Floats a) => Vector256.Abs(a);
    [MethodImpl(Inline)] public static Floats Sqrt(Floats a) => Vector256.Sqrt(a);
    [MethodImpl(Inline)] public static Floats Exp(Floats a) => Vector256.Exp(a);
    [MethodImpl(Inline)] public static Floats Exp2(Floats a) => ExponentialFunctions<Floats, Simd256>.Exp2(a);
    // The exponent of 2^n is n + 127, above 23 bits.
    [MethodImpl(Inline)] public static Floats Scale(Floats a, Floats whole) => a * ((whole.AsInt32() << 23) + Vector256.Create(127 << 23)).AsSingle();
    [MethodImpl(Inline)] public static Floats Log(Floats a) => Vector256.Log(a);
    [MethodImpl(Inline)]
    public static Floats SelectGreater(Floats a, Floats b, Floats whenTrue, Floats whenFalse) =>
        Vector256.ConditionalSelect(Vector256.GreaterThan(a, b), whenTrue, whenFalse);
    [MethodImpl(Inline)] public static Floats Gelu(Floats a) => GeluPolynomial256.Gelu(a);
    [MethodImpl(Inline)] public static Floats GeluDerivative(Floats a) => GeluPolynomial256.Derivative(a);
    [MethodImpl(Inline)] public static Floats Tanh(Floats a) => ExponentialFunctions<Floats, Simd256>.Tanh(a);
    [MethodImpl(Inline)] public static Floats Sigmoid(Floats a) => ExponentialFunctions<Floats, Simd256>.Sigmoid(a);
    [MethodImpl(Inline)] public static Floats SigmoidDerivative(Floats a) => ExponentialFunctions<Floats, Simd256>.SigmoidDerivative(a);
    [MethodImpl(Inline)] public static float Sum(Floats a) => Vector256.Sum(a);
    [MethodImpl(Inline)] public static Vector128<float> Sums(Floats a, Floats b, Floats c, Floats d) => LaneSums.Four(a, b, c, d);
    [MethodImpl(Inline)]
    public static void Uniform(in RandomKey key, long firstRow, uint panelRow, float* output) =>
        RandomBlock.Fill256(key, firstRow, panelRow, output);
}
