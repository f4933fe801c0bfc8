using Spd.Decomposition;
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
/// <param name="decomposition">What is drawn.</param>
/// <param name="log">The log.</param>
/// <param name="observer">Is told what went wrong.</param>
internal sealed class RunWatch(IExperiment config, RunFolder folder, IDecomposition decomposition, RunLog log, IRunObserver observer) : IDisposable
{
    private readonly HashSet<string> _told = [];
    private EventLog? _events;
    private int _linesInEvents = log.Lines.Count;
    private Evaluation? _glance;

    /// <summary>Measures a batch for the figures of a step, which <see cref="Draw(int)"/> then draws.</summary>
    /// <exception cref="NonFiniteLossException">A loss is infinite or not a number.</exception>
    public void Measure(int taken) => _glance = decomposition.Glance().RequireFinite(taken);

    /// <summary>Draws the figures of a step in a folder of their own.</summary>
    public void Draw(int taken) => Draw(_glance!, $"step-{taken:D8}/");

    /// <summary>Draws what was measured.</summary>
    /// <param name="evaluation">What was measured.</param>
    /// <param name="part">The part of the figures' folder that they lie in, such as <c>step-00001000/</c>; empty for the folder itself.</param>
    /// <returns>The figures that could be drawn.</returns>
    public IReadOnlyList<RunFigure> Draw(Evaluation evaluation, string part = "")
    {
        IReadOnlyList<RunFigure> figures = [];
        Try("the figures", () => figures = decomposition.Draw(evaluation, log.Lines));
        foreach (var figure in figures) Try("the figures", () => folder.WriteFigures([figure], part));
        WriteEvents(events => events.Write(decomposition.Training.StepsTaken, evaluation, figures, part));
        return figures;
    }

    /// <summary>Writes the report and the pages that it links to.</summary>
    public void WriteReport(RunSummary summary, IReadOnlyList<RunFigure> figures)
    {
        IReadOnlyList<RunPage> pages = [];
        Try("the pages besides the report", () =>
        {
            var written = decomposition.WritePages();
            folder.WritePages(written);
            pages = written;
        });
        Try("the page", () => folder.WriteReport(config, summary, figures, pages));
    }

    /// <summary>Brings the event files up to the log, in a new one where there is none or the last one has failed, and adds what else there is.</summary>
    public void WriteEvents(Action<EventLog>? more = null)
    {
        // A folder that is gone is not made anew by what only watches.
        if (!config.TensorBoard || !Directory.Exists(folder.Root)) return;
        Try("the event files for TensorBoard", () =>
        {
            try
            {
                int from = _linesInEvents < log.Lines.Count ? log.Lines[_linesInEvents].Step : decomposition.Training.StepsTaken;
                _events ??= EventLog.Begin(folder.TensorBoardFolder, from, [.. log.Lines.Take(_linesInEvents)]);
                for (; _linesInEvents < log.Lines.Count; _linesInEvents++) _events.Write(log.Lines[_linesInEvents]);
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

    public void Dispose() => _events?.Dispose();

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
