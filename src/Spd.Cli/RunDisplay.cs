using Spd.Runs.Log;
using Spd.Runs;
using Spd.Runs.Pretraining;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Spd.Cli;

/// <summary>What the user sees of a run in progress: a live panel on a terminal, a plain line per interval in a pipe, nothing when quiet.</summary>
internal abstract class RunDisplay : IRunObserver
{
    private readonly Lock _showing = new();
    private Interruption? _interruption;
    private bool _isBroken;

    /// <summary>The display for where standard output goes.</summary>
    public static RunDisplay Create(bool quiet, IExperiment config, Interruption interruption)
    {
        RunDisplay display = quiet ? new QuietDisplay() : Screen.IsLive ? new PanelDisplay(config) : new LineDisplay();
        display._interruption = interruption;
        return display;
    }

    /// <summary>The display of a language model's training: a line per interval, wherever standard output goes.</summary>
    public static RunDisplay CreateForPretraining(bool quiet, PretrainingConfig config, Interruption interruption)
    {
        RunDisplay display = quiet ? new QuietDisplay() : new PretrainingDisplay((double)config.Batch * config.Context);
        display._interruption = interruption;
        return display;
    }

    /// <summary>Runs the work while the display is up.</summary>
    public virtual T Show<T>(Func<T> work) => work();

    public void Note(string sentence) => Try(() => ShowNote(sentence.TrimEnd('.')));

    public void Warn(string sentence) => Try(() => ShowWarning(sentence.TrimEnd('.')));

    public void TargetStep(int step, int steps, double loss)
    {
        _interruption!.IsAtWork = true;
        Try(() => ShowTargetStep(step, steps, loss));
    }

    public void Progress(RunProgress progress)
    {
        _interruption!.IsAtWork = true;
        Try(() => ShowProgress(progress));
    }

    protected abstract void ShowNote(string sentence);

    protected virtual void ShowWarning(string sentence) => ShowNote(sentence);

    protected virtual void ShowTargetStep(int step, int steps, double loss)
    {
    }

    protected abstract void ShowProgress(RunProgress progress);

    /// <summary>A screen that cannot be written to ends no run.</summary>
    private void Try(Action show)
    {
        if (_isBroken) return;
        try
        {
            // Of long work a timer tells.
            lock (_showing) show();
        }
        catch (Exception exception) when (exception is not (OperationCanceledException or OutOfMemoryException))
        {
            _isBroken = true;
            try
            {
                Screen.Complain($"what the run does cannot be shown any more, and it goes on: {exception.Message}");
            }
            catch (IOException)
            {
                // Nobody can be told.
            }
        }
    }

    /// <summary>The losses and L0 of a log line as text.</summary>
    protected static string Losses(MetricRecord record) => string.Join("  ", record.Losses.Select(loss => $"{loss.Key} {loss.Value:0.00e+0}"));

    protected static string L0(MetricRecord record) => string.Join("  ", record.L0.Select(site => $"{site.Key} {Screen.Number(site.Value, "F2")}"));

    protected static string TimeLeft(RunProgress progress)
    {
        var left = TimeSpan.FromMilliseconds(progress.MsPerStep * (progress.Steps - progress.Step));
        return left.TotalHours >= 1 ? $"{(int)left.TotalHours}:{left:mm\\:ss}" : $"{left:mm\\:ss}";
    }

    private sealed class QuietDisplay : RunDisplay
    {
        protected override void ShowNote(string sentence)
        {
        }

        protected override void ShowWarning(string sentence) => Screen.Complain(sentence);

        protected override void ShowProgress(RunProgress progress)
        {
        }
    }

    private class LineDisplay : RunDisplay
    {
        private const int LinesOfTarget = 10;

        protected override void ShowNote(string sentence) => Screen.WriteLine($"{sentence}.");

        protected override void ShowTargetStep(int step, int steps, double loss)
        {
            int interval = (steps + LinesOfTarget - 1) / LinesOfTarget;
            if (step % interval == 0 && step < steps) Screen.WriteLine($"training the target: step {step}/{steps}  loss {loss:0.00e+0}");
        }

        protected override void ShowProgress(RunProgress progress)
        {
            if (!progress.IsLogLine) return;
            Screen.WriteLine(
                $"step {progress.Step}/{progress.Steps}  {progress.MsPerStep:F2} ms/step  {(progress.Step > 1 ? $"{TimeLeft(progress)} left  " : "")}"
                + $"{Losses(progress.Latest)}  L0 (above 0.01): {L0(progress.Latest)}");
        }
    }

    private sealed class PretrainingDisplay(double tokensPerStep) : LineDisplay
    {
        // Of the lines of a short training's log, those between are not shown.
        private const int StepsOfLine = 10;

        protected override void ShowProgress(RunProgress progress)
        {
            var line = progress.Latest;
            if (line.Metrics.Count == 0 && progress.Step > 1 && progress.Step % StepsOfLine != 0) return;
            string measured = string.Concat(line.Metrics.Select(metric => $"  {metric.Key.Replace('_', ' ')} {Screen.Number(metric.Value, "F4")}"));
            Screen.WriteLine(
                $"step {progress.Step}/{progress.Steps}  loss {Screen.Number(line.Losses["loss"], "F4")}{measured}  learning rate {line.Lr:0.00e+0}  "
                + $"{Screen.Number(1000 * tokensPerStep / progress.MsPerStep, "F0")} tokens/s  {TimeLeft(progress)} left");
        }
    }

    private sealed class PanelDisplay(IExperiment config) : RunDisplay
    {
        private static readonly TimeSpan RefreshInterval = TimeSpan.FromMilliseconds(100);

        private readonly List<string> _notes = [];
        private Func<IRenderable> _content = () => new StyledText("starting");
        private LivePicture? _live;
        private DateTime _refreshed;

        public override T Show<T>(Func<T> work)
        {
            _live = new LivePicture();
            try
            {
                return work();
            }
            finally
            {
                _live.End();
                _live = null;
                foreach (string note in _notes) Screen.WriteLine($"{note}.");
            }
        }

        protected override void ShowNote(string sentence)
        {
            _notes.Add(sentence);
            Refresh(_content, force: true);
        }

        protected override void ShowTargetStep(int step, int steps, double loss) =>
            Refresh(() => new Rows(Screen.Bar((double)step / steps), new StyledText($"training the target: step {step} of {steps}, loss {loss:0.00e+0}")), force: false);

        protected override void ShowProgress(RunProgress progress) => Refresh(() => Standing(progress), force: progress.IsLogLine);

        private static Rows Standing(RunProgress progress)
        {
            var table = new Sheet(
                new($"losses of step {progress.Latest.Step}") { Wraps = true }, new("", IsNumber: true), new("L0 (above 0.01)"), new("", IsNumber: true));
            var losses = progress.Latest.Losses.ToList();
            var sites = progress.Latest.L0.ToList();
            for (int row = 0; row < Math.Max(losses.Count, sites.Count); row++)
            {
                table.Add(
                    row < losses.Count ? losses[row].Key.Replace('_', ' ') : "", row < losses.Count ? $"{losses[row].Value:0.00e+0}" : "",
                    row < sites.Count ? sites[row].Key : "", row < sites.Count ? Screen.Number(sites[row].Value, "F2") : "");
            }

            var time = new StyledText(
                $"step {progress.Step} of {progress.Steps}   {progress.MsPerStep:F2} ms per step   {TimeLeft(progress)} left   "
                + $"learning rate {progress.Latest.Lr:0.00e+0}");
            return new Rows(
                Screen.Bar((double)progress.Step / progress.Steps), time, new StyledText(""), table,
                new StyledText("Ctrl-C stops after this step and writes what there is; once more stops at once", new Style(Color.Grey)));
        }

        // The content is built only when it is shown: a target's training step takes less time than its picture.
        private void Refresh(Func<IRenderable> content, bool force)
        {
            _content = content;
            if (_live is null || (!force && DateTime.UtcNow - _refreshed < RefreshInterval)) return;
            _refreshed = DateTime.UtcNow;
            var lines = _notes.Select(note => (IRenderable)Screen.Sentence($"{note}.", new Style(Color.Grey))).Append(content());
            _live.Draw(
                new Panel(new Rows(lines))
                    .Header($" {Markup.Escape(config.Name)}, seed {config.Seed} ")
                    .BorderColor(Color.Grey).Expand());
        }
    }
}
