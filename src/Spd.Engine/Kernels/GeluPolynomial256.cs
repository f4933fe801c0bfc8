using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Spd.Engine.Kernels;

/// <summary>
/// The GELU in portable vector instructions: <c>1 − Φ(a) = e^(−a²/2) t P(t)</c> with <c>t = 1 / (1 + p a)</c> (see <see cref="GeluCurve.Tail"/>).
/// </summary>
/// <remarks>No table and no permute, so that it also maps onto pairs of NEON registers. A NaN goes in through <c>a</c> and comes out.</remarks>
internal static class GeluPolynomial256
{
    private const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;

    // Adding 1.5 · 2^23 rounds to an integer, of which the low bits are then the integer itself.
    private const float Rounding = 12582912f;
    private const float HalfLogTwoE = 0.72134752044448170368f; // log₂(e) / 2
    private const float SmallestExponent = -126f;

    // Numbers, not arrays: the JIT takes them for constants.
    private static readonly float[] T = GeluCurve.Tail(), B = GeluCurve.PowerOfTwo();
    private static readonly float P0 = T[0], P1 = T[1], P2 = T[2], P3 = T[3], P4 = T[4], P5 = T[5], P6 = T[6], P7 = T[7], P8 = T[8];
    private static readonly float B1 = B[1], B2 = B[2], B3 = B[3], B4 = B[4], B5 = B[5];

    /// <summary>The gelu of every element: <c>max(z, 0) − a (1 − Φ(a))</c> with <c>a = |z|</c>.</summary>
    [MethodImpl(Inline)]
    public static Vector256<float> Gelu(Vector256<float> z)
    {
        Vector256<float> a = Vector256.Abs(z);
        Vector256<float> upper = Exponential(a) * Tail(a);
        return Vector256.FusedMultiplyAdd(-a, upper, Vector256.MaxNative(z, Vector256<float>.Zero));
    }

    /// <summary>The gelu and its derivative, <c>[z &gt; 0] − sgn(z) (1 − Φ(a) − a φ(a))</c>, which share the exponential and the tail.</summary>
    [MethodImpl(Inline)]
    public static (Vector256<float> Value, Vector256<float> Derivative) Both(Vector256<float> z)
    {
        Vector256<float> a = Vector256.Abs(z);
        Vector256<float> exponential = Exponential(a);
        Vector256<float> tail = Tail(a);
        Vector256<float> value = Vector256.FusedMultiplyAdd(-a, exponential * tail, Vector256.MaxNative(z, Vector256<float>.Zero));
        return (value, Step(z) - WithSign(Bracket(a, exponential, tail), z));
    }

    /// <summary>The derivative of the gelu at every element.</summary>
    [MethodImpl(Inline)] public static Vector256<float> Derivative(Vector256<float> z) => Both(z).Derivative;

    /// <summary><c>1 − Φ(a) − a φ(a) = e^(−a²/2) (t P(t) − a/√(2π))</c>, which is <c>½ − E'(a)</c>.</summary>
    [MethodImpl(Inline)]
    private static Vector256<float> Bracket(Vector256<float> a, Vector256<float> exponential, Vector256<float> tail) =>
        exponential * Vector256.FusedMultiplyAdd(a, Vector256.Create(-(float)GeluCurve.DensityHeight), tail);

    /// <summary><c>e^(−a²/2)</c>, at least 2^−126.</summary>
    [MethodImpl(Inline)]
    private static Vector256<float> Exponential(Vector256<float> a)
    {
        Vector256<float> exponent = Vector256.MaxNative(a * a * Vector256.Create(-HalfLogTwoE), Vector256.Create(SmallestExponent));
        Vector256<float> rounded = exponent + Vector256.Create(Rounding);
        Vector256<float> f = exponent - (rounded - Vector256.Create(Rounding));
        Vector256<float> power = Vector256.Create(B5);
        power = Vector256.FusedMultiplyAdd(power, f, Vector256.Create(B4));
        power = Vector256.FusedMultiplyAdd(power, f, Vector256.Create(B3));
        power = Vector256.FusedMultiplyAdd(power, f, Vector256.Create(B2));
        power = Vector256.FusedMultiplyAdd(power, f, Vector256.Create(B1));
        power = Vector256.FusedMultiplyAdd(power, f, Vector256<float>.One);
        return (power.AsInt32() + (rounded.AsInt32() << 23)).AsSingle();
    }

    /// <summary><c>t P(t)</c> with <c>t = 1 / (1 + p a)</c>.</summary>
    [MethodImpl(Inline)]
    private static Vector256<float> Tail(Vector256<float> a)
    {
        Vector256<float> t = Vector256<float>.One / Vector256.FusedMultiplyAdd(a, Vector256.Create(GeluCurve.TailRate), Vector256<float>.One);
        Vector256<float> p = Vector256.Create(P8);
        p = Vector256.FusedMultiplyAdd(p, t, Vector256.Create(P7));
        p = Vector256.FusedMultiplyAdd(p, t, Vector256.Create(P6));
        p = Vector256.FusedMultiplyAdd(p, t, Vector256.Create(P5));
        p = Vector256.FusedMultiplyAdd(p, t, Vector256.Create(P4));
        p = Vector256.FusedMultiplyAdd(p, t, Vector256.Create(P3));
        p = Vector256.FusedMultiplyAdd(p, t, Vector256.Create(P2));
        p = Vector256.FusedMultiplyAdd(p, t, Vector256.Create(P1));
        p = Vector256.FusedMultiplyAdd(p, t, Vector256.Create(P0));
        return p * t;
    }

    /// <summary><paramref name="magnitude"/> with its sign turned where <paramref name="sign"/> is negative.</summary>
    [MethodImpl(Inline)]
    private static Vector256<float> WithSign(Vector256<float> magnitude, Vector256<float> sign) => magnitude ^ (sign & Vector256.Create(-0f));

    // One where z is positive, and at +0 as well, so that the derivative is ½ at either zero.
    [MethodImpl(Inline)]
    private static Vector256<float> Step(Vector256<float> z) =>
        Vector256.AndNot(Vector256<float>.One, (z.AsInt32() >> 31).AsSingle());
}
