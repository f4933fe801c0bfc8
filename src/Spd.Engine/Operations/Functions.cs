using Spd.Engine.Kernels;

namespace Spd.Engine.Operations;

/// <summary><c>max(x, 0)</c>; derivative 0 at zero.</summary>
public readonly record struct Relu : IUnaryFunction
{
    /// <inheritdoc/>
    public TVector Value<TVector, TSimd>(TVector x) where TVector : struct where TSimd : struct, ISimd<TVector> =>
        TSimd.SelectGreater(TSimd.Zero, x, TSimd.Zero, x);

    /// <inheritdoc/>
    public TVector Backward<TVector, TSimd>(TVector x, TVector dy) where TVector : struct where TSimd : struct, ISimd<TVector> =>
        TSimd.SelectGreater(x, TSimd.Zero, dy, TSimd.Zero);
}

/// <summary>The exact (erf) GELU, <c>x Φ(x)</c>.</summary>
public readonly record struct Gelu : IUnaryFunction
{
    /// <inheritdoc/>
    public TVector Value<TVector, TSimd>(TVector x) where TVector : struct where TSimd : struct, ISimd<TVector> => TSimd.Gelu(x);

    /// <inheritdoc/>
    public TVector Backward<TVector, TSimd>(TVector x, TVector dy) where TVector : struct where TSimd : struct, ISimd<TVector> =>
        TSimd.Multiply(TSimd.GeluDerivative(x), dy);
}

/// <summary><c>|x|</c>; derivative 0 at zero.</summary>
public readonly record struct Absolute : IUnaryFunction
{
    /// <inheritdoc/>
    public TVector Value<TVector, TSimd>(TVector x) where TVector : struct where TSimd : struct, ISimd<TVector> => TSimd.Abs(x);

    /// <inheritdoc/>
    public TVector Backward<TVector, TSimd>(TVector x, TVector dy) where TVector : struct where TSimd : struct, ISimd<TVector> =>
        TSimd.SelectGreater(x, TSimd.Zero, dy, TSimd.SelectGreater(TSimd.Zero, x, TSimd.Subtract(TSimd.Zero, dy), TSimd.Zero));
}

/// <summary><c>a + b</c>.</summary>
public readonly record struct Addition : IBinaryFunction
{
    /// <inheritdoc/>
    public TVector Value<TVector, TSimd>(TVector a, TVector b) where TVector : struct where TSimd : struct, ISimd<TVector> => TSimd.Add(a, b);

    /// <inheritdoc/>
    public TVector BackwardFirst<TVector, TSimd>(TVector a, TVector b, TVector dy) where TVector : struct where TSimd : struct, ISimd<TVector> => dy;

    /// <inheritdoc/>
    public TVector BackwardSecond<TVector, TSimd>(TVector a, TVector b, TVector dy) where TVector : struct where TSimd : struct, ISimd<TVector> => dy;
}

/// <summary><c>a · b</c>, entry by entry.</summary>
public readonly record struct Multiplication : IBinaryFunction
{
    /// <inheritdoc/>
    public TVector Value<TVector, TSimd>(TVector a, TVector b) where TVector : struct where TSimd : struct, ISimd<TVector> => TSimd.Multiply(a, b);

    /// <inheritdoc/>
    public TVector BackwardFirst<TVector, TSimd>(TVector a, TVector b, TVector dy) where TVector : struct where TSimd : struct, ISimd<TVector> =>
        TSimd.Multiply(b, dy);

    /// <inheritdoc/>
    public TVector BackwardSecond<TVector, TSimd>(TVector a, TVector b, TVector dy) where TVector : struct where TSimd : struct, ISimd<TVector> =>
        TSimd.Multiply(a, dy);
}
