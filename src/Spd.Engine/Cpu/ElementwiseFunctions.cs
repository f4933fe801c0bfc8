using System.Runtime.CompilerServices;
using Spd.Engine.Kernels;

namespace Spd.Engine.Cpu;

// The functions of the elementwise operations, written for any vector. What each is stands at its operation.
internal readonly struct ReluFunction : IUnaryFunction
{
    TVector IUnaryMap.Value<TVector, TSimd>(TVector x) => TSimd.SelectGreater(TSimd.Zero, x, TSimd.Zero, x);
    TVector IUnaryFunction.Backward<TVector, TSimd>(TVector x, TVector dy) => TSimd.SelectGreater(x, TSimd.Zero, dy, TSimd.Zero);
}

internal readonly struct GeluFunction : IUnaryFunction
{
    TVector IUnaryMap.Value<TVector, TSimd>(TVector x) => TSimd.Gelu(x);
    TVector IUnaryFunction.Backward<TVector, TSimd>(TVector x, TVector dy) => TSimd.Multiply(TSimd.GeluDerivative(x), dy);
}

/// <summary>Computed as <c>x σ(2√(2/π) (x + 0.044715 x³))</c>, which keeps the negative tail.</summary>
internal readonly struct GeluTanhFunction : IUnaryFunction
{
    private const float Slope = 1.5957691216057308f; // 2√(2/π)
    private const float Cubic = 0.044715f;
    // From here on the function is x or 0 to the last bit of a float, while the argument's derivative goes on growing.
    private const float TailsEnd = 20;

    TVector IUnaryMap.Value<TVector, TSimd>(TVector x) => TSimd.Multiply(x, TSimd.Sigmoid(Argument<TVector, TSimd>(x)));
    TVector IUnaryFunction.Backward<TVector, TSimd>(TVector x, TVector dy)
    {
        var argument = Argument<TVector, TSimd>(x);
        var slope = TSimd.MultiplyAdd(TSimd.Create(3 * Cubic * Slope), TSimd.Multiply(x, x), TSimd.Create(Slope));
        var bend = TSimd.Multiply(TSimd.Multiply(x, slope), TSimd.SigmoidDerivative(argument));
        var within = TSimd.SelectGreater(TSimd.Create(TailsEnd), TSimd.Abs(x), bend, TSimd.Zero);
        return TSimd.Multiply(TSimd.Add(TSimd.Sigmoid(argument), within), dy);
    }

    private static TVector Argument<TVector, TSimd>(TVector x) where TVector : struct where TSimd : struct, ISimd<TVector> =>
        TSimd.Multiply(x, TSimd.MultiplyAdd(TSimd.Create(Cubic * Slope), TSimd.Multiply(x, x), TSimd.Create(Slope)));
}

internal readonly struct TanhFunction : IUnaryFunction
{
    TVector IUnaryMap.Value<TVector, TSimd>(TVector x) => TSimd.Tanh(x);

    // 1 − tanh² cancels far out; 4 σ'(2x) is the same and does not.
    TVector IUnaryFunction.Backward<TVector, TSimd>(TVector x, TVector dy) =>
        TSimd.Multiply(TSimd.Multiply(TSimd.Create(4), TSimd.SigmoidDerivative(TSimd.Add(x, x))), dy);
}

internal readonly struct SigmoidFunction : IUnaryFunction
{
    TVector IUnaryMap.Value<TVector, TSimd>(TVector x) => TSimd.Sigmoid(x);
    TVector IUnaryFunction.Backward<TVector, TSimd>(TVector x, TVector dy) => TSimd.Multiply(TSimd.SigmoidDerivative(x), dy);
}

internal readonly struct SiluFunction : IUnaryFunction
{
    TVector IUnaryMap.Value<TVector, TSimd>(TVector x) => TSimd.Multiply(x, TSimd.Sigmoid(x));
    TVector IUnaryFunction.Backward<TVector, TSimd>(TVector x, TVector dy) =>
        TSimd.Multiply(TSimd.MultiplyAdd(x, TSimd.SigmoidDerivative(x), TSimd.Sigmoid(x)), dy);
}

internal readonly struct AbsoluteFunction : IUnaryFunction
{
    TVector IUnaryMap.Value<TVector, TSimd>(TVector x) => TSimd.Abs(x);
    TVector IUnaryFunction.Backward<TVector, TSimd>(TVector x, TVector dy) =>
        TSimd.SelectGreater(x, TSimd.Zero, dy, TSimd.SelectGreater(TSimd.Zero, x, TSimd.Subtract(TSimd.Zero, dy), TSimd.Zero));
}

internal readonly struct PowerFunction(float exponent, float offset) : IUnaryFunction
{
    TVector IUnaryMap.Value<TVector, TSimd>(TVector x) => Raise<TVector, TSimd>(x, exponent);
    TVector IUnaryFunction.Backward<TVector, TSimd>(TVector x, TVector dy) =>
        TSimd.Multiply(TSimd.Multiply(TSimd.Create(exponent), Raise<TVector, TSimd>(x, exponent - 1)), dy);

    private TVector Raise<TVector, TSimd>(TVector x, float power) where TVector : struct where TSimd : struct, ISimd<TVector> =>
        TSimd.Exp(TSimd.Multiply(TSimd.Create(power), TSimd.Log(TSimd.Add(x, TSimd.Create(offset)))));
}

internal readonly struct AboveFunction(float threshold) : IUnaryFunction
{
    TVector IUnaryMap.Value<TVector, TSimd>(TVector x) => TSimd.SelectGreater(x, TSimd.Create(threshold), TSimd.Create(1), TSimd.Zero);
    TVector IUnaryFunction.Backward<TVector, TSimd>(TVector x, TVector dy) => TSimd.Zero;
}

internal readonly struct LowerLeakyFunction : IUnaryFunction
{
    private const float Leak = 0.01f;

    TVector IUnaryMap.Value<TVector, TSimd>(TVector x) =>
        TSimd.SelectGreater(x, TSimd.Zero, TSimd.SelectGreater(x, TSimd.Create(1), TSimd.Create(1), x), TSimd.Multiply(TSimd.Create(Leak), x));
    TVector IUnaryFunction.Backward<TVector, TSimd>(TVector x, TVector dy) =>
        TSimd.SelectGreater(x, TSimd.Zero, TSimd.SelectGreater(x, TSimd.Create(1), TSimd.Zero, dy), TSimd.Multiply(TSimd.Create(Leak), dy));
}

internal readonly struct UpperLeakyFunction : IUnaryFunction
{
    private const float Leak = 0.01f;

    TVector IUnaryMap.Value<TVector, TSimd>(TVector x)
    {
        var beyond = TSimd.MultiplyAdd(TSimd.Create(Leak), TSimd.Subtract(x, TSimd.Create(1)), TSimd.Create(1));
        // A NaN is neither above nor below anything; it comes out as itself.
        return TSimd.SelectGreater(TSimd.Zero, x, TSimd.Zero, TSimd.SelectGreater(x, TSimd.Create(1), beyond, x));
    }

    TVector IUnaryFunction.Backward<TVector, TSimd>(TVector x, TVector dy) =>
        TSimd.SelectGreater(x, TSimd.Zero, TSimd.SelectGreater(x, TSimd.Create(1), TSimd.Multiply(TSimd.Create(Leak), dy), dy), TSimd.Zero);
}

internal readonly struct HardSigmoidFunction(float leak) : IUnaryFunction
{
    TVector IUnaryMap.Value<TVector, TSimd>(TVector x)
    {
        var one = TSimd.Create(1);
        var beyond = TSimd.MultiplyAdd(TSimd.Create(leak), TSimd.Subtract(x, one), one);
        return TSimd.SelectGreater(TSimd.Zero, x, TSimd.Zero, TSimd.SelectGreater(x, one, beyond, x));
    }

    TVector IUnaryFunction.Backward<TVector, TSimd>(TVector x, TVector dy) =>
        TSimd.SelectGreater(TSimd.Zero, x, TSimd.Zero, TSimd.SelectGreater(x, TSimd.Create(1), TSimd.Multiply(TSimd.Create(leak), dy), dy));
}

internal readonly struct LeakyHardSigmoidFunction(bool isSymmetric) : IUnaryFunction
{
    private const float Leak = 0.01f;

    TVector IUnaryMap.Value<TVector, TSimd>(TVector x) =>
        TSimd.SelectGreater(TSimd.Zero, x, TSimd.Zero, TSimd.SelectGreater(x, TSimd.Create(1), TSimd.Create(1), x));

    TVector IUnaryFunction.Backward<TVector, TSimd>(TVector x, TVector dy)
    {
        var (one, leaked) = (TSimd.Create(1), TSimd.Multiply(TSimd.Create(Leak), dy));
        var rising = TSimd.SelectGreater(TSimd.Zero, dy, leaked, TSimd.Zero);
        // At 1 itself the gradient passes, but where it leaks there too.
        var above = isSymmetric
            ? TSimd.SelectGreater(one, x, dy, TSimd.SelectGreater(dy, TSimd.Zero, leaked, TSimd.Zero))
            : TSimd.SelectGreater(x, one, TSimd.Zero, dy);
        return TSimd.SelectGreater(x, TSimd.Zero, above, rising);
    }
}

internal readonly struct SwishHardSigmoidFunction : IUnaryFunction
{
    private const float Sharpness = 10;

    TVector IUnaryMap.Value<TVector, TSimd>(TVector x) => TSimd.Subtract(Swish<TVector, TSimd>(x), Swish<TVector, TSimd>(TSimd.Subtract(x, TSimd.Create(1))));

    TVector IUnaryFunction.Backward<TVector, TSimd>(TVector x, TVector dy) =>
        TSimd.Multiply(TSimd.Subtract(Slope<TVector, TSimd>(x), Slope<TVector, TSimd>(TSimd.Subtract(x, TSimd.Create(1)))), dy);

    private static TVector Swish<TVector, TSimd>(TVector x) where TVector : struct where TSimd : struct, ISimd<TVector> =>
        TSimd.Multiply(x, TSimd.Sigmoid(TSimd.Multiply(TSimd.Create(Sharpness), x)));

    private static TVector Slope<TVector, TSimd>(TVector x) where TVector : struct where TSimd : struct, ISimd<TVector>
    {
        var scaled = TSimd.Multiply(TSimd.Create(Sharpness), x);
        return TSimd.MultiplyAdd(scaled, TSimd.SigmoidDerivative(scaled), TSimd.Sigmoid(scaled));
    }
}

internal readonly struct AffineFunction(float scale, float shift) : IUnaryFunction
{
    TVector IUnaryMap.Value<TVector, TSimd>(TVector x) => TSimd.MultiplyAdd(TSimd.Create(scale), x, TSimd.Create(shift));
    TVector IUnaryFunction.Backward<TVector, TSimd>(TVector x, TVector dy) => TSimd.Multiply(TSimd.Create(scale), dy);
}

internal readonly struct FrequencyCostFunction(float count) : IUnaryFunction
{
    private const float Log2E = 1.44269504f;

    TVector IUnaryMap.Value<TVector, TSimd>(TVector x) => TSimd.Multiply(x, Log2<TVector, TSimd>(x));
    TVector IUnaryFunction.Backward<TVector, TSimd>(TVector x, TVector dy)
    {
        var counted = Counted<TVector, TSimd>(x);
        var bend = TSimd.Divide(TSimd.Multiply(TSimd.Create(Log2E), counted), TSimd.Add(TSimd.Create(1), counted));
        return TSimd.Multiply(TSimd.Add(Log2<TVector, TSimd>(x), bend), dy);
    }

    private TVector Log2<TVector, TSimd>(TVector x) where TVector : struct where TSimd : struct, ISimd<TVector> =>
        TSimd.Multiply(TSimd.Create(Log2E), TSimd.Log(TSimd.Add(Counted<TVector, TSimd>(x), TSimd.Create(1))));

    // Padding may be below zero, and is to be finite.
    private TVector Counted<TVector, TSimd>(TVector x) where TVector : struct where TSimd : struct, ISimd<TVector>
    {
        var counted = TSimd.Multiply(TSimd.Create(count), x);
        return TSimd.SelectGreater(TSimd.Zero, counted, TSimd.Zero, counted);
    }
}

/// <summary>γ² being <paramref name="squaredWidth"/>.</summary>
internal readonly struct SmoothCountFunction(float squaredWidth, bool isOneAtOne) : IUnaryFunction
{
    private readonly float _factor = isOneAtOne ? 1 + squaredWidth : 1;

    TVector IUnaryMap.Value<TVector, TSimd>(TVector x)
    {
        var square = TSimd.Multiply(x, x);
        return TSimd.Divide(TSimd.Multiply(TSimd.Create(_factor), square), TSimd.Add(square, TSimd.Create(squaredWidth)));
    }

    TVector IUnaryFunction.Backward<TVector, TSimd>(TVector x, TVector dy)
    {
        var sum = TSimd.MultiplyAdd(x, x, TSimd.Create(squaredWidth));
        // 2 γ² x / (x² + γ²)², divided twice: the square of a small sum would be no number of normal size.
        var slope = TSimd.Divide(TSimd.Divide(TSimd.Multiply(TSimd.Create(2 * squaredWidth * _factor), x), sum), sum);
        return TSimd.Multiply(slope, dy);
    }
}

internal readonly struct MultiplyFunction : IBinaryFunction
{
    TVector IBinaryMap.Value<TVector, TSimd>(TVector a, TVector b) => TSimd.Multiply(a, b);
    TVector IBinaryFunction.BackwardFirst<TVector, TSimd>(TVector a, TVector b, TVector dy) => TSimd.Multiply(b, dy);
    TVector IBinaryFunction.BackwardSecond<TVector, TSimd>(TVector a, TVector b, TVector dy) => TSimd.Multiply(a, dy);
}

internal readonly struct InterpolateFunction : IBinaryFunction
{
    TVector IBinaryMap.Value<TVector, TSimd>(TVector a, TVector b) => TSimd.MultiplyAdd(TSimd.Subtract(TSimd.Create(1), a), b, a);
    TVector IBinaryFunction.BackwardFirst<TVector, TSimd>(TVector a, TVector b, TVector dy) =>
        TSimd.Multiply(TSimd.Subtract(TSimd.Create(1), b), dy);
    TVector IBinaryFunction.BackwardSecond<TVector, TSimd>(TVector a, TVector b, TVector dy) =>
        TSimd.Multiply(TSimd.Subtract(TSimd.Create(1), a), dy);
}

internal readonly struct SwiGluFunction : IBinaryFunction
{
    private const float MinusLog2E = -1.44269504f;

    TVector IBinaryMap.Value<TVector, TSimd>(TVector a, TVector b) => TSimd.Multiply(TSimd.Multiply(a, Logistic<TVector, TSimd>(a)), b);

    // silu' = σ (1 + a (1 − σ)).
    TVector IBinaryFunction.BackwardFirst<TVector, TSimd>(TVector a, TVector b, TVector dy)
    {
        var s = Logistic<TVector, TSimd>(a);
        var slope = TSimd.Multiply(s, TSimd.MultiplyAdd(a, TSimd.Subtract(TSimd.Create(1), s), TSimd.Create(1)));
        return TSimd.Multiply(slope, TSimd.Multiply(b, dy));
    }

    TVector IBinaryFunction.BackwardSecond<TVector, TSimd>(TVector a, TVector b, TVector dy) =>
        TSimd.Multiply(TSimd.Multiply(a, Logistic<TVector, TSimd>(a)), dy);

    // 1 / (1 + 2^(−a log2 e)); beyond ±87, where the power ends, it is 0 or 1 to the last bit that counts.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Logistic<TVector, TSimd>(TVector a) where TVector : struct where TSimd : struct, ISimd<TVector>
    {
        var (end, one) = (TSimd.Create(87), TSimd.Create(1));
        var bounded = TSimd.SelectGreater(TSimd.Subtract(TSimd.Zero, end), a, TSimd.Subtract(TSimd.Zero, end), a);
        return TSimd.Divide(one, TSimd.Add(one, TSimd.Exp2(TSimd.Multiply(bounded, TSimd.Create(MinusLog2E)))));
    }
}

internal readonly struct AffineBelowFunction(float threshold, float scale, float shift) : IBinaryFunction
{
    TVector IBinaryMap.Value<TVector, TSimd>(TVector a, TVector b) =>
        TSimd.SelectGreater(TSimd.Create(threshold), a, TSimd.MultiplyAdd(b, TSimd.Create(scale), TSimd.Create(shift)), TSimd.Zero);
    TVector IBinaryFunction.BackwardFirst<TVector, TSimd>(TVector a, TVector b, TVector dy) => TSimd.Zero;
    TVector IBinaryFunction.BackwardSecond<TVector, TSimd>(TVector a, TVector b, TVector dy) =>
        TSimd.SelectGreater(TSimd.Create(threshold), a, TSimd.Multiply(TSimd.Create(scale), dy), TSimd.Zero);
}

/// <summary><c>f'(x) dy</c> as a function of x and dy.</summary>
internal readonly struct Slope<TFunction>(TFunction function) : IBinaryMap
    where TFunction : struct, IUnaryFunction
{
    TVector IBinaryMap.Value<TVector, TSimd>(TVector a, TVector b) => function.Backward<TVector, TSimd>(a, b);
}
