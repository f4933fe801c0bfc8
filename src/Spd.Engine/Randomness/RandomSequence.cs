using Spd.Engine.Kernels;

namespace Spd.Engine;

/// <summary>Random numbers one after the other, for initial weights and other rare draws; same seed and stream, same sequence.</summary>
public sealed class RandomSequence(ulong seed, uint stream, uint step = 0)
{
    private uint _counter;
    private double? _spare;

    /// <summary>The next number in [0, 1).</summary>
    public double NextUniform()
    {
        var (x0, x1, _, _) = RandomBlock.Words(seed, _counter++, uint.MaxValue, step, stream);
        return ((((ulong)x0 << 32) | x1) >> 11) * (1.0 / (1UL << 53));
    }

    /// <summary>The next number of the standard normal distribution (Box and Muller, 1958).</summary>
    public double NextNormal()
    {
        if (_spare is { } spare)
        {
            _spare = null;
            return spare;
        }

        double radius = Math.Sqrt(-2 * Math.Log(1 - NextUniform())), angle = 2 * Math.PI * NextUniform();
        _spare = radius * Math.Sin(angle);
        return radius * Math.Cos(angle);
    }

    /// <summary>Fills with numbers of N(0, <paramref name="deviation"/>²).</summary>
    public void FillNormal(Span<float> values, double deviation = 1)
    {
        foreach (ref float value in values) value = (float)(deviation * NextNormal());
    }

    /// <summary>Fills with numbers uniform in [<paramref name="low"/>, <paramref name="high"/>).</summary>
    public void FillUniform(Span<float> values, double low, double high)
    {
        foreach (ref float value in values) value = (float)(low + (high - low) * NextUniform());
    }
}
