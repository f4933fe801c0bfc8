namespace Spd.Figures;

/// <summary>One entry of a legend: a line (possibly dashed), a filled swatch, or text only for the colour "none".</summary>
internal readonly record struct LegendItem(string Name, string Color, string? Dash = null, bool Swatch = false);

/// <summary>Parts that every figure shares: text that fits, the heading, legends, colour bars and notes.</summary>
internal static class Layout
{
    public const double Margin = 16;
    public const double TickSize = 11.5;
    public const double LabelSize = 12.5;
    private const double ContentWidth = Svg.Width - (2 * Margin);

    /// <summary>A slightly generous estimate of the width of a text in a common sans-serif font.</summary>
    public static double TextWidth(string text, double size)
    {
        double width = 0.0;
        foreach (char character in text)
        {
            width += character switch
            {
                'i' or 'j' or 'l' or 'I' or '.' or ',' or ':' or ';' or '\'' or '|' or '!' => 0.28,
                ' ' or 'f' or 't' or 'r' or '(' or ')' or '[' or ']' or '-' or '/' => 0.36,
                'm' or 'w' or 'M' or 'W' or '@' or '%' => 0.9,
                >= 'A' and <= 'Z' => 0.7,
                _ => 0.56,
            };
        }

        return width * size;
    }

    /// <summary>Cuts a text to a width, ending it with an ellipsis where something was cut.</summary>
    public static string Shorten(string text, double size, double width)
    {
        if (TextWidth(text, size) <= width) return text;
        int length = text.Length;
        while (length > 0 && TextWidth(text[..length], size) + size > width) length--;
        if (length > 0 && char.IsHighSurrogate(text[length - 1])) length--;
        return text[..length].TrimEnd() + "…";
    }

    /// <summary>Breaks a text at spaces into lines of at most a width; the last allowed line is shortened.</summary>
    public static IReadOnlyList<string> Wrap(string text, double size, double width, int maximumLines = 8)
    {
        List<string> lines = [];
        string[] words = text.Split([' ', '\n', '\r', '\t'], StringSplitOptions.RemoveEmptyEntries);
        for (int next = 0; next < words.Length;)
        {
            string line = words[next++];
            if (lines.Count == maximumLines - 1)
            {
                lines.Add(Shorten(string.Join(' ', words[(next - 1)..]), size, width));
                break;
            }

            while (next < words.Length && TextWidth(line + " " + words[next], size) <= width) line += " " + words[next++];
            lines.Add(Shorten(line, size, width));
        }

        return lines;
    }

    /// <summary>Writes the title and subtitle; returns the y coordinate below them.</summary>
    public static double Heading(Svg svg, string title, string? subtitle)
    {
        double y = 10.0;
        foreach (string line in Wrap(title, 18 * 1.06, ContentWidth, 3)) svg.Text(Margin, (y += 22) - 4, line, 18, bold: true, kind: "title");
        return subtitle is null ? y + 6 : Paragraph(svg, subtitle, Margin, y + 2, ContentWidth) + 4;
    }

    /// <summary>Writes wrapped muted text; returns the y coordinate below it.</summary>
    public static double Paragraph(Svg svg, string text, double x, double y, double width)
    {
        foreach (string line in Wrap(text, LabelSize, width)) svg.Text(x, (y += 17) - 4, line, LabelSize, fill: Palette.Muted, kind: "note");
        return y;
    }

    /// <summary>Writes the notes that apply below a figure; returns the y coordinate below them.</summary>
    public static double Notes(Svg svg, IEnumerable<string> notes, double y)
    {
        foreach (string note in notes) y = Paragraph(svg, note, Margin, y, ContentWidth);
        return y;
    }

    /// <summary>Writes legend entries from left to right in as many rows as they need; returns the y coordinate below.</summary>
    public static double Legend(Svg svg, IReadOnlyList<LegendItem> items, double left, double y, double width)
    {
        double x = left;
        foreach (var item in items)
        {
            int mark = item.Swatch ? 12 : item.Color == "none" ? 0 : 24;
            string name = Shorten(item.Name, LabelSize, width - mark - 6);
            double needed = mark + 5 + TextWidth(name, LabelSize) + 14;
            if (x > left && x + needed - 14 > left + width) (x, y) = (left, y + 18);
            if (item.Swatch) svg.Rectangle(x, y + 3, 12, 12, item.Color, Palette.Frame, kind: "legend");
            else if (mark > 0) svg.Line(x, y + 9, x + mark, y + 9, item.Color, 2.5, item.Dash, kind: "legend");
            svg.Text(x + mark + 5, y + 13.5, name, LabelSize);
            x += needed;
        }

        return y + 20;
    }

    /// <summary>Writes a titled horizontal colour bar over an axis; returns the y coordinate below.</summary>
    public static double ColorBar(Svg svg, string title, Axis axis, Func<double, string> color, double left, double y, double width, bool nonFinite)
    {
        const int Steps = 50;
        svg.Text(left, y + 14, Shorten(title, LabelSize, Svg.Width - Margin - left), LabelSize);
        y += 20;
        svg.Open(("shape-rendering", "crispEdges"));
        for (int step = 0; step < Steps; step++)
        {
            double value = axis.Minimum + ((axis.Maximum - axis.Minimum) * step / (Steps - 1));
            svg.Rectangle(left + (width * step / Steps), y, width / Steps, 12, color(value), kind: "colorbar");
        }

        svg.Rectangle(left, y, width, 12, "none", Palette.Frame);
        svg.Close();
        foreach (var tick in axis.Ticks)
        {
            double x = axis.Place(tick.Value, left, left + width);
            svg.Line(x, y + 12, x, y + 16, Palette.Frame, 1);
            svg.Text(x, y + 28, tick.Label, TickSize, Anchor.Middle, Palette.Muted, kind: "tick");
        }

        if (nonFinite) Legend(svg, [new LegendItem("not finite", Palette.NonFinite, Swatch: true)], left + width + 28, y - 3, 120);
        return y + 34;
    }

    /// <summary>The smallest of 1, 2, 5, 10, 20, 50, … whose multiples of a spacing leave the needed room.</summary>
    public static int Stride(double spacing, double needed)
    {
        int stride = 1;
        for (int turn = 0; stride * spacing < needed && stride < 1_000_000; turn++) stride = turn % 3 == 1 ? stride / 2 * 5 : stride * 2;
        return stride;
    }
}
