namespace Spd.Engine.Kernels;

/// <summary>A function of one value, written for any vector.</summary>
public interface IUnaryMap
{
    /// <summary>f(x).</summary>
    TVector Value<TVector, TSimd>(TVector x) where TVector : struct where TSimd : struct, ISimd<TVector>;
}

/// <summary>A function of one value with its derivative.</summary>
public interface IUnaryFunction : IUnaryMap
{
    /// <summary><c>f'(x) · dy</c>; where f' is zero, zero is selected, so that an infinite <paramref name="dy"/> does not become NaN.</summary>
    TVector Backward<TVector, TSimd>(TVector x, TVector dy) where TVector : struct where TSimd : struct, ISimd<TVector>;
}

/// <summary>A function of two values, written for any vector.</summary>
public interface IBinaryMap
{
    /// <summary>f(a, b).</summary>
    TVector Value<TVector, TSimd>(TVector a, TVector b) where TVector : struct where TSimd : struct, ISimd<TVector>;
}

/// <summary>A function of two values with its derivatives.</summary>
public interface IBinaryFunction : IBinaryMap
{
    /// <summary><c>∂f/∂a · dy</c>.</summary>
    TVector BackwardFirst<TVector, TSimd>(TVector a, TVector b, TVector dy) where TVector : struct where TSimd : struct, ISimd<TVector>;

    /// <summary><c>∂f/∂b · dy</c>.</summary>
    TVector BackwardSecond<TVector, TSimd>(TVector a, TVector b, TVector dy) where TVector : struct where TSimd : struct, ISimd<TVector>;
}
