using System.Globalization;
using System.Text;
using System.Xml;

namespace Spd.Figures;

/// <summary>Where a text stands relative to its x coordinate.</summary>
internal enum Anchor
{
    Start,
    Middle,
    End,
}

/// <summary>A small writer of SVG elements; coordinates are user units of an 800 unit wide drawing.</summary>
internal sealed class Svg
{
    public const double Width = 800;

    private readonly StringBuilder _body = new();
    private readonly Stack<string> _open = new();
    private bool _hasLinks;

    /// <summary>Formats a coordinate with at most two decimals.</summary>
    public static string Number(double value)
    {
        string text = value.ToString("0.##", CultureInfo.InvariantCulture);
        return text == "-0" ? "0" : text;
    }

    /// <summary>Escapes text for element content and attributes and replaces characters that XML forbids or that hide.</summary>
    public static string Escape(string text)
    {
        var escaped = new StringBuilder(text.Length);
        for (int index = 0; index < text.Length; index++)
        {
            char character = text[index];
            if (index + 1 < text.Length && char.IsSurrogatePair(character, text[index + 1])) escaped.Append(character).Append(text[++index]);
            else if (!XmlConvert.IsXmlChar(character) || IsHidden(character)) escaped.Append('\uFFFD');
            else escaped.Append(character switch { '<' => "&lt;", '>' => "&gt;", '&' => "&amp;", '"' => "&quot;", _ => character.ToString() });
        }

        return escaped.ToString();
    }

    /// <summary>Whether a character hides, or turns the direction of writing; those that join the letters of some scripts do not.</summary>
    private static bool IsHidden(char character) => char.GetUnicodeCategory(character) switch
    {
        UnicodeCategory.Control => character is not ('\n' or '\t'),
        UnicodeCategory.Format => character is not ('\u200C' or '\u200D'),
        _ => false,
    };

    /// <summary>Writes a childless element; attributes whose value is null are left out.</summary>
    public void Element(string name, params ReadOnlySpan<(string Name, string? Value)> attributes)
    {
        Begin(name, attributes);
        _body.Append("/>\n");
    }

    /// <summary>Opens a group; close it with <see cref="Close"/>.</summary>
    public void Open(params ReadOnlySpan<(string Name, string? Value)> attributes) => OpenAs("g", attributes);

    /// <summary>Opens any element; close it with <see cref="Close"/>.</summary>
    public void OpenAs(string name, params ReadOnlySpan<(string Name, string? Value)> attributes)
    {
        Begin(name, attributes);
        _body.Append(">\n");
        _open.Push(name);
        _hasLinks |= name == "a";
    }

    /// <summary>Closes the element opened last.</summary>
    public void Close() => _body.Append("</").Append(_open.Pop()).Append(">\n");

    public void Line(double x1, double y1, double x2, double y2, string stroke, double width, string? dash = null, string? kind = null) =>
        Element("line", ("class", kind), ("x1", Number(x1)), ("y1", Number(y1)), ("x2", Number(x2)), ("y2", Number(y2)),
            ("stroke", stroke), ("stroke-width", Number(width)), ("stroke-dasharray", dash));

    /// <summary>A rectangle; a hint is shown under the pointer.</summary>
    public void Rectangle(
        double x, double y, double width, double height, string fill, string? stroke = null, string? kind = null, string? hint = null) =>
        Hinted(hint, "rect", ("class", kind), ("x", Number(x)), ("y", Number(y)), ("width", Number(width)), ("height", Number(height)),
            ("fill", fill), ("stroke", stroke));

    /// <summary>A circle; a hint is shown under the pointer.</summary>
    public void Circle(
        double x, double y, double radius, string fill, string? stroke = null, string? dash = null, string? kind = null, string? hint = null) =>
        Hinted(hint, "circle", ("class", kind), ("cx", Number(x)), ("cy", Number(y)), ("r", Number(radius)),
            ("fill", fill), ("stroke", stroke), ("stroke-dasharray", dash));

    public void Text(
        double x, double y, string text, double size,
        Anchor anchor = Anchor.Start, string fill = Palette.Ink, bool bold = false, double rotation = 0, string? kind = null)
    {
        Begin("text",
            ("class", kind), ("x", Number(x)), ("y", Number(y)), ("font-size", Number(size)), ("fill", fill),
            ("text-anchor", anchor switch { Anchor.Middle => "middle", Anchor.End => "end", _ => null }),
            ("font-weight", bold ? "bold" : null),
            ("transform", rotation == 0 ? null : $"rotate({Number(rotation)} {Number(x)} {Number(y)})"));
        _body.Append('>').Append(Escape(text)).Append("</text>\n");
    }

    /// <summary>What a pointer over the element that is open shows.</summary>
    public void Title(string text) => _body.Append("<title>").Append(Escape(text)).Append("</title>\n");

    /// <summary>The whole document, once every element is closed.</summary>
    public string Document(double height, string title, string description)
    {
        if (_open.Count != 0) throw new InvalidOperationException("An element of the drawing was left open.");
        var (width, rounded) = (Number(Width), Number(Math.Ceiling(height)));
        // What is read aloud as one picture has no links.
        string role = _hasLinks ? "group" : "img";
        string opening = $"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {rounded}" width="{width}" height="{rounded}" """
            + $"""role="{role}" style="max-width:100%;height:auto" """
            + """font-family="Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif">""";
        return $"""
            {opening}
            <title>{Escape(title)}</title>
            <desc>{Escape(description)}</desc>
            <rect width="{width}" height="{rounded}" fill="#ffffff"/>

            """.ReplaceLineEndings("\n") + _body + "</svg>\n";
    }

    private void Hinted(string? hint, string name, params ReadOnlySpan<(string Name, string? Value)> attributes)
    {
        Begin(name, attributes);
        _body.Append(hint is null ? "/>\n" : $"><title>{Escape(hint)}</title></{name}>\n");
    }

    private void Begin(string name, params ReadOnlySpan<(string Name, string? Value)> attributes)
    {
        _body.Append('<').Append(name);
        foreach (var (attribute, value) in attributes)
        {
            if (value is not null) _body.Append(' ').Append(attribute).Append("=\"").Append(Escape(value)).Append('"');
        }
    }
}
