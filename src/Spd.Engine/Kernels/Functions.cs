namespace Spd.Engine.Kernels;

/// <summary>A function of one value, f(x), written for any vector.</summary>
internal interface IUnaryMap
{
    TVector Value<TVector, TSimd>(TVector x) where TVector : struct where TSimd : struct, ISimd<TVector>;
}

/// <summary>A function of one value with its derivative.</summary>
internal interface IUnaryFunction : IUnaryMap
{
    /// <summary><c>f'(x) · dy</c>; where f' is zero, zero is selected, so that an infinite <paramref name="dy"/> does not become NaN.</summary>
    TVector Backward<TVector, TSimd>(TVector x, TVector dy) where TVector : struct where TSimd : struct, ISimd<TVector>;
}

/// <summary>A function of two values, f(a, b), written for any vector.</summary>
internal interface IBinaryMap
{
    TVector Value<TVector, TSimd>(TVector a, TVector b) where TVector : struct where TSimd : struct, ISimd<TVector>;
}

/// <summary>A function of two values with its derivatives, <c>∂f/∂a · dy</c> and <c>∂f/∂b · dy</c>.</summary>
internal interface IBinaryFunction : IBinaryMap
{
    TVector BackwardFirst<TVector, TSimd>(TVector a, TVector b, TVector dy) where TVector : struct where TSimd : struct, ISimd<TVector>;

    TVector BackwardSecond<TVector, TSimd>(TVector a, TVector b, TVector dy) where TVector : struct where TSimd : struct, ISimd<TVector>;
}
