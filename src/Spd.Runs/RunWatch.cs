using Spd.Decomposition;
using Spd.Runs.Log;
using Spd.Runs.Reporting;
using Spd.Runs.Results;
using Spd.Runs.TensorBoard;

namespace Spd.Runs;

/// <summary>
/// What only watches a run: event files, figures, and the page. What cannot be drawn or written is told once and tried again at the next occasion; it never
/// ends the run.
/// </summary>
/// <param name="config">The run's configuration.</param>
/// <param name="folder">Its folder.</param>
/// <param name="observer">Is told what went wrong.</param>
internal sealed class RunWatch(IExperiment config, RunFolder folder, IRunObserver observer) : IDisposable
{
    private readonly HashSet<string> _told = [];
    private EventLog? _events;
    private int _linesInEvents;

    /// <summary>The run begins or goes on.</summary>
    /// <param name="step">Steps taken.</param>
    /// <param name="kept">The log lines so far.</param>
    public void Begin(int step, IReadOnlyList<MetricRecord> kept)
    {
        _linesInEvents = kept.Count;
        WriteEvents(step, kept);
    }

    /// <summary>The log has another line.</summary>
    public void LineWritten(IReadOnlyList<MetricRecord> log) => WriteEvents(log[^1].Step, log);

    /// <summary>Draws what was measured.</summary>
    /// <param name="decomposition">What is drawn.</param>
    /// <param name="evaluation">What was measured.</param>
    /// <param name="log">The log so far.</param>
    /// <param name="part">The part of the figures' folder that they lie in, such as <c>step-00001000/</c>; empty for the folder itself.</param>
    /// <returns>The figures that could be drawn.</returns>
    public IReadOnlyList<RunFigure> Draw(IDecomposition decomposition, Evaluation evaluation, IReadOnlyList<MetricRecord> log, string part)
    {
        IReadOnlyList<RunFigure> figures = [];
        Try("the figures", () => figures = decomposition.Draw(evaluation, log));
        foreach (var figure in figures) Try("the figures", () => folder.WriteFigures([figure], part));
        WriteEvents(decomposition.StepsTaken, log, events => events.Write(decomposition.StepsTaken, evaluation, figures, part));
        return figures;
    }

    /// <summary>Writes the page.</summary>
    public void WritePage(RunSummary summary, IReadOnlyList<RunFigure> figures) => Try("the page", () => folder.WritePage(config, summary, figures));

    /// <inheritdoc/>
    public void Dispose() => _events?.Dispose();

    /// <summary>Brings the event files up to the log, in a new one where there is none or the last one has failed, and adds what else there is.</summary>
    private void WriteEvents(int step, IReadOnlyList<MetricRecord> log, Action<EventLog>? more = null)
    {
        // A folder that is gone is not made anew by what only watches.
        if (!config.TensorBoard || !Directory.Exists(folder.Root)) return;
        Try("the event files for TensorBoard", () =>
        {
            try
            {
                _events ??= EventLog.Begin(
                    folder.TensorBoardFolder, _linesInEvents < log.Count ? log[_linesInEvents].Step : step, [.. log.Take(_linesInEvents)]);
                for (; _linesInEvents < log.Count; _linesInEvents++) _events.Write(log[_linesInEvents]);
                more?.Invoke(_events);
            }
            catch
            {
                // It may end within a record, behind which nothing could be read.
                _events?.Dispose();
                _events = null;
                throw;
            }
        });
    }

    private void Try(string what, Action write)
    {
        try
        {
            write();
        }
        catch (Exception exception) when (exception is not OutOfMemoryException)
        {
            if (_told.Add(what)) observer.Warn($"{what} could not be written, and the run goes on without: {exception.Message.TrimEnd('.')}");
        }
    }
}
