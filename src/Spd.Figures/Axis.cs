using System.Globalization;

namespace Spd.Figures;

/// <summary>One tick of an axis.</summary>
internal readonly record struct Tick(double Value, string Label);

/// <summary>A range of values laid over a range of pixels, with ticks at round numbers.</summary>
internal sealed class Axis
{
    private const double Largest = 1e150;

    private Axis(double minimum, double maximum, bool logarithmic, IReadOnlyList<Tick> ticks)
    {
        Minimum = minimum;
        Maximum = maximum;
        Logarithmic = logarithmic;
        Ticks = ticks;
    }

    public double Minimum { get; }

    public double Maximum { get; }

    public bool Logarithmic { get; }

    public IReadOnlyList<Tick> Ticks { get; }

    /// <summary>Whether a value can be placed on an axis: finite, not astronomically large and, on a log axis, above zero.</summary>
    public static bool CanShow(double value, bool logarithmic = false) =>
        Math.Abs(value) <= Largest && (!logarithmic || value >= 1 / Largest);

    /// <summary>A linear axis from a tick at or below the minimum to a tick at or above the maximum.</summary>
    public static Axis Linear(double minimum, double maximum, int intervals)
    {
        (minimum, maximum) = Widen(minimum, maximum);
        double step = RoundStep((maximum - minimum) / intervals);
        var ticks = LinearTicks(Math.Floor((minimum / step) + 1e-9), Math.Ceiling((maximum / step) - 1e-9), step);
        return new Axis(ticks[0].Value, ticks[^1].Value, logarithmic: false, ticks);
    }

    /// <summary>A linear axis of exactly the given range, with the round ticks inside it.</summary>
    public static Axis Exact(double minimum, double maximum, int intervals)
    {
        (minimum, maximum) = Widen(minimum, maximum);
        double step = RoundStep((maximum - minimum) / intervals);
        var ticks = LinearTicks(Math.Ceiling((minimum / step) - 1e-9), Math.Floor((maximum / step) + 1e-9), step);
        return new Axis(minimum, maximum, logarithmic: false, ticks);
    }

    /// <summary>A base-ten axis: ticks at decades, or at 1, 2 and 5 in each decade where the range is short.</summary>
    public static Axis Log(double minimum, double maximum)
    {
        if (maximum <= minimum * (1 + 1e-9)) (minimum, maximum) = (minimum / 2, maximum * 2);
        var (low, high) = (Math.Log10(minimum), Math.Log10(maximum));
        var ticks = high - low <= 2 ? FineLogTicks(minimum, maximum) : DecadeTicks(low, high);
        return new Axis(ticks[0].Value, ticks[^1].Value, logarithmic: true, ticks);
    }

    /// <summary>A base-ten axis for counts from one upwards, with room below one so that a count of one has a height.</summary>
    public static Axis Counts(double maximum)
    {
        double decades = Math.Max(1, Math.Log10(Math.Max(1, maximum)));
        return new Axis(0.5, Math.Pow(10, Math.Ceiling(decades - 1e-9)), logarithmic: true, [.. DecadeTicks(0, decades).Where(tick => tick.Value >= 1)]);
    }

    /// <summary>The position of a value between two pixel positions of the axis' ends.</summary>
    public double Place(double value, double start, double end)
    {
        double share = Logarithmic
            ? (Math.Log10(value) - Math.Log10(Minimum)) / (Math.Log10(Maximum) - Math.Log10(Minimum))
            : (value - Minimum) / (Maximum - Minimum);
        return start + (share * (end - start));
    }

    /// <summary>Formats a number for a tick or caption: plain where short, else with an exponent.</summary>
    public static string Format(double value, int digits = 4)
    {
        if (value == 0) return "0";
        double magnitude = Math.Abs(value);
        if (magnitude is < 1e-3 or >= 1e6) return value.ToString("0." + new string('#', digits) + "e0", CultureInfo.InvariantCulture);
        int decimals = Math.Clamp(digits - 1 - (int)Math.Floor(Math.Log10(magnitude)), 0, 9);
        return value.ToString("0." + new string('#', decimals), CultureInfo.InvariantCulture);
    }

    // What does not change is seen against zero: a range about it would show its rounding.
    private static (double Minimum, double Maximum) Widen(double minimum, double maximum)
    {
        double size = Math.Max(Math.Abs(minimum), Math.Abs(maximum));
        if (size < 1 / Largest) return (0, 1);
        return maximum - minimum > size * 1e-8 ? (minimum, maximum) : (Math.Min(0, minimum * 1.25), Math.Max(0, maximum * 1.25));
    }

    /// <summary>The step of 1, 2 or 5 times a power of ten whose ratio to the raw step is nearest to one.</summary>
    private static double RoundStep(double raw)
    {
        double power = PowerOfTen((int)Math.Floor(Math.Log10(raw)));
        double mantissa = raw / power;
        return power * mantissa switch
        {
            < 1.41 => 1,
            < 3.16 => 2,
            < 7.07 => 5,
            _ => 10,
        };
    }

    private static Tick[] LinearTicks(double first, double last, double step)
    {
        double largest = Math.Max(Math.Abs(first), Math.Abs(last)) * step;
        bool plain = largest is >= 1e-3 and < 1e6 && step >= 1e-6;
        var ticks = new Tick[Math.Max(0, (int)(last - first) + 1)];
        for (int index = 0; index < ticks.Length; index++)
        {
            double value = double.Parse(((first + index) * step).ToString("G12", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
            ticks[index] = new Tick(value, plain ? value.ToString("0.######", CultureInfo.InvariantCulture) : Format(value, digits: 10));
        }

        return ticks;
    }

    private static Tick[] FineLogTicks(double minimum, double maximum)
    {
        List<double> candidates = [];
        for (int power = (int)Math.Floor(Math.Log10(minimum)) - 1; power <= (int)Math.Floor(Math.Log10(maximum)) + 1; power++)
            candidates.AddRange([PowerOfTen(power), 2 * PowerOfTen(power), 5 * PowerOfTen(power)]);
        int first = candidates.FindLastIndex(value => value <= minimum * (1 + 1e-9));
        int last = candidates.FindIndex(value => value >= maximum * (1 - 1e-9));
        return [.. candidates[first..(last + 1)].Select(value => new Tick(value, Format(value)))];
    }

    // Where not every decade has a tick, the largest has: what ends at 1 should not seem to go on to 10.
    private static Tick[] DecadeTicks(double low, double high)
    {
        var (first, last) = ((int)Math.Floor(low + 1e-9), (int)Math.Ceiling(high - 1e-9));
        int stride = (last - first + 7) / 8;
        var ticks = new Tick[((last - first + stride - 1) / stride) + 1];
        for (int index = 0; index < ticks.Length; index++)
        {
            double value = PowerOfTen(last - ((ticks.Length - 1 - index) * stride));
            ticks[index] = new Tick(value, Format(value));
        }

        return ticks;
    }

    private static double PowerOfTen(int exponent) => double.Parse($"1e{exponent}", CultureInfo.InvariantCulture);
}
