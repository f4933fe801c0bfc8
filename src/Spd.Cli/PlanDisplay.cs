using System.Diagnostics;
using Spd.Runs.Plans;
using Spd.Runs.Results;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Spd.Cli;

/// <summary>What the user sees of the reproduction: one live table of all runs on a terminal, plain lines in a pipe, nothing when quiet.</summary>
internal abstract class PlanDisplay : IPlanObserver
{
    /// <summary>The display for where standard output goes.</summary>
    public static PlanDisplay Create(bool quiet)
    {
        if (quiet) return new QuietDisplay();
        var console = AnsiConsole.Profile.Capabilities;
        return console is { Interactive: true, Ansi: true } && !Console.IsOutputRedirected ? new TableDisplay() : new LineDisplay();
    }

    /// <summary>Does the work while the display is up.</summary>
    public virtual void Show(Action work) => work();

    public abstract void Note(PlannedRun run, string sentence);

    public abstract void Moved(PlanStanding standing, PlannedRun run, bool isStateNew);

    /// <summary>What became of a run, in a few words.</summary>
    protected static string Told(PlannedRun run) => run.State switch
    {
        PlannedRunState.Waiting => "waiting",
        PlannedRunState.Target => run.Step > 0 ? $"training the target: step {run.Step} of {run.Steps}" : "preparing the target",
        PlannedRunState.Running => $"step {run.Step} of {run.Steps}{(run.MsPerStep is { } ms ? $", {ms:F2} ms per step" : "")}",
        PlannedRunState.Finished =>
            $"finished{(run.IsEarlier ? " earlier" : "")}{(run.Stored?.Summary.WallSeconds is { } seconds ? $", {Metric.Write(seconds, NumberFormat.Count)} s" : "")}",
        PlannedRunState.Failed => $"failed: {run.Reason}",
        PlannedRunState.Refused => run.Reason ?? "left alone",
        PlannedRunState.Missing => $"skipped: {run.Reason}",
        PlannedRunState.Interrupted => "stopped",
        _ => "not asked for",
    };

    protected static string TimeLeft(PlanStanding standing)
    {
        var left = standing.TimeLeft;
        string time = left.TotalHours >= 1 ? $"{(int)left.TotalHours}:{left:mm\\:ss}" : $"{left:mm\\:ss}";
        return standing.IsGuess ? $"about {time} left (partly guessed)" : $"{time} left";
    }

    private sealed class QuietDisplay : PlanDisplay
    {
        public override void Note(PlannedRun run, string sentence)
        {
        }

        public override void Moved(PlanStanding standing, PlannedRun run, bool isStateNew)
        {
        }
    }

    private sealed class LineDisplay : PlanDisplay
    {
        private static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);

        private long _written;

        public override void Note(PlannedRun run, string sentence) => Screen.WriteLine($"{run.Plan.Title}: {sentence}.");

        public override void Moved(PlanStanding standing, PlannedRun run, bool isStateNew)
        {
            if (!run.IsSelected || (!isStateNew && Stopwatch.GetElapsedTime(_written) < Interval)) return;
            _written = Stopwatch.GetTimestamp();
            string whole = run.IsOpen || standing.Current is not null || standing.Runs.Any(other => other.IsOpen)
                ? $"   all runs: {standing.Done:P0} done, {TimeLeft(standing)}"
                : "";
            Screen.WriteLine($"{run.Plan.Title}: {Told(run)}{whole}");
        }
    }

    private sealed class TableDisplay : PlanDisplay
    {
        private const int OtherLines = 7, FewestRows = 3;

        private static readonly TimeSpan RefreshInterval = TimeSpan.FromMilliseconds(100);

        private LiveDisplayContext? _live;
        private long _refreshed;
        private string _note = "";

        public override void Show(Action work) => AnsiConsole.Live(new StyledText("")).AutoClear(false).Start(context =>
        {
            _live = context;
            try
            {
                work();
            }
            finally
            {
                _live = null;
            }
        });

        public override void Note(PlannedRun run, string sentence) => _note = $"{run.Plan.Title}: {sentence}.";

        public override void Moved(PlanStanding standing, PlannedRun run, bool isStateNew)
        {
            if (_live is null || (!isStateNew && Stopwatch.GetElapsedTime(_refreshed) < RefreshInterval)) return;
            _refreshed = Stopwatch.GetTimestamp();
            _live.UpdateTarget(Picture(standing));
            _live.Refresh();
        }

        private Rows Picture(PlanStanding standing)
        {
            var table = new Table().Border(TableBorder.None).HideHeaders()
                .AddColumn(new TableColumn("").NoWrap()).AddColumn(new TableColumn("").NoWrap());
            var runs = standing.Runs.Where(run => run.IsSelected).ToList();
            int fitting = Math.Max(FewestRows, AnsiConsole.Profile.Height - OtherLines);
            // A window around the run in progress where not all fit.
            int current = Math.Max(0, runs.FindIndex(run => run.IsOpen));
            int first = Math.Clamp(current - (fitting / 2), 0, Math.Max(0, runs.Count - fitting));
            var shown = runs.Skip(first).Take(fitting).ToList();
            if (first > 0) table.AddRow(new StyledText($"{first} above", Style.Plain.Foreground(Color.Grey)), new StyledText(""));
            foreach (var run in shown)
            {
                var style = run.State switch
                {
                    PlannedRunState.Target or PlannedRunState.Running => new Style(Color.Blue, decoration: Decoration.Bold),
                    PlannedRunState.Finished => new Style(Color.Green),
                    PlannedRunState.Waiting => new Style(Color.Grey),
                    _ => new Style(Color.Red),
                };
                table.AddRow(Screen.Cell(run.Plan.Title, style), Screen.Cell(Told(run), style).Overflow(Overflow.Ellipsis));
            }

            int below = runs.Count - first - shown.Count;
            if (below > 0) table.AddRow(new StyledText($"{below} below", Style.Plain.Foreground(Color.Grey)), new StyledText(""));
            IRenderable[] rows =
            [
                table, new StyledText(""), Screen.Bar(standing.Done),
                new StyledText($"{runs.Count(run => run.State == PlannedRunState.Finished)} of {runs.Count} runs finished   {100 * standing.Done:F0} %   {TimeLeft(standing)}"),
                Screen.Cell(_note, new Style(Color.Grey)).Overflow(Overflow.Ellipsis),
                new StyledText("Ctrl-C stops; the same command then goes on, and loses nothing but the run in progress", new Style(Color.Grey)),
            ];
            return new Rows(rows);
        }
    }
}
