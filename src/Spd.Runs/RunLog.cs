using System.Diagnostics;
using Spd.Decomposition;
using Spd.Runs.Log;

namespace Spd.Runs;

/// <summary>The log of a run in progress: measures a batch for every line, and knows the lines and the times of the steps.</summary>
internal sealed class RunLog : IDisposable
{
    private readonly IExperiment _config;
    private readonly IDecomposition _decomposition;
    private readonly MetricLog _file;
    private readonly List<MetricRecord> _lines;
    private readonly long _start = Stopwatch.GetTimestamp();
    private int _timedAtLine;

    /// <summary>Goes on with the log of a folder where a checkpoint was taken, or begins it.</summary>
    /// <exception cref="IOException">It cannot be read or written.</exception>
    public RunLog(IExperiment config, IDecomposition decomposition, string path, int linesBefore, double secondsBefore = 0)
    {
        (_config, _decomposition, Times) = (config, decomposition, new StepTimes(config.Steps));
        (_file, var kept) = MetricLog.Continue(path, linesBefore, decomposition.Training.StepsTaken);
        _lines = [.. kept];
        SecondsBefore = Math.Max(secondsBefore, Latest?.Seconds ?? 0);
    }

    /// <summary>The lines so far.</summary>
    public IReadOnlyList<MetricRecord> Lines => _lines;

    /// <summary>The last line; null before the first.</summary>
    public MetricRecord? Latest => _lines.LastOrDefault();

    /// <summary>Seconds of the run until it was gone on with.</summary>
    public double SecondsBefore { get; }

    /// <summary>How long the steps took.</summary>
    public StepTimes Times { get; }

    /// <summary>Median milliseconds of the steps since the last line, the last 200 at most.</summary>
    public double RecentMsPerStep => Times.Quantile(0.5, Math.Max(_timedAtLine, Times.Count - 200));

    /// <summary>Measures, and adds a line.</summary>
    /// <exception cref="NonFiniteLossException">A loss is infinite or not a number; the line says so.</exception>
    /// <exception cref="IOException">It cannot be written.</exception>
    public void Write(int taken)
    {
        var evaluation = _decomposition.Glance();
        var line = new MetricRecord
        {
            Step = taken,
            Seconds = SecondsBefore + Stopwatch.GetElapsedTime(_start).TotalSeconds,
            MsPerStep = Times.Quantile(0.5, _timedAtLine),
            Lr = _config.Lr * _config.Schedule.Factor(taken - 1, _config.Steps),
            Losses = evaluation.Losses,
            L0 = evaluation.Sites.ToDictionary(site => site.Name, site => site.L0),
            Alive = evaluation.Sites.ToDictionary(site => site.Name, site => site.Alive),
            Metrics = new (string Name, double Value)[]
            {
                ("unmasked_recon", evaluation.UnmaskedRecon), ("ci_masked_recon", evaluation.ImportanceMaskedRecon),
                ("rounded_masked_recon", evaluation.RoundedMaskedRecon),
            }.Where(metric => !double.IsNaN(metric.Value)).ToDictionary(metric => metric.Name, metric => metric.Value),
        };
        _lines.Add(line);
        _file.Write(line);
        _timedAtLine = Times.Count;
        evaluation.RequireFinite(taken);
    }

    /// <summary>Waits until all lines are on the disk.</summary>
    public void FlushToDisk() => _file.FlushToDisk();

    public void Dispose() => _file.Dispose();
}
