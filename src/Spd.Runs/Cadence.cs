namespace Spd.Runs;

/// <summary>Behind which steps of a run something happens.</summary>
/// <param name="Every">Steps between two times; null for never.</param>
/// <param name="WithFirst">Whether the first step is always one of them.</param>
/// <param name="WithLast">Whether the last step may be one of them.</param>
internal readonly record struct Cadence(int? Every, bool WithFirst = false, bool WithLast = true)
{
    /// <summary>Whether it is due behind a step of a run.</summary>
    /// <param name="taken">Steps taken, at least 1.</param>
    /// <param name="steps">Steps of the run.</param>
    public bool IsDue(int taken, int steps) => (WithLast || taken < steps) && ((WithFirst && taken == 1) || (Every is { } interval && taken % interval == 0));
}
