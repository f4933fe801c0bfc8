using System.Runtime.Intrinsics;

namespace Spd.Engine.Kernels;

/// <summary><see cref="ISimd{TVector}"/> on single floats: the same functions one number at a time, through double where one is transcendental.</summary>
internal readonly unsafe struct SimdScalar : ISimd<float>
{
    public static int Count => 1;
    public static float Zero => 0;
    public static float Load(float* source) => *source;
    public static void Store(float value, float* destination) => *destination = value;
    public static float Create(float value) => value;
    public static float Add(float a, float b) => a + b;
    public static float Subtract(float a, float b) => a - b;
    public static float Multiply(float a, float b) => a * b;
    public static float Divide(float a, float b) => a / b;
    public static float MultiplyAdd(float a, float b, float c) => MathF.FusedMultiplyAdd(a, b, c);
    public static float Max(float a, float b) => a > b ? a : b;
    public static float Abs(float a) => MathF.Abs(a);
    public static float Sqrt(float a) => MathF.Sqrt(a);
    public static float Exp(float a) => (float)Math.Exp(a);
    public static float Exp2(float a) => (float)Math.Pow(2, a < -126 ? -126 : a);
    public static float Scale(float a, float whole) => a * MathF.ScaleB(1, (int)(whole - ExponentialFunctions<float, SimdScalar>.Rounding));
    public static float Log(float a) => (float)Math.Log(a);
    public static float SelectGreater(float a, float b, float whenTrue, float whenFalse) => a > b ? whenTrue : whenFalse;
    public static float Gelu(float a) => (float)GeluCurve.Gelu(a);
    public static float GeluDerivative(float a) => (float)GeluCurve.GeluDerivative(a);
    public static float Tanh(float a) => (float)Math.Tanh(a);
    public static float Sigmoid(float a) => (float)(1 / (1 + Math.Exp(-(double)a)));

    public static float SigmoidDerivative(float a)
    {
        double e = Math.Exp(-Math.Abs((double)a));
        return (float)(e / ((1 + e) * (1 + e)));
    }

    public static float Sum(float a) => a;
    public static Vector128<float> Sums(float a, float b, float c, float d) => Vector128.Create(a, b, c, d);
    public static void Uniform(in RandomKey key, long firstRow, uint panelRow, float* output) => RandomBlock.Fill(key, firstRow, panelRow, output);
}
