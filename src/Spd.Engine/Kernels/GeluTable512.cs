using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Spd.Engine.Kernels;

/// <summary>The GELU on AVX-512: <see cref="GeluCurve.Table(int)"/> held in registers and looked up with a two-register permute.</summary>
/// <remarks>
/// Degree 4 gives E, degree 5 gives E and E' together; the error of either is that of the float arithmetic.
/// A NaN goes through the distance to the interval's centre, so it always comes out; so does an infinity, as NaN.
/// </remarks>
internal static class GeluTable512
{
    private const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;

    private static readonly float[] ValueTable = GeluCurve.Table(degree: 4), SlopeTable = GeluCurve.Table(degree: 5);

    /// <summary>Whether this processor has the instructions.</summary>
    public static bool IsSupported => Vector512.IsHardwareAccelerated && Avx512F.IsSupported && Avx512DQ.IsSupported;

    /// <summary>The gelu of every element.</summary>
    [MethodImpl(Inline)]
    public static Vector512<float> Gelu(Vector512<float> z)
    {
        Vector512<float> a = Vector512.Abs(z);
        Vector512<float> rounded = Round(a);
        Vector512<int> interval = rounded.AsInt32();
        Vector512<float> d = Distance(a, rounded);
        Vector512<float> e = Value(4, interval);
        e = Vector512.FusedMultiplyAdd(e, d, Value(3, interval));
        e = Vector512.FusedMultiplyAdd(e, d, Value(2, interval));
        e = Vector512.FusedMultiplyAdd(e, d, Value(1, interval));
        e = Vector512.FusedMultiplyAdd(e, d, Value(0, interval));
        return Vector512.FusedMultiplyAdd(z, Vector512.Create(0.5f), e);
    }

    /// <summary>The derivative of the gelu at every element.</summary>
    [MethodImpl(Inline)]
    public static Vector512<float> Derivative(Vector512<float> z)
    {
        Vector512<float> a = Vector512.Abs(z);
        Vector512<float> rounded = Round(a);
        Vector512<int> interval = rounded.AsInt32();
        Vector512<float> d = Distance(a, rounded);
        Vector512<float> slope = Slope(5, interval) * 5f;
        slope = Vector512.FusedMultiplyAdd(slope, d, Slope(4, interval) * 4f);
        slope = Vector512.FusedMultiplyAdd(slope, d, Slope(3, interval) * 3f);
        slope = Vector512.FusedMultiplyAdd(slope, d, Slope(2, interval) * 2f);
        slope = Vector512.FusedMultiplyAdd(slope, d, Slope(1, interval));
        return WithSign(slope, z) + Vector512.Create(0.5f);
    }

    /// <summary>The centre of the interval of <paramref name="a"/> ≥ 0 plus <see cref="GeluCurve.Rounding"/>; its low bits are the interval's number.</summary>
    [MethodImpl(Inline)]
    public static Vector512<float> Round(Vector512<float> a) => Avx512F.Min(
        a + Vector512.Create(GeluCurve.Rounding),
        Vector512.Create(GeluCurve.Rounding + (GeluCurve.Intervals - 1) * GeluCurve.IntervalWidth));

    /// <summary>The exact distance of <paramref name="a"/> to the centre of its interval; NaN when <paramref name="a"/> is.</summary>
    [MethodImpl(Inline)]
    public static Vector512<float> Distance(Vector512<float> a, Vector512<float> rounded) => a - (rounded - Vector512.Create(GeluCurve.Rounding));

    /// <summary><paramref name="magnitude"/> with its sign turned where <paramref name="sign"/> is negative.</summary>
    [MethodImpl(Inline)]
    public static Vector512<float> WithSign(Vector512<float> magnitude, Vector512<float> sign)
    {
        const byte MagnitudeXorSignAndMask = 0x78;
        return Avx512F.TernaryLogic(magnitude, sign, Vector512.Create(-0f), MagnitudeXorSignAndMask);
    }

    /// <summary>Coefficient <paramref name="power"/> of E, degree 4: the first or the last sixteen intervals.</summary>
    [MethodImpl(Inline)] public static Vector512<float> ValueHalf(int power, int half) => Half(ValueTable, power, half);

    /// <summary>Coefficient <paramref name="power"/> of E, degree 5: the first or the last sixteen intervals.</summary>
    [MethodImpl(Inline)] public static Vector512<float> SlopeHalf(int power, int half) => Half(SlopeTable, power, half);

    [MethodImpl(Inline)]
    private static Vector512<float> Half(float[] table, int power, int half) =>
        Vector512.LoadUnsafe(ref table[power * GeluCurve.Intervals + half * Vector512<float>.Count]);

    [MethodImpl(Inline)]
    private static Vector512<float> Value(int power, Vector512<int> interval) =>
        Avx512F.PermuteVar16x32x2(ValueHalf(power, 0), interval, ValueHalf(power, 1));

    [MethodImpl(Inline)]
    private static Vector512<float> Slope(int power, Vector512<int> interval) =>
        Avx512F.PermuteVar16x32x2(SlopeHalf(power, 0), interval, SlopeHalf(power, 1));
}
