using Spectre.Console;
using Spectre.Console.Rendering;

namespace Spd.Cli;

/// <summary>What is drawn on a terminal again and again in the same place, and is gone at the end. Several threads may draw.</summary>
internal sealed class LivePicture
{
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(1);

    private static LivePicture? Shown { get; set; }

    private readonly Lock _drawing = new();
    private List<int> _lengths = [];
    private bool _isOver;

    /// <summary>A picture, which begins at the line of the cursor.</summary>
    public LivePicture() => Shown = this;

    /// <summary>Takes away what is shown, before a program ends without coming to its end.</summary>
    public static void TakeAway() => Shown?.End();

    /// <summary>Draws it in place of what was drawn before.</summary>
    public void Draw(IRenderable picture)
    {
        lock (_drawing)
        {
            if (_isOver) return;
            // Before segments of one style are joined, of which those that end a line would be lost.
            var lines = Segment.SplitLines(picture.Render(RenderOptions.Create(AnsiConsole.Console, AnsiConsole.Profile.Capabilities), AnsiConsole.Profile.Width));
            // What is above the edge of a screen cannot be reached any more.
            int hidden = Math.Max(0, lines.Count - Math.Max(1, AnsiConsole.Profile.Height - 1));
            lines.RemoveRange(0, hidden);
            AnsiConsole.Write(new Screen.Line([Backward(), .. lines.SelectMany(line => line.Append(Segment.LineBreak))]));
            _lengths = lines.ConvertAll(line => line.CellCount());
        }
    }

    /// <summary>Takes it away.</summary>
    public void End()
    {
        // A signal does not wait for a terminal that takes nothing.
        if (!_drawing.TryEnter(LongestWait)) return;
        try
        {
            if (_isOver) return;
            _isOver = true;
            Shown = null;
            if (_lengths.Count > 0) AnsiConsole.Write(new Screen.Line([Backward()]));
        }
        finally
        {
            _drawing.Exit();
        }
    }

    /// <summary>
    /// Clears what was drawn, line by line from below: terminals keep what is cleared at once from the top of the screen. Lines that have become wider than the
    /// terminal take several by now.
    /// </summary>
    private Segment Backward()
    {
        int width = Math.Max(1, AnsiConsole.Profile.Width);
        int rows = _lengths.Sum(length => Math.Max(1, (length + width - 1) / width));
        return Segment.Control($"\r\e[2K{string.Concat(Enumerable.Repeat("\e[1A\e[2K", rows))}");
    }
}
