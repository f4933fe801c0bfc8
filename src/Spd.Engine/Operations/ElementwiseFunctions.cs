using Spd.Engine.Kernels;

namespace Spd.Engine.Operations;

/// <summary><c>max(x, 0)</c>; derivative 0 at zero.</summary>
public readonly record struct Relu : IUnaryFunction
{
    public TVector Value<TVector, TSimd>(TVector x) where TVector : struct where TSimd : struct, ISimd<TVector> =>
        TSimd.SelectGreater(TSimd.Zero, x, TSimd.Zero, x);

    public TVector Backward<TVector, TSimd>(TVector x, TVector dy) where TVector : struct where TSimd : struct, ISimd<TVector> =>
        TSimd.SelectGreater(x, TSimd.Zero, dy, TSimd.Zero);
}

/// <summary>The exact (erf) GELU, <c>x Φ(x)</c>.</summary>
public readonly record struct Gelu : IUnaryFunction
{
    public TVector Value<TVector, TSimd>(TVector x) where TVector : struct where TSimd : struct, ISimd<TVector> => TSimd.Gelu(x);

    public TVector Backward<TVector, TSimd>(TVector x, TVector dy) where TVector : struct where TSimd : struct, ISimd<TVector> =>
        TSimd.Multiply(TSimd.GeluDerivative(x), dy);
}

/// <summary>
/// The GELU with a tanh in place of the error function, PyTorch's <c>approximate='tanh'</c>: <c>x/2 (1 + tanh(√(2/π) (x + 0.044715 x³)))</c>,
/// computed as <c>x σ(2√(2/π) (x + 0.044715 x³))</c>, which keeps the negative tail.
/// </summary>
public readonly record struct GeluTanh : IUnaryFunction
{
    private const float Slope = 1.5957691216057308f; // 2√(2/π)
    private const float Cubic = 0.044715f;
    // From here on the function is x or 0 to the last bit of a float, while the argument's derivative goes on growing.
    private const float TailsEnd = 20;

    public TVector Value<TVector, TSimd>(TVector x) where TVector : struct where TSimd : struct, ISimd<TVector> =>
        TSimd.Multiply(x, TSimd.Sigmoid(Argument<TVector, TSimd>(x)));

    public TVector Backward<TVector, TSimd>(TVector x, TVector dy) where TVector : struct where TSimd : struct, ISimd<TVector>
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

/// <summary>The hyperbolic tangent.</summary>
public readonly record struct Tanh : IUnaryFunction
{
    public TVector Value<TVector, TSimd>(TVector x) where TVector : struct where TSimd : struct, ISimd<TVector> => TSimd.Tanh(x);

    public TVector Backward<TVector, TSimd>(TVector x, TVector dy) where TVector : struct where TSimd : struct, ISimd<TVector>
    {
        // 1 − tanh² cancels far out; 4 σ'(2x) is the same and does not.
        var slope = TSimd.Multiply(TSimd.Create(4), TSimd.SigmoidDerivative(TSimd.Add(x, x)));
        return TSimd.Multiply(slope, dy);
    }
}

/// <summary>The logistic function, <c>σ(x) = 1 / (1 + e^−x)</c>.</summary>
public readonly record struct Sigmoid : IUnaryFunction
{
    public TVector Value<TVector, TSimd>(TVector x) where TVector : struct where TSimd : struct, ISimd<TVector> => TSimd.Sigmoid(x);

    public TVector Backward<TVector, TSimd>(TVector x, TVector dy) where TVector : struct where TSimd : struct, ISimd<TVector> =>
        TSimd.Multiply(TSimd.SigmoidDerivative(x), dy);
}

/// <summary>The SiLU, or swish: <c>x σ(x)</c>.</summary>
public readonly record struct Silu : IUnaryFunction
{
    public TVector Value<TVector, TSimd>(TVector x) where TVector : struct where TSimd : struct, ISimd<TVector> => TSimd.Multiply(x, TSimd.Sigmoid(x));

    public TVector Backward<TVector, TSimd>(TVector x, TVector dy) where TVector : struct where TSimd : struct, ISimd<TVector> =>
        TSimd.Multiply(TSimd.MultiplyAdd(x, TSimd.SigmoidDerivative(x), TSimd.Sigmoid(x)), dy);
}

/// <summary><c>|x|</c>; derivative 0 at zero.</summary>
public readonly record struct Absolute : IUnaryFunction
{
    public TVector Value<TVector, TSimd>(TVector x) where TVector : struct where TSimd : struct, ISimd<TVector> => TSimd.Abs(x);

    public TVector Backward<TVector, TSimd>(TVector x, TVector dy) where TVector : struct where TSimd : struct, ISimd<TVector> =>
        TSimd.SelectGreater(x, TSimd.Zero, dy, TSimd.SelectGreater(TSimd.Zero, x, TSimd.Subtract(TSimd.Zero, dy), TSimd.Zero));
}

/// <summary><c>(x + offset)^exponent</c> for x ≥ 0 and an offset above 0.</summary>
public readonly record struct Power(float Exponent, float Offset) : IUnaryFunction
{
    public TVector Value<TVector, TSimd>(TVector x) where TVector : struct where TSimd : struct, ISimd<TVector> => Raise<TVector, TSimd>(x, Exponent);

    public TVector Backward<TVector, TSimd>(TVector x, TVector dy) where TVector : struct where TSimd : struct, ISimd<TVector> =>
        TSimd.Multiply(TSimd.Multiply(TSimd.Create(Exponent), Raise<TVector, TSimd>(x, Exponent - 1)), dy);

    private TVector Raise<TVector, TSimd>(TVector x, float exponent) where TVector : struct where TSimd : struct, ISimd<TVector> =>
        TSimd.Exp(TSimd.Multiply(TSimd.Create(exponent), TSimd.Log(TSimd.Add(x, TSimd.Create(Offset)))));
}

/// <summary><c>a · b</c>, entry by entry.</summary>
public readonly record struct Multiplication : IBinaryFunction
{
    public TVector Value<TVector, TSimd>(TVector a, TVector b) where TVector : struct where TSimd : struct, ISimd<TVector> => TSimd.Multiply(a, b);

    public TVector BackwardFirst<TVector, TSimd>(TVector a, TVector b, TVector dy) where TVector : struct where TSimd : struct, ISimd<TVector> =>
        TSimd.Multiply(b, dy);

    public TVector BackwardSecond<TVector, TSimd>(TVector a, TVector b, TVector dy) where TVector : struct where TSimd : struct, ISimd<TVector> =>
        TSimd.Multiply(a, dy);
}
