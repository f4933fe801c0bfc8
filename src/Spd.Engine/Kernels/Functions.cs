namespace Spd.Engine.Kernels;

/// <summary>A function of one value with its derivative, written for any vector.</summary>
public interface IUnaryFunction
{
    /// <summary>f(x).</summary>
    TVector Value<TVector, TSimd>(TVector x) where TVector : struct where TSimd : struct, ISimd<TVector>;

    /// <summary><c>f'(x) · dy</c>; where f' is zero, zero is selected, so that an infinite <paramref name="dy"/> does not become NaN.</summary>
    TVector Backward<TVector, TSimd>(TVector x, TVector dy) where TVector : struct where TSimd : struct, ISimd<TVector>;
}

/// <summary>A function of two values with its derivatives, written for any vector.</summary>
public interface IBinaryFunction
{
    /// <summary>f(a, b).</summary>
    TVector Value<TVector, TSimd>(TVector a, TVector b) where TVector : struct where TSimd : struct, ISimd<TVector>;

    /// <summary><c>∂f/∂a · dy</c>.</summary>
    TVector BackwardFirst<TVector, TSimd>(TVector a, TVector b, TVector dy) where TVector : struct where TSimd : struct, ISimd<TVector>;

    /// <summary><c>∂f/∂b · dy</c>.</summary>
    TVector BackwardSecond<TVector, TSimd>(TVector a, TVector b, TVector dy) where TVector : struct where TSimd : struct, ISimd<TVector>;
}
