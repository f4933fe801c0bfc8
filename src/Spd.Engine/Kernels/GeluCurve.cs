namespace Spd.Engine.Kernels;

/// <summary>
/// The curve behind the GELU in double precision, and the float coefficients that the vector kernels evaluate it with, computed once at start-up.
/// </summary>
/// <remarks>
/// <para>With Φ the normal distribution function, <c>E(a) = a (Φ(a) − ½)</c> is even, so <c>gelu(z) = z/2 + E(|z|)</c> and
/// <c>gelu'(z) = ½ + sgn(z) E'(|z|)</c>.</para>
/// <para><see cref="Table(int)"/> cuts <c>a ≥ 0</c> into intervals around the multiples of <see cref="IntervalWidth"/>.
/// The width is a power of two, so rounding <c>a</c> to a multiple of it is one addition (see <see cref="Rounding"/>), and the distance to the
/// centre is exact. The last interval has no end: there E is <c>a/2</c> to the last bit of a float.</para>
/// </remarks>
internal static class GeluCurve
{
    /// <summary>Intervals of the table, and the distance between the centres of two of them.</summary>
    public const int Intervals = 32;
    public const float IntervalWidth = 0.25f;

    /// <summary>
    /// <c>2^23 · <see cref="IntervalWidth"/></c>: floats from here on are multiples of <see cref="IntervalWidth"/>, so adding this to <c>a</c> rounds it
    /// to the centre of its interval and leaves the interval's number in the low bits.
    /// </summary>
    public const float Rounding = 8388608f * IntervalWidth;

    /// <summary>p of the variable <c>t = 1 / (1 + p a)</c> in which <see cref="Tail"/> is a polynomial; chosen by trial for the smallest error.</summary>
    public const float TailRate = 0.28f;

    /// <summary>1/√(2π), the height of the normal density φ.</summary>
    public const double DensityHeight = 0.39894228040143267794;

    private const int TailCount = 9;
    private const double SeriesEnd = 3.0;

    /// <summary>The distribution function of the standard normal, Φ(x), to double precision.</summary>
    public static double NormalCumulative(double x)
    {
        if (double.IsNaN(x)) return x;
        double a = Math.Abs(x);
        if (a < SeriesEnd) return 0.5 + CentralSeries(x);
        double upper = Density(a) * Mills(a);
        return x > 0 ? 1 - upper : upper;
    }

    /// <summary>The density of the standard normal, φ(x).</summary>
    public static double Density(double x) => DensityHeight * Math.Exp(-0.5 * x * x);

    public static double Gelu(double z) => z * NormalCumulative(z);

    public static double GeluDerivative(double z) => NormalCumulative(z) + z * Density(z);

    /// <summary>E(a) = a (Φ(a) − ½).</summary>
    public static double Value(double a) => a * Central(a);

    /// <summary>E'(a) = Φ(a) − ½ + a φ(a).</summary>
    public static double Derivative(double a) => Central(a) + a * Density(a);

    /// <summary>
    /// The polynomials of the table, coefficient by coefficient: element <c>[j · Intervals + i]</c> multiplies <c>(a − i · IntervalWidth)^j</c>.
    /// The derivative of a polynomial is the interpolation of E' at Chebyshev nodes, so both E and E' may be taken from the same coefficients.
    /// </summary>
    public static float[] Table(int degree)
    {
        float[] table = new float[(degree + 1) * Intervals];
        for (int i = 0; i < Intervals; i++)
        {
            double center = i * (double)IntervalWidth;
            bool last = i == Intervals - 1;
            double[] slope = last ? [0.5] : Interpolate(Derivative, center, IntervalWidth / 2, degree);
            table[i] = (float)(last ? 0.5 * center : Value(center));
            for (int j = 0; j < slope.Length; j++) table[(j + 1) * Intervals + i] = (float)(slope[j] / (j + 1));
        }
        return table;
    }

    /// <summary>
    /// The polynomial P with <c>1 − Φ(a) = e^(−a²/2) t P(t)</c>, <c>t = 1 / (1 + p a)</c>, for every <c>a ≥ 0</c>; lowest power first.
    /// Because the falling exponential is a factor, both GELU and its derivative keep their relative accuracy far into the negative tail.
    /// </summary>
    public static float[] Tail()
    {
        double Quotient(double t) => DensityHeight * Mills((1 / t - 1) / TailRate) / t;
        return AroundZero(Interpolate(Quotient, 0.5, 0.5, TailCount), 0.5);
    }

    /// <summary>The polynomial of <c>2^f</c> for <c>|f| ≤ ½</c>; lowest power first, the constant exactly one.</summary>
    public static float[] PowerOfTwo()
    {
        double Quotient(double f) => Math.Abs(f) < 1e-9 ? Math.Log(2) : (Math.Exp(f * Math.Log(2)) - 1) / f;
        return [1f, .. Interpolate(Quotient, 0, 0.5, 5).Select(coefficient => (float)coefficient)];
    }

    private static double Central(double a) => a < SeriesEnd ? CentralSeries(a) : 0.5 - Density(a) * Mills(a);

    // Φ(x) − ½ = φ(x) (x + x³/3 + x⁵/(3·5) + …): every term has the same sign.
    private static double CentralSeries(double x)
    {
        double term = x, sum = x;
        for (int n = 3; Math.Abs(term) > 1e-18 * Math.Abs(sum); n += 2)
        {
            term *= x * x / n;
            sum += term;
        }
        return Density(x) * sum;
    }

    // (1 − Φ(a)) / φ(a): from the series near zero, else by the continued fraction 1/(a + 1/(a + 2/(a + 3/(a + …)))).
    private static double Mills(double a)
    {
        if (a < SeriesEnd) return (0.5 - CentralSeries(a)) / Density(a);
        double denominator = a;
        for (int n = 200; n >= 1; n--) denominator = a + n / denominator;
        return 1 / denominator;
    }

    // The polynomial in (x − center) through f at `count` Chebyshev nodes of [center − radius, center + radius].
    private static double[] Interpolate(Func<double, double> f, double center, double radius, int count)
    {
        double[] polynomial = new double[count], previous = new double[count], current = new double[count]; // the last two: T_(j−1) and T_j, by powers
        current[0] = 1;
        for (int j = 0; j < count; j++)
        {
            double weight = 0;
            for (int node = 0; node < count; node++)
            {
                double angle = Math.PI * (2 * node + 1) / (2 * count);
                weight += f(center + radius * Math.Cos(angle)) * Math.Cos(j * angle);
            }
            weight *= (j == 0 ? 1.0 : 2.0) / count;
            double scale = 1;
            for (int power = 0; power < count; power++, scale /= radius) polynomial[power] += weight * current[power] * scale;

            double[] next = new double[count];
            for (int power = 0; power < count; power++)
                next[power] = (power > 0 ? (j == 0 ? 1 : 2) * current[power - 1] : 0) - (j == 0 ? 0 : previous[power]);
            (previous, current) = (current, next);
        }
        return polynomial;
    }

    // Σ_j c_j (x − center)^j by powers of x.
    private static float[] AroundZero(double[] coefficients, double center)
    {
        double[] result = new double[coefficients.Length];
        for (int j = coefficients.Length - 1; j >= 0; j--)
        {
            for (int power = coefficients.Length - 1; power >= 1; power--) result[power] = result[power - 1] - center * result[power];
            result[0] = coefficients[j] - center * result[0];
        }
        return [.. result.Select(coefficient => (float)coefficient)];
    }
}
