using Spd.Decomposition;
using Spd.Figures;
using Spd.Runs.Log;
using Spd.Runs.Reporting;

namespace Spd.Runs.TensorBoard;

/// <summary>
/// Tells TensorBoard of a run, in an event file of the run folder: scalars, histograms of causal importances, and figures. TensorBoard shows no SVG: the
/// matrices of heatmaps become pictures, and for every figure, with its axes and scales, a text names the file and says how to read it.
/// The log of the run stays <see cref="MetricLog"/>.
/// </summary>
public sealed class EventLog : IDisposable
{
    private readonly EventFile _file;
    private int _drawnAt = -1;

    private EventLog(EventFile file) => _file = file;

    /// <summary>Begins a file, for a run that begins or goes on.</summary>
    /// <remarks>
    /// What earlier files have of steps behind the log lines that were kept is void to readers, so that no step is there twice. Every file, the first too,
    /// says where it starts: a reader takes the first start of all for the run's beginning, and only those after it for interruptions.
    /// </remarks>
    /// <param name="folder">The folder of the run's event files; made where it is missing.</param>
    /// <param name="step">Steps taken.</param>
    /// <param name="kept">The log lines so far. They are written too if there are no event files yet.</param>
    /// <exception cref="IOException">The file cannot be made.</exception>
    public static EventLog Begin(string folder, int step, IReadOnlyList<MetricRecord> kept)
    {
        bool isFirst = !Directory.Exists(folder);
        var log = new EventLog(EventFile.Create(folder));
        bool isLogged = kept.Count > 0 && kept[^1].Step == step;
        log._file.Write(Events.Version());
        log._file.Write(Events.Start(isLogged ? step + 1 : step));
        if (isFirst)
        {
            foreach (var record in kept) log.Write(record);
        }

        return log;
    }

    /// <summary>Adds all numbers of a log line as scalars.</summary>
    /// <exception cref="IOException">They cannot be written.</exception>
    public void Write(MetricRecord record) => _file.Write(Events.Summary(record.Step,
    [
        .. record.Losses.Select(loss => Events.Scalar($"loss/{loss.Key}", loss.Value)),
        .. record.L0.Select(site => Events.Scalar($"l0/{site.Key}", site.Value)),
        .. record.Alive.Select(site => Events.Scalar($"alive/{site.Key}", site.Value)),
        .. record.Metrics.Select(metric => Events.Scalar($"metric/{metric.Key}", metric.Value)),
        Events.Scalar("training/lr", record.Lr),
        Events.Scalar("training/ms_per_step", record.MsPerStep),
        Events.Scalar("training/seconds", record.Seconds),
    ]));

    /// <summary>Adds the histograms of causal importances and the figures, unless the step has them already.</summary>
    /// <param name="step">Steps taken.</param>
    /// <param name="evaluation">What was measured.</param>
    /// <param name="figures">The figures drawn from it.</param>
    /// <param name="part">The part of the figures' folder that they lie in, such as <c>step-00001000/</c>; empty for the folder itself.</param>
    /// <exception cref="IOException">They cannot be written.</exception>
    public void Write(int step, Evaluation evaluation, IReadOnlyList<RunFigure> figures, string part)
    {
        if (step == _drawnAt) return;
        _drawnAt = step;
        _file.Write(Events.Summary(step, [.. Histograms(evaluation), .. Images(figures), List(figures, part)]));
    }

    public void Dispose() => _file.Dispose();

    private static IEnumerable<byte[]> Histograms(Evaluation evaluation) =>
        from site in evaluation.Sites
        where site.Importances.Count > 0
        select Events.Histogram($"importances/{site.Name}", site.Importances);

    private static IEnumerable<byte[]> Images(IReadOnlyList<RunFigure> figures) =>
        from figure in figures
        from image in (figure.Figure as HeatmapFigure)?.ToImages() ?? []
        select Events.Image($"{figure.Name}/{image.Name}", image);

    private static byte[] List(IReadOnlyList<RunFigure> figures, string part) => Events.Markdown("figures", string.Join(
        '\n', figures.Select(figure => $"- **{figure.Title}**, `figures/{part}{figure.Name}.svg` in the run's folder: {figure.HowToRead}")));
}
