using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Spd.Engine.Kernels;

/// <summary><see cref="ISimd{TVector}"/> in portable intrinsics: AVX2 and FMA on x64, pairs of NEON registers on Arm.</summary>
public readonly unsafe struct Simd256 : ISimd<Vector256<float>>
{
    private const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;

    public static int Count => 8;

    public static Vector256<float> Zero => Vector256<float>.Zero;

    [MethodImpl(Inline)]
    public static Vector256<float> Load(float* source) => Vector256.Load(source);

    [MethodImpl(Inline)]
    public static void Store(Vector256<float> value, float* destination) => value.Store(destination);

    [MethodImpl(Inline)]
    public static Vector256<float> Create(float value) => Vector256.Create(value);

    [MethodImpl(Inline)]
    public static Vector256<float> Add(Vector256<float> a, Vector256<float> b) => a + b;

    [MethodImpl(Inline)]
    public static Vector256<float> Subtract(Vector256<float> a, Vector256<float> b) => a - b;

    [MethodImpl(Inline)]
    public static Vector256<float> Multiply(Vector256<float> a, Vector256<float> b) => a * b;

    [MethodImpl(Inline)]
    public static Vector256<float> Divide(Vector256<float> a, Vector256<float> b) => a / b;

    [MethodImpl(Inline)]
    public static Vector256<float> MultiplyAdd(Vector256<float> a, Vector256<float> b, Vector256<float> c) => Vector256.FusedMultiplyAdd(a, b, c);

    [MethodImpl(Inline)]
    public static Vector256<float> Max(Vector256<float> a, Vector256<float> b) => Vector256.MaxNative(a, b);

    [MethodImpl(Inline)]
    public static Vector256<float> Abs(Vector256<float> a) => Vector256.Abs(a);

    [MethodImpl(Inline)]
    public static Vector256<float> Sqrt(Vector256<float> a) => Vector256.Sqrt(a);

    [MethodImpl(Inline)]
    public static Vector256<float> Exp(Vector256<float> a) => Vector256.Exp(a);

    [MethodImpl(Inline)]
    public static Vector256<float> Log(Vector256<float> a) => Vector256.Log(a);

    [MethodImpl(Inline)]
    public static Vector256<float> SelectGreater(Vector256<float> a, Vector256<float> b, Vector256<float> whenTrue, Vector256<float> whenFalse) =>
        Vector256.ConditionalSelect(Vector256.GreaterThan(a, b), whenTrue, whenFalse);

    [MethodImpl(Inline)]
    public static Vector256<float> Gelu(Vector256<float> a) => GeluPolynomial256.Gelu(a);

    [MethodImpl(Inline)]
    public static Vector256<float> GeluDerivative(Vector256<float> a) => GeluPolynomial256.Derivative(a);

    [MethodImpl(Inline)]
    public static Vector256<float> Tanh(Vector256<float> a) => ExponentialFunctions<Vector256<float>, Simd256>.Tanh(a);

    [MethodImpl(Inline)]
    public static Vector256<float> Sigmoid(Vector256<float> a) => ExponentialFunctions<Vector256<float>, Simd256>.Sigmoid(a);

    [MethodImpl(Inline)]
    public static Vector256<float> SigmoidDerivative(Vector256<float> a) => ExponentialFunctions<Vector256<float>, Simd256>.SigmoidDerivative(a);

    [MethodImpl(Inline)]
    public static float Sum(Vector256<float> a) => Vector256.Sum(a);

    [MethodImpl(Inline)]
    public static void Uniform(in RandomKey key, long firstRow, uint panelRow, float* output) => RandomBlock.Fill256(key, firstRow, panelRow, output);
}
