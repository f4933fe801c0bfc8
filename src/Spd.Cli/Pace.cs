using System.Diagnostics;

namespace Spd.Cli;

/// <summary>Tells how far a work is, sparingly: nothing of one that takes seconds, then a line whenever a tenth more time has gone by.</summary>
internal sealed class Pace
{
    private static readonly TimeSpan Shortest = TimeSpan.FromSeconds(10);

    private readonly long _start = Stopwatch.GetTimestamp();
    private TimeSpan _told;

    /// <summary>Shows a sentence without its full stop on standard error, if it is time.</summary>
    public void Report(string sentence)
    {
        var now = Stopwatch.GetElapsedTime(_start);
        if (now - _told < Shortest || now - _told < _told / 10) return;
        _told = now;
        Screen.Report($"{sentence}.");
    }
}
