using Spectre.Console;
using Spectre.Console.Rendering;

namespace Spd.Cli;

/// <summary>A column of a <see cref="Sheet"/>.</summary>
/// <param name="Title">Its title; where no column has one, there is no line of titles.</param>
/// <param name="IsNumber">Whether its cells are lined up at the right.</param>
internal sealed record Column(string Title, bool IsNumber = false)
{
    /// <summary>Whether its cells may have several lines, which end at spaces, or at double spaces where there are any.</summary>
    public bool Wraps { get; init; }

    /// <summary>What says least has the highest number, and is left out first of a screen that is too narrow; 0 stays.</summary>
    public int Spare { get; init; }

    /// <summary>How its cells look.</summary>
    public Style Style { get; init; } = Style.Plain;
}

/// <summary>
/// A table that fits the screen and breaks no word. Where it is too wide, titles and texts take several lines; then columns are left out; then the cells of the
/// first column have lines of their own; then the other columns come one group after the other. In a pipe there is no edge, and all of it is on one line a row.
/// </summary>
/// <param name="columns">The columns.</param>
internal sealed class Sheet(params IReadOnlyList<Column> columns) : IRenderable
{
    private const int Indent = 4, LeastOfText = 20;

    private readonly List<string[]> _rows = [];

    private bool HasTitles => columns.Any(column => column.Title.Length > 0);

    private int Margin => HasTitles ? 2 : 0;

    private int Gap => HasTitles ? 3 : 2;

    /// <summary>Adds a row, a cell for each column.</summary>
    public void Add(params IEnumerable<string> cells) => _rows.Add([.. cells.Select(Screen.Cell)]);

    /// <summary>The titles of the columns that are left out at a width.</summary>
    public IReadOnlyList<string> LeftOut(int width)
    {
        var (shown, _) = Layout(width);
        return [.. columns.Where((_, column) => !shown.Contains(column)).Select(column => column.Title)];
    }

    public Measurement Measure(RenderOptions options, int maxWidth) => new(0, maxWidth);

    public IEnumerable<Segment> Render(RenderOptions options, int maxWidth)
    {
        var (shown, isStacked) = Layout(maxWidth);
        int room = maxWidth - (isStacked ? Indent : Margin + Least(shown[0]) + Gap);
        var blocks = new List<List<int>> { new() };
        foreach (int column in shown.Skip(1))
        {
            if (blocks[^1].Count > 0 && WidthOf([.. blocks[^1], column]) > room) blocks.Add([]);
            blocks[^1].Add(column);
        }

        return blocks.SelectMany((block, number) =>
            (IEnumerable<Segment>)[.. number == 0 ? [] : new[] { Segment.LineBreak }, .. Block([shown[0], .. block], isStacked, maxWidth)]);
    }

    /// <summary>The columns that there is room for, and whether the first has lines of its own.</summary>
    private (List<int> Shown, bool IsStacked) Layout(int width)
    {
        var all = Enumerable.Range(0, columns.Count).ToList();
        var inLine = Fitting(all, width - Margin);
        if (Margin + WidthOf(inLine) <= width || columns.Count == 1) return (inLine, false);
        var below = Fitting([.. all.Skip(1)], width - Indent);
        // Where groups of columns follow each other in any case, a row is a line if that can be.
        return Indent + WidthOf(below) <= width || Margin + Least(0) + Gap + below.Max(Least) > width ? ([0, .. below], true) : (inLine, false);
    }

    private List<int> Fitting(List<int> some, int room)
    {
        while (WidthOf(some) > room && some.MaxBy(column => columns[column].Spare) is var least && columns[least].Spare > 0) some = [.. some.Where(column => column != least)];
        return some;
    }

    private int WidthOf(IReadOnlyList<int> some) => some.Sum(column => Least(column) + Gap) - Gap;

    /// <summary>The width that a column takes at least, and the one that it would take.</summary>
    private int Least(int column)
    {
        int title = Words(columns[column].Title).Max(Length);
        return Math.Max(title, columns[column].Wraps ? Cells(column).Max(cell => Math.Min(Length(cell), Math.Max(LeastOfText, Words(cell).Max(Length)))) : Cells(column).Max(Length));
    }

    private int Natural(int column) => Math.Max(Length(columns[column].Title), Cells(column).Max(Length));

    private IEnumerable<string> Cells(int column) => _rows.Select(row => row[column]).DefaultIfEmpty("");

    private List<Segment> Block(List<int> shown, bool isStacked, int maxWidth)
    {
        int[] inLine = [.. isStacked ? shown.Skip(1) : shown];
        int margin = isStacked ? Indent : Margin;
        int[] widths = Widths(inLine, maxWidth - margin);
        var segments = new List<Segment>();
        if (HasTitles)
        {
            if (isStacked) AddLine($"  {columns[shown[0]].Title}", Style.Plain);
            AddRow([.. columns.Select(column => column.Title)], isTitle: true);
            AddLine(new string('─', Math.Min(maxWidth, margin + widths.Sum() + Gap * (widths.Length - 1) + 2)), Style.Plain);
        }

        foreach (string[] row in _rows)
        {
            if (isStacked) AddLine(new string(' ', Margin) + row[shown[0]], columns[shown[0]].Style);
            AddRow(row, isTitle: false);
        }

        return segments;

        void AddLine(string text, Style style)
        {
            segments.Add(new Segment(text, style));
            segments.Add(Segment.LineBreak);
        }

        void AddRow(string[] cells, bool isTitle)
        {
            var lines = inLine.Select((column, place) => Wrap(cells[column], widths[place])).ToList();
            int height = lines.Max(cell => cell.Count);
            for (int line = 0; line < height; line++)
            {
                // Blanks are written before what follows them, so that no line ends with any.
                int blanks = margin;
                for (int place = 0; place < inLine.Length; place++)
                {
                    var column = columns[inLine[place]];
                    // Titles stand directly above their cells.
                    int first = isTitle ? height - lines[place].Count : 0;
                    string text = line >= first && line - first < lines[place].Count ? lines[place][line - first] : "";
                    int rest = Math.Max(0, widths[place] - Length(text));
                    if (text.Length == 0)
                    {
                        blanks += widths[place] + Gap;
                        continue;
                    }

                    segments.Add(new Segment(new string(' ', blanks + (column.IsNumber ? rest : 0))));
                    segments.Add(new Segment(text, isTitle ? Style.Plain : column.Style));
                    blanks = (column.IsNumber ? 0 : rest) + Gap;
                }

                segments.Add(Segment.LineBreak);
            }
        }
    }

    /// <summary>What the columns that need not have their whole width share of the room there is.</summary>
    private int[] Widths(int[] inLine, int room)
    {
        int[] least = [.. inLine.Select(Least)], natural = [.. inLine.Select(Natural)];
        long rest = Math.Max(0, room - Gap * (inLine.Length - 1) - least.Sum()), wanted = natural.Sum() - least.Sum();
        return wanted <= rest ? natural : [.. least.Zip(natural, (smallest, whole) => smallest + (int)(rest * (whole - smallest) / wanted))];
    }

    private static List<string> Wrap(string text, int width)
    {
        if (Length(text) <= width) return [text];
        string gap = text.Contains("  ", StringComparison.Ordinal) ? "  " : " ";
        var lines = new List<string>();
        foreach (string word in text.Split(gap, StringSplitOptions.RemoveEmptyEntries).SelectMany(part => Length(part) > width ? Words(part) : [part]))
        {
            if (lines.Count > 0 && Length(lines[^1]) + gap.Length + Length(word) <= width) lines[^1] += gap + word;
            else lines.Add(word);
        }

        return lines;
    }

    private static string[] Words(string text) => text.Split(' ');

    private static int Length(string text) => new Segment(text).CellCount();
}
