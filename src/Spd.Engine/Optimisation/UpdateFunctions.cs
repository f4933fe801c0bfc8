using Spd.Engine.Kernels;

namespace Spd.Engine.Optimisation;

/// <summary><c>scale · x</c>.</summary>
internal readonly record struct Scaled(float Scale) : IUnaryMap
{
    TVector IUnaryMap.Value<TVector, TSimd>(TVector x) => TSimd.Multiply(TSimd.Create(Scale), x);
}

/// <summary>x within bounds; a NaN stays one.</summary>
internal readonly record struct Clamp(float Low, float High) : IUnaryMap
{
    TVector IUnaryMap.Value<TVector, TSimd>(TVector x)
    {
        TVector low = TSimd.Create(Low), high = TSimd.Create(High);
        return TSimd.SelectGreater(low, x, low, TSimd.SelectGreater(x, high, high, x));
    }
}

/// <summary><c>a + scale · b</c>.</summary>
internal readonly record struct AddScaled(float Scale) : IBinaryMap
{
    TVector IBinaryMap.Value<TVector, TSimd>(TVector a, TVector b) => TSimd.MultiplyAdd(TSimd.Create(Scale), b, a);
}

/// <summary><c>a + scale · sign(b)</c>; the sign of a NaN is 0.</summary>
internal readonly record struct AddSign(float Scale) : IBinaryMap
{
    TVector IBinaryMap.Value<TVector, TSimd>(TVector a, TVector b)
    {
        var negative = TSimd.SelectGreater(TSimd.Zero, b, TSimd.Create(-Scale), TSimd.Zero);
        return TSimd.Add(a, TSimd.SelectGreater(b, TSimd.Zero, TSimd.Create(Scale), negative));
    }
}
