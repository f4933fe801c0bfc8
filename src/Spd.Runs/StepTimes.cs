using System.Diagnostics;

namespace Spd.Runs;

/// <summary>How long the steps took, without what lies between them.</summary>
/// <param name="steps">How many steps are expected.</param>
public sealed class StepTimes(int steps)
{
    private const int MostReserved = 1 << 16;

    private readonly List<double> _milliseconds = new(Math.Min(steps, MostReserved));
    private long _start = Stopwatch.GetTimestamp();

    /// <summary>Steps that were timed.</summary>
    public int Count => _milliseconds.Count;

    /// <summary>Starts timing the next step.</summary>
    public void Restart() => _start = Stopwatch.GetTimestamp();

    /// <summary>Ends the step, and starts the next.</summary>
    public void Record()
    {
        _milliseconds.Add(Stopwatch.GetElapsedTime(_start).TotalMilliseconds);
        Restart();
    }

    /// <summary>A quantile, from 0 to 1, of the steps from number <paramref name="from"/> on; NaN without steps.</summary>
    public double Quantile(double share, int from = 0)
    {
        if (_milliseconds.Count <= from) return double.NaN;
        var sorted = _milliseconds[from..];
        sorted.Sort();
        return sorted[(int)Math.Round(share * (sorted.Count - 1))];
    }
}
