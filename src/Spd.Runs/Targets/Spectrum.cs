namespace Spd.Runs.Targets;

/// <summary>How a function's power is shared among frequencies, its mean left out.</summary>
/// <param name="Shares">The share of frequency k + 1 at place k; all 0 where the function is constant.</param>
internal sealed record Spectrum(IReadOnlyList<double> Shares)
{
    /// <summary>The share from which a function is said to be a frequency.</summary>
    public const double Pure = 0.9;

    // Of a constant in float32, what rounding leaves.
    private const double Negligible = 1e-9;

    /// <summary>The frequency of the largest share, from 1.</summary>
    public int Largest { get; } = 1 + Shares.Index().MaxBy(entry => entry.Item).Index;

    /// <summary>Its share.</summary>
    public double LargestShare => Shares[Largest - 1];

    /// <summary>Whether it is one frequency, as far as <see cref="Pure"/> says.</summary>
    public bool IsPure => LargestShare >= Pure;

    /// <summary>The spectrum of a function on the residues of a modulus, by the discrete Fourier transform: frequencies 1 to p/2, sine and cosine together.</summary>
    public static Spectrum Of(IReadOnlyList<double> values)
    {
        int p = values.Count;
        double[] powers = new double[p / 2];
        for (int k = 1; k <= powers.Length; k++)
        {
            double cosine = 0, sine = 0;
            for (int n = 0; n < p; n++)
            {
                double angle = 2 * Math.PI * ((long)k * n % p) / p;
                cosine += values[n] * Math.Cos(angle);
                sine += values[n] * Math.Sin(angle);
            }

            // Frequencies k and p − k are one, but for p/2.
            powers[k - 1] = (2 * k == p ? 1 : 2) * (cosine * cosine + sine * sine) / p;
        }

        return OfPowers(powers, values.Sum(value => value * value));
    }

    /// <summary>The spectrum of given powers.</summary>
    /// <param name="powers">The power of each frequency, from 1.</param>
    /// <param name="whole">The power of the function with its mean, beside which the others may be nothing but rounding.</param>
    public static Spectrum OfPowers(double[] powers, double whole)
    {
        double sum = powers.Sum();
        return new Spectrum([.. powers.Select(power => sum > Negligible * whole ? power / sum : 0)]);
    }
}
