namespace Spd.Runs;

/// <summary>How long the steps took, without what lies between them.</summary>
/// <param name="steps">How many steps are expected.</param>
/// <param name="clock">What times them; by default the system's clock.</param>
public sealed class StepTimes(int steps, TimeProvider? clock = null)
{
    private const int MostReserved = 1 << 16;

    private readonly TimeProvider _clock = clock ?? TimeProvider.System;
    private readonly List<double> _milliseconds = new(Math.Min(steps, MostReserved));
    private long _start = (clock ?? TimeProvider.System).GetTimestamp();

    /// <summary>Steps that were timed.</summary>
    public int Count => _milliseconds.Count;

    /// <summary>Starts timing the next step.</summary>
    public void Restart() => _start = _clock.GetTimestamp();

    /// <summary>Ends the step, and starts the next.</summary>
    public void Record()
    {
        _milliseconds.Add(_clock.GetElapsedTime(_start).TotalMilliseconds);
        Restart();
    }

    /// <summary>A quantile of the steps; NaN without steps.</summary>
    /// <param name="share">From 0, the fastest step, to 1, the slowest.</param>
    /// <param name="from">How many steps at the beginning are left out.</param>
    public double Quantile(double share, int from = 0)
    {
        if (_milliseconds.Count <= from) return double.NaN;
        var sorted = _milliseconds[from..];
        sorted.Sort();
        return sorted[(int)Math.Round(share * (sorted.Count - 1))];
    }
}
