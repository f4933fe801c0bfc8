using Spd.Engine.Kernels;

namespace Spd.Decomposition;

/// <summary>Lower-leaky hard sigmoid, for masks: <c>0.01x</c> below 0, <c>x</c> up to 1, then 1. Its gradient can pull a dead subcomponent back.</summary>
public readonly record struct LowerLeakyHardSigmoid : IUnaryFunction
{
    /// <summary>The slope below 0.</summary>
    public const float Leak = 0.01f;

    public TVector Value<TVector, TSimd>(TVector x) where TVector : struct where TSimd : struct, ISimd<TVector> =>
        TSimd.SelectGreater(x, TSimd.Zero, TSimd.SelectGreater(x, TSimd.Create(1), TSimd.Create(1), x), TSimd.Multiply(TSimd.Create(Leak), x));

    public TVector Backward<TVector, TSimd>(TVector x, TVector dy) where TVector : struct where TSimd : struct, ISimd<TVector> =>
        TSimd.SelectGreater(x, TSimd.Zero, TSimd.SelectGreater(x, TSimd.Create(1), TSimd.Zero, dy), TSimd.Multiply(TSimd.Create(Leak), dy));
}

/// <summary>Upper-leaky hard sigmoid, for the minimality loss: 0 below 0, <c>x</c> up to 1, then <c>1 + 0.01 (x − 1)</c>.</summary>
public readonly record struct UpperLeakyHardSigmoid : IUnaryFunction
{
    /// <summary>The slope above 1.</summary>
    public const float Leak = 0.01f;

    public TVector Value<TVector, TSimd>(TVector x) where TVector : struct where TSimd : struct, ISimd<TVector>
    {
        var beyond = TSimd.MultiplyAdd(TSimd.Create(Leak), TSimd.Subtract(x, TSimd.Create(1)), TSimd.Create(1));
        // A NaN is neither above nor below anything; it comes out as itself.
        return TSimd.SelectGreater(TSimd.Zero, x, TSimd.Zero, TSimd.SelectGreater(x, TSimd.Create(1), beyond, x));
    }

    public TVector Backward<TVector, TSimd>(TVector x, TVector dy) where TVector : struct where TSimd : struct, ISimd<TVector> =>
        TSimd.SelectGreater(x, TSimd.Zero, TSimd.SelectGreater(x, TSimd.Create(1), TSimd.Multiply(TSimd.Create(Leak), dy), dy), TSimd.Zero);
}
