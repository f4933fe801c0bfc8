using System.Runtime.CompilerServices;

namespace Spd.Engine.Kernels;

/// <summary>
/// The functions that the vector kernels make of an exponential, for any width. They only ever take e to a power that is not positive, so nothing
/// overflows, and both tails keep their relative accuracy.
/// </summary>
internal static class ExponentialFunctions<TVector, TSimd>
    where TVector : struct
    where TSimd : struct, ISimd<TVector>
{
    private const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;

    // Below this, tanh is an odd polynomial, since 1 − e^(−2|x|) cancels. Its coefficients make (tanh(a)/a − 1)/a² exact at five Chebyshev nodes of
    // 0 ≤ a² ≤ 0.625², which leaves a relative error of 2e-8.
    private const float SeriesEnd = 0.625f;
    private const float C3 = -0.333333284f, C5 = 0.133327693f, C7 = -0.0538509078f, C9 = 0.0209971797f, C11 = -0.00609671418f;

    // The polynomial of degree 6 whose largest relative error from 2^f on −½ ≤ f ≤ ½ is least, 1.9e-09; in floats it is 1 at 0.
    private const float P0 = 1f, P1 = 0.6931472057372676f, P2 = 0.24022646890634652f, P3 = 0.055503287769653374f;
    private const float P4 = 0.009618488957075231f, P5 = 0.0013399931219193481f, P6 = 0.00015345812011544304f;

    /// <summary>Added to a float, it leaves in the last bits the whole number that is nearest.</summary>
    public const float Rounding = 12582912f;

    /// <summary>2^a, of at least −126.</summary>
    [MethodImpl(Inline)]
    public static TVector Exp2(TVector a)
    {
        a = TSimd.Max(TSimd.Create(-126), a);
        TVector rounding = TSimd.Create(Rounding), whole = TSimd.Add(a, rounding);
        return TSimd.Scale(PowerOfTwo(TSimd.Subtract(a, TSimd.Subtract(whole, rounding))), whole);
    }

    /// <summary>2^a and 2^b, of at least −126, with the bits of one alone. Every step waits for the one before it: two chains of them, in turns, take little longer.</summary>
    [MethodImpl(Inline)]
    public static (TVector A, TVector B) Exp2(TVector a, TVector b)
    {
        TVector rounding = TSimd.Create(Rounding), least = TSimd.Create(-126);
        a = TSimd.Max(least, a);
        b = TSimd.Max(least, b);
        TVector wholeA = TSimd.Add(a, rounding), wholeB = TSimd.Add(b, rounding);
        a = TSimd.Subtract(a, TSimd.Subtract(wholeA, rounding));
        b = TSimd.Subtract(b, TSimd.Subtract(wholeB, rounding));
        TVector p = TSimd.MultiplyAdd(TSimd.Create(P6), a, TSimd.Create(P5)), q = TSimd.MultiplyAdd(TSimd.Create(P6), b, TSimd.Create(P5));
        (p, q) = (TSimd.MultiplyAdd(p, a, TSimd.Create(P4)), TSimd.MultiplyAdd(q, b, TSimd.Create(P4)));
        (p, q) = (TSimd.MultiplyAdd(p, a, TSimd.Create(P3)), TSimd.MultiplyAdd(q, b, TSimd.Create(P3)));
        (p, q) = (TSimd.MultiplyAdd(p, a, TSimd.Create(P2)), TSimd.MultiplyAdd(q, b, TSimd.Create(P2)));
        (p, q) = (TSimd.MultiplyAdd(p, a, TSimd.Create(P1)), TSimd.MultiplyAdd(q, b, TSimd.Create(P1)));
        (p, q) = (TSimd.MultiplyAdd(p, a, TSimd.Create(P0)), TSimd.MultiplyAdd(q, b, TSimd.Create(P0)));
        return (TSimd.Scale(p, wholeA), TSimd.Scale(q, wholeB));
    }

    /// <summary>2^f for |f| ≤ ½.</summary>
    [MethodImpl(Inline)]
    public static TVector PowerOfTwo(TVector f)
    {
        var p = TSimd.MultiplyAdd(TSimd.Create(P6), f, TSimd.Create(P5));
        p = TSimd.MultiplyAdd(p, f, TSimd.Create(P4));
        p = TSimd.MultiplyAdd(p, f, TSimd.Create(P3));
        p = TSimd.MultiplyAdd(p, f, TSimd.Create(P2));
        p = TSimd.MultiplyAdd(p, f, TSimd.Create(P1));
        return TSimd.MultiplyAdd(p, f, TSimd.Create(P0));
    }

    [MethodImpl(Inline)]
    public static TVector Tanh(TVector x)
    {
        var (zero, one) = (TSimd.Zero, TSimd.Create(1));
        var a = TSimd.Abs(x);
        var square = TSimd.Multiply(x, x);
        var p = TSimd.MultiplyAdd(TSimd.Create(C11), square, TSimd.Create(C9));
        p = TSimd.MultiplyAdd(p, square, TSimd.Create(C7));
        p = TSimd.MultiplyAdd(p, square, TSimd.Create(C5));
        p = TSimd.MultiplyAdd(p, square, TSimd.Create(C3));
        var central = TSimd.MultiplyAdd(TSimd.Multiply(x, square), p, x);
        var e = TSimd.Exp(TSimd.Multiply(a, TSimd.Create(-2)));
        var outer = TSimd.Divide(TSimd.Subtract(one, e), TSimd.Add(one, e));
        return TSimd.SelectGreater(TSimd.Create(SeriesEnd), a, central, TSimd.SelectGreater(x, zero, outer, TSimd.Subtract(zero, outer)));
    }

    [MethodImpl(Inline)]
    public static TVector Sigmoid(TVector x)
    {
        var one = TSimd.Create(1);
        var e = TSimd.Exp(TSimd.Subtract(TSimd.Zero, TSimd.Abs(x)));
        return TSimd.Divide(TSimd.SelectGreater(TSimd.Zero, x, e, one), TSimd.Add(one, e));
    }

    [MethodImpl(Inline)]
    public static TVector SigmoidDerivative(TVector x)
    {
        var e = TSimd.Exp(TSimd.Subtract(TSimd.Zero, TSimd.Abs(x)));
        var sum = TSimd.Add(TSimd.Create(1), e);
        return TSimd.Divide(e, TSimd.Multiply(sum, sum));
    }
}
