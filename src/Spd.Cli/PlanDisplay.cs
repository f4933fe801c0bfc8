using System.Diagnostics;
using Spd.Runs.Plans;
using Spd.Runs.Results;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Spd.Cli;

/// <summary>What the user sees of several planned runs: one live table of all runs on a terminal, plain lines in a pipe, nothing when quiet.</summary>
internal abstract class PlanDisplay : IPlanObserver
{
    /// <summary>The display for where standard output goes.</summary>
    public static PlanDisplay Create(bool quiet)
    {
        if (quiet) return new QuietDisplay();
        return Screen.IsLive ? new TableDisplay() : new LineDisplay();
    }

    /// <summary>Complains of the runs that failed or were left alone, at the end.</summary>
    public static void Complain(IEnumerable<PlannedRun> runs)
    {
        foreach (var run in runs.Where(run => run.State is PlannedRunState.Failed or PlannedRunState.Refused)) Screen.Complain($"{run.Plan.Title}: {run.Reason}");
    }

    /// <summary>Says how many runs have finished, at the end.</summary>
    /// <param name="runs">Those that were asked for.</param>
    /// <param name="remark">What else the sentence says.</param>
    public static void WriteFinished(IReadOnlyList<PlannedRun> runs, string remark = "")
    {
        int earlier = runs.Count(run => run is { State: PlannedRunState.Finished, IsEarlier: true });
        Screen.WriteLine(
            $"{runs.Count(run => run.State == PlannedRunState.Finished)} of {runs.Count} runs have finished{(earlier > 0 ? $", {earlier} of them earlier" : "")}{remark}.");
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

        private LivePicture? _live;
        private long _refreshed;
        private string _note = "";

        public override void Show(Action work)
        {
            _live = new LivePicture();
            try
            {
                work();
            }
            finally
            {
                _live.End();
                _live = null;
            }
        }

        public override void Note(PlannedRun run, string sentence) => _note = $"{run.Plan.Title}: {sentence}.";

        public override void Moved(PlanStanding standing, PlannedRun run, bool isStateNew)
        {
            if (_live is null || (!isStateNew && Stopwatch.GetElapsedTime(_refreshed) < RefreshInterval)) return;
            _refreshed = Stopwatch.GetTimestamp();
            _live.Draw(Picture(standing));
        }

        private Screen.Line Picture(PlanStanding standing)
        {
            var grey = new Style(Color.Grey);
            var segments = new List<Segment>();
            var runs = standing.Runs.Where(run => run.IsSelected).ToList();
            int fitting = Math.Max(FewestRows, AnsiConsole.Profile.Height - OtherLines);
            // A window around the run in progress where not all fit.
            int current = Math.Max(0, runs.FindIndex(run => run.IsOpen));
            int first = Math.Clamp(current - (fitting / 2), 0, Math.Max(0, runs.Count - fitting));
            var shown = runs.Skip(first).Take(fitting).ToList();
            int longest = shown.Select(run => run.Plan.Title.Length).DefaultIfEmpty(0).Max();
            if (first > 0) Add($"{first} above", grey);
            foreach (var run in shown)
            {
                Add($"{run.Plan.Title.PadRight(longest)} {Told(run)}", run.State switch
                {
                    PlannedRunState.Target or PlannedRunState.Running => new Style(Color.Blue, decoration: Decoration.Bold),
                    PlannedRunState.Finished => new Style(Color.Green),
                    PlannedRunState.Waiting => grey,
                    _ => new Style(Color.Red),
                });
            }

            int below = runs.Count - first - shown.Count;
            if (below > 0) Add($"{below} below", grey);
            segments.AddRange(Screen.Bar(standing.Done).Segments);
            Add($"{runs.Count(run => run.State == PlannedRunState.Finished)} of {runs.Count} runs finished   {TimeLeft(standing)}", Style.Plain);
            if (_note.Length > 0) Add(_note, grey);
            Add("Ctrl-C stops; the same command then goes on", grey);
            return new Screen.Line(segments);

            void Add(string text, Style style)
            {
                string cell = Screen.Cell(text);
                int width = AnsiConsole.Profile.Width;
                segments.Add(new Segment(cell.Length <= width ? cell : $"{cell[..Math.Max(0, width - 1)]}…", style));
                segments.Add(Segment.LineBreak);
            }
        }
    }
}
