using System.Globalization;
using System.Text;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Spd.Cli;

/// <summary>
/// What the program shows. Names, keys and values of files and folders come from outside: none of them may move the cursor, colour the screen, turn the
/// direction of writing, or begin a line that looks like one of the program's. All that is written passes here, and is made harmless however it got there.
/// </summary>
internal static class Screen
{
    private const int LongestSentence = 4000, LongestCell = 300, WidthInPipes = 1_000_000, BarWidth = 50, BarMargin = 12;
    private const char Harmless = '\uFFFD', ZeroWidthNonJoiner = '\u200C', ZeroWidthJoiner = '\u200D';

    private static TextWriter Raw { get; set; } = Console.Out;

    private static bool IsBehindTable { get; set; }

    /// <summary>Stands between everything that is written from here on and the terminal, or the pipe.</summary>
    public static void Guard()
    {
        Raw = Console.Out;
        if (Console.IsOutputRedirected)
        {
            AnsiConsole.Console = AnsiConsole.Create(new AnsiConsoleSettings
            {
                Ansi = AnsiSupport.No,
                ColorSystem = ColorSystemSupport.NoColors,
                Interactive = InteractionSupport.No,
                Out = new AnsiConsoleOutput(new HarmlessWriter(Raw)),
            });
            // There is no edge to wrap at.
            AnsiConsole.Profile.Width = WidthInPipes;
        }

        AnsiConsole.Console.Pipeline.Attach(new HarmlessSegments());
        Console.SetOut(new HarmlessWriter(Raw));
        Console.SetError(new HarmlessWriter(Console.Error));
    }

    /// <summary>Writes a sentence: one line, whatever names are in it.</summary>
    public static void WriteLine(string sentence)
    {
        EndTable();
        Console.WriteLine(OneLine(sentence, LongestSentence));
    }

    /// <summary>Writes a sentence that stands out, above a table.</summary>
    public static void WriteTitle(string sentence)
    {
        EndTable();
        AnsiConsole.Write(new Line([new Segment(OneLine(sentence, LongestSentence), new Style(decoration: Decoration.Bold)), Segment.LineBreak]));
    }

    /// <summary>Writes a table, and an empty line before what comes next, if anything does.</summary>
    public static void Write(Sheet table)
    {
        EndTable();
        AnsiConsole.Write(table);
        if (table.LeftOut(AnsiConsole.Profile.Width) is [_, ..] hidden) WriteLine($"Too narrow for: {string.Join(", ", hidden)}.");
        IsBehindTable = true;
    }

    /// <summary>Writes a part of a text, whose lines end where it says so.</summary>
    public static void Write(string text)
    {
        Console.Write(text);
        Console.Out.Flush();
    }

    /// <summary>Tells what went wrong: one line on standard error.</summary>
    public static void Complain(string sentence) => Console.Error.WriteLine(OneLine($"spd: {sentence}", LongestSentence));

    /// <summary>Tells how far something has come: one line on standard error, apart from what was asked for.</summary>
    public static void Report(string sentence) => Console.Error.WriteLine(OneLine(sentence, LongestSentence));

    /// <summary>The cell of a table: one line, as it is, and cut where it is long.</summary>
    public static string Cell(string text) => OneLine(text, LongestCell);

    /// <summary>A sentence of a panel: one line before it is wrapped.</summary>
    public static StyledText Sentence(string text, Style? style = null) => new(OneLine(text, LongestSentence), style);

    /// <summary>Whether what is shown can be drawn anew in its place: a terminal, and no pipe.</summary>
    public static bool IsLive => AnsiConsole.Profile.Capabilities is { Interactive: true, Ansi: true } && !Console.IsOutputRedirected;

    /// <summary>A whole number.</summary>
    public static string Whole(long count) => count.ToString(CultureInfo.InvariantCulture);

    /// <summary>A number that fits into a column, whatever a file says.</summary>
    /// <param name="value">The number.</param>
    /// <param name="format">How it is written where it is of a usual size.</param>
    public static string Number(double value, string format) => value.ToString(Math.Abs(value) < 1e9 ? format : "0.00e+0", CultureInfo.InvariantCulture);

    /// <summary>How much of a work is done, as a bar and a percentage, which can be read without colours too.</summary>
    public static Line Bar(double done)
    {
        double share = Math.Clamp(done, 0, 1);
        int width = Math.Clamp(AnsiConsole.Profile.Width - BarMargin, 1, BarWidth), full = (int)(width * share);
        return new Line(
        [
            new Segment(new string('█', full), new Style(Color.Blue)), new Segment(new string('░', width - full), new Style(Color.Grey)),
            // That all is done is not said before.
            new Segment(string.Create(CultureInfo.InvariantCulture, $" {Math.Floor(100 * share):F0} %")), Segment.LineBreak,
        ]);
    }

    private static void EndTable()
    {
        if (IsBehindTable) Console.WriteLine();
        IsBehindTable = false;
    }

    private static string OneLine(string text, int longest)
    {
        // Before the line breaks are taken out, which would look at all of a text of any length.
        string shown = text.Length > longest ? $"{text[..longest]}…" : text;
        return WithoutControls(shown.ReplaceLineEndings(" "));
    }

    /// <summary>A text without control characters, but for the ends of its lines.</summary>
    private static string WithoutControls(ReadOnlySpan<char> text)
    {
        var harmless = new StringBuilder(text.Length);
        foreach (char letter in text) harmless.Append(letter == '\n' || !IsControl(letter) ? letter : letter == '\t' ? ' ' : letter == '\r' ? "" : Harmless);
        return harmless.ToString();
    }

    // Marks of direction are of the category Format; what joins the letters of some scripts is too, and harmless.
    private static bool IsControl(char letter) => char.GetUnicodeCategory(letter)
        is UnicodeCategory.Control or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator or UnicodeCategory.Format
        && letter is not (ZeroWidthNonJoiner or ZeroWidthJoiner);

    /// <summary>Segments as they are: none is wrapped.</summary>
    internal sealed class Line(IReadOnlyList<Segment> segments) : IRenderable
    {
        public IReadOnlyList<Segment> Segments => segments;

        public Measurement Measure(RenderOptions options, int maxWidth) => new(0, maxWidth);

        public IEnumerable<Segment> Render(RenderOptions options, int maxWidth) => segments;
    }

    /// <summary>Passes on what is written, without control characters.</summary>
    private sealed class HarmlessWriter(TextWriter inner) : TextWriter
    {
        public override Encoding Encoding => inner.Encoding;

        public override void Write(char value) => Write([value]);

        public override void Write(char[] buffer, int index, int count) => Write(buffer.AsSpan(index, count));

        public override void Write(ReadOnlySpan<char> buffer)
        {
            string harmless = WithoutControls(buffer);
            Pass(() => inner.Write(harmless));
        }

        public override void Write(string? value) => Write(value.AsSpan());

        public override void WriteLine(string? value)
        {
            Write(value.AsSpan());
            Pass(inner.WriteLine);
        }

        public override void Flush() => Pass(inner.Flush);

        private static void Pass(Action write)
        {
            try
            {
                write();
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                throw new OutputException(exception);
            }
        }
    }

    /// <summary>Does the same for tables and panels, whose own codes are left as they are.</summary>
    private sealed class HarmlessSegments : IRenderHook
    {
        public IEnumerable<IRenderable> Process(RenderOptions options, IEnumerable<IRenderable> renderables) =>
            renderables.Select(renderable => new Harmless(renderable));

        private sealed class Harmless(IRenderable inner) : IRenderable
        {
            public Measurement Measure(RenderOptions options, int maxWidth) => inner.Measure(options, maxWidth);

            public IEnumerable<Segment> Render(RenderOptions options, int maxWidth) => inner.Render(options, maxWidth)
                .Select(segment => segment.IsControlCode || segment.IsLineBreak ? segment : new Segment(WithoutControls(segment.Text), segment.Style));
        }
    }
}

/// <summary>Standard output takes nothing: it is closed, or goes into a file whose disk is full.</summary>
internal sealed class OutputException(Exception inner) : IOException(inner.Message, inner);
