using System.Diagnostics;
using Spd.Runs.Log;

namespace Spd.Runs;

/// <summary>Tells the observer where the run stands: at every line of the log, and in between ten times a second.</summary>
internal sealed class ProgressTicker(IExperiment config, RunLog log, IRunObserver observer)
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);

    private long _toldAt = Stopwatch.GetTimestamp();

    /// <summary>Tells it, if it is time.</summary>
    public void Tell(int taken)
    {
        var latest = log.Latest ?? new MetricRecord { Step = 0 };
        bool isLine = latest.Step == taken;
        if (!isLine && Stopwatch.GetElapsedTime(_toldAt) <= Interval) return;
        _toldAt = Stopwatch.GetTimestamp();
        observer.Progress(new RunProgress(taken, config.Steps, isLine ? latest.MsPerStep : log.RecentMsPerStep, latest, isLine));
    }
}
