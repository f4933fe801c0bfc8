using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Spd.Engine.Kernels;

/// <summary><see cref="ISimd{TVector}"/> in portable intrinsics: AVX2 and FMA on x64, pairs of NEON registers on Arm.</summary>
public readonly unsafe struct Simd256 : ISimd<Vector256<float>>
{
    private const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;

    /// <inheritdoc/>
    public static int Count => 8;

    /// <inheritdoc/>
    public static Vector256<float> Zero => Vector256<float>.Zero;

    /// <inheritdoc/>
    [MethodImpl(Inline)]
    public static Vector256<float> Load(float* source) => Vector256.Load(source);

    /// <inheritdoc/>
    [MethodImpl(Inline)]
    public static void Store(Vector256<float> value, float* destination) => value.Store(destination);

    /// <inheritdoc/>
    [MethodImpl(Inline)]
    public static Vector256<float> Create(float value) => Vector256.Create(value);

    /// <inheritdoc/>
    [MethodImpl(Inline)]
    public static Vector256<float> Add(Vector256<float> a, Vector256<float> b) => a + b;

    /// <inheritdoc/>
    [MethodImpl(Inline)]
    public static Vector256<float> Subtract(Vector256<float> a, Vector256<float> b) => a - b;

    /// <inheritdoc/>
    [MethodImpl(Inline)]
    public static Vector256<float> Multiply(Vector256<float> a, Vector256<float> b) => a * b;

    /// <inheritdoc/>
    [MethodImpl(Inline)]
    public static Vector256<float> Divide(Vector256<float> a, Vector256<float> b) => a / b;

    /// <inheritdoc/>
    [MethodImpl(Inline)]
    public static Vector256<float> MultiplyAdd(Vector256<float> a, Vector256<float> b, Vector256<float> c) => Vector256.FusedMultiplyAdd(a, b, c);

    /// <inheritdoc/>
    [MethodImpl(Inline)]
    public static Vector256<float> Max(Vector256<float> a, Vector256<float> b) => Vector256.MaxNative(a, b);

    /// <inheritdoc/>
    [MethodImpl(Inline)]
    public static Vector256<float> Abs(Vector256<float> a) => Vector256.Abs(a);

    /// <inheritdoc/>
    [MethodImpl(Inline)]
    public static Vector256<float> Sqrt(Vector256<float> a) => Vector256.Sqrt(a);

    /// <inheritdoc/>
    [MethodImpl(Inline)]
    public static Vector256<float> Exp(Vector256<float> a) => Vector256.Exp(a);

    /// <inheritdoc/>
    [MethodImpl(Inline)]
    public static Vector256<float> Log(Vector256<float> a) => Vector256.Log(a);

    /// <inheritdoc/>
    [MethodImpl(Inline)]
    public static Vector256<float> SelectGreater(Vector256<float> a, Vector256<float> b, Vector256<float> whenTrue, Vector256<float> whenFalse) =>
        Vector256.ConditionalSelect(Vector256.GreaterThan(a, b), whenTrue, whenFalse);

    /// <inheritdoc/>
    [MethodImpl(Inline)]
    public static Vector256<float> Gelu(Vector256<float> a) => GeluPolynomial256.Gelu(a);

    /// <inheritdoc/>
    [MethodImpl(Inline)]
    public static Vector256<float> GeluDerivative(Vector256<float> a) => GeluPolynomial256.Derivative(a);

    /// <inheritdoc/>
    [MethodImpl(Inline)]
    public static Vector256<float> Tanh(Vector256<float> a) => ExponentialFunctions<Vector256<float>, Simd256>.Tanh(a);

    /// <inheritdoc/>
    [MethodImpl(Inline)]
    public static Vector256<float> Sigmoid(Vector256<float> a) => ExponentialFunctions<Vector256<float>, Simd256>.Sigmoid(a);

    /// <inheritdoc/>
    [MethodImpl(Inline)]
    public static Vector256<float> SigmoidDerivative(Vector256<float> a) => ExponentialFunctions<Vector256<float>, Simd256>.SigmoidDerivative(a);

    /// <inheritdoc/>
    [MethodImpl(Inline)]
    public static float Sum(Vector256<float> a) => Vector256.Sum(a);

    /// <inheritdoc/>
    [MethodImpl(Inline)]
    public static void Uniform(in RandomKey key, long firstRow, uint panelRow, float* output) => RandomBlock.Fill256(key, firstRow, panelRow, output);
}
