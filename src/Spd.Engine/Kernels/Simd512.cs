using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Spd.Engine.Kernels;

/// <summary><see cref="ISimd{TVector}"/> on AVX-512.</summary>
public readonly unsafe struct Simd512 : ISimd<Vector512<float>>
{
    private const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;

    public static int Count => 16;

    public static Vector512<float> Zero => Vector512<float>.Zero;

    [MethodImpl(Inline)]
    public static Vector512<float> Load(float* source) => Vector512.Load(source);

    [MethodImpl(Inline)]
    public static void Store(Vector512<float> value, float* destination) => value.Store(destination);

    [MethodImpl(Inline)]
    public static Vector512<float> Create(float value) => Vector512.Create(value);

    [MethodImpl(Inline)]
    public static Vector512<float> Add(Vector512<float> a, Vector512<float> b) => a + b;

    [MethodImpl(Inline)]
    public static Vector512<float> Subtract(Vector512<float> a, Vector512<float> b) => a - b;

    [MethodImpl(Inline)]
    public static Vector512<float> Multiply(Vector512<float> a, Vector512<float> b) => a * b;

    [MethodImpl(Inline)]
    public static Vector512<float> Divide(Vector512<float> a, Vector512<float> b) => a / b;

    [MethodImpl(Inline)]
    public static Vector512<float> MultiplyAdd(Vector512<float> a, Vector512<float> b, Vector512<float> c) => Vector512.FusedMultiplyAdd(a, b, c);

    [MethodImpl(Inline)]
    public static Vector512<float> Max(Vector512<float> a, Vector512<float> b) => Vector512.MaxNative(a, b);

    [MethodImpl(Inline)]
    public static Vector512<float> Abs(Vector512<float> a) => Vector512.Abs(a);

    [MethodImpl(Inline)]
    public static Vector512<float> Sqrt(Vector512<float> a) => Vector512.Sqrt(a);

    [MethodImpl(Inline)]
    public static Vector512<float> Exp(Vector512<float> a) => Vector512.Exp(a);

    [MethodImpl(Inline)]
    public static Vector512<float> Log(Vector512<float> a) => Vector512.Log(a);

    [MethodImpl(Inline)]
    public static Vector512<float> SelectGreater(Vector512<float> a, Vector512<float> b, Vector512<float> whenTrue, Vector512<float> whenFalse) =>
        Vector512.ConditionalSelect(Vector512.GreaterThan(a, b), whenTrue, whenFalse);

    [MethodImpl(Inline)]
    public static Vector512<float> Gelu(Vector512<float> a) => GeluTable512.Gelu(a);

    [MethodImpl(Inline)]
    public static Vector512<float> GeluDerivative(Vector512<float> a) => GeluTable512.Derivative(a);

    [MethodImpl(Inline)]
    public static Vector512<float> Tanh(Vector512<float> a) => ExponentialFunctions<Vector512<float>, Simd512>.Tanh(a);

    [MethodImpl(Inline)]
    public static Vector512<float> Sigmoid(Vector512<float> a) => ExponentialFunctions<Vector512<float>, Simd512>.Sigmoid(a);

    [MethodImpl(Inline)]
    public static Vector512<float> SigmoidDerivative(Vector512<float> a) => ExponentialFunctions<Vector512<float>, Simd512>.SigmoidDerivative(a);

    [MethodImpl(Inline)]
    public static float Sum(Vector512<float> a) => Vector512.Sum(a);

    [MethodImpl(Inline)]
    public static void Uniform(in RandomKey key, long firstRow, uint panelRow, float* output) => RandomBlock.Fill512(key, firstRow, panelRow, output);
}
