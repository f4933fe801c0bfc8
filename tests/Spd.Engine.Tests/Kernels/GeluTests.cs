using System.Runtime.Intrinsics;
using Spd.Engine.Kernels;

namespace Spd.Engine.Tests.Kernels;

public sealed class GeluTests
{
    // Φ(x) to 17 digits from tables.
    [Theory]
    [InlineData(0.0, 0.5)]
    [InlineData(0.5, 0.69146246127401310)]
    [InlineData(1.0, 0.84134474606854293)]
    [InlineData(2.0, 0.97724986805182079)]
    [InlineData(-1.0, 0.15865525393145705)]
    [InlineData(-3.0, 0.0013498980316300946)]
    [InlineData(-6.0, 9.8658764503769814e-10)]
    [InlineData(-10.0, 7.6198530241605261e-24)]
    public void CumulativeDistribution(double x, double expected) =>
        Assert.Equal(1.0, GeluCurve.NormalCumulative(x) / expected, 1e-12);

    [Fact]
    public void CumulativeDistributionMatchesTheIntegralOfTheDensity()
    {
        for (double x = -5; x <= 5; x += 0.37) Assert.Equal(Cumulative(x), GeluCurve.NormalCumulative(x), 2e-11);
    }

    [Fact]
    public void CurveIsTheGeluWithoutItsLinearHalf()
    {
        for (double z = -8; z <= 8; z += 0.13)
        {
            Assert.Equal(Gelu(z), 0.5 * z + GeluCurve.Value(Math.Abs(z)), 1e-10);
            Assert.Equal(Derivative(z), 0.5 + Math.Sign(z) * GeluCurve.Derivative(Math.Abs(z)), 1e-10);
        }
    }

    [Fact]
    public void Vector256IsAsExactAsAFloat()
    {
        Assert.SkipUnless(Vector256Kernels.IsSupported, "needs AVX2 and FMA, or NEON");
        CheckEverywhere(z => GeluPolynomial256.Gelu(Vector256.Create(z))[3], z => GeluPolynomial256.Derivative(Vector256.Create(z))[5]);
        CheckEverywhere(z => GeluPolynomial256.Both(Vector256.Create(z)).Value[3], z => GeluPolynomial256.Both(Vector256.Create(z)).Derivative[5]);
    }

    [Fact]
    public void Vector512IsAsExactAsAFloat()
    {
        Assert.SkipUnless(Vector512Kernels.IsSupported, "needs AVX-512");
        CheckEverywhere(z => GeluTable512.Gelu(Vector512.Create(z))[3], z => GeluTable512.Derivative(Vector512.Create(z))[5]);
    }

    /// <summary>The gelu by its definition, from the test's own integral of the normal density.</summary>
    internal static double Gelu(double z) => z * Cumulative(z);

    internal static double Derivative(double z) => Cumulative(z) + z * Density(z);

    private static double Density(double x) => Math.Exp(-0.5 * x * x) / Math.Sqrt(2 * Math.PI);

    // Φ by Simpson's rule from 0; beyond 9 it is 0 or 1 to double precision.
    private static double Cumulative(double x)
    {
        if (double.IsNaN(x)) return x;
        if (Math.Abs(x) > 9) return x > 0 ? 1 : 0;
        const int Steps = 256;
        double width = x / Steps;
        double sum = Density(0) + Density(x);
        for (int i = 1; i < Steps; i++) sum += (i % 2 == 0 ? 2 : 4) * Density(i * width);
        return 0.5 + sum * width / 3;
    }

    private static void CheckEverywhere(Func<float, float> gelu, Func<float, float> derivative)
    {
        for (float z = -12f; z <= 12f; z += 0.00371f) CheckAt(z, gelu(z), derivative(z));
        foreach (float z in new[] { 0f, -0f, 1e-30f, -1e-30f, 0.125f, 7.625f, -7.875f, 100f, -100f, 3e7f, -3e7f, 1e30f, -1e30f })
            CheckAt(z, gelu(z), derivative(z));
        Assert.True(float.IsNaN(gelu(float.NaN)));
        Assert.True(float.IsNaN(derivative(float.NaN)));
        Assert.Equal(0f, gelu(0f));
        Assert.Equal(0.5f, derivative(0f), 1e-6f);
    }

    private static void CheckAt(float z, float gelu, float derivative)
    {
        Assert.Equal(GeluCurve.Gelu(z), gelu, 3e-7 * Math.Max(1, Math.Abs(z)));
        Assert.Equal(GeluCurve.GeluDerivative(z), derivative, 5e-7);
    }
}
