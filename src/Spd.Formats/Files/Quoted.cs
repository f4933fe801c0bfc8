using System.Globalization;
using System.Text;

namespace Spd.Formats;

/// <summary>
/// Text that stands in files, as messages show it: on one line, cut where it is long, and without characters that move the cursor, hide, or turn the direction
/// of writing.
/// </summary>
public static class Quoted
{
    private const int Longest = 100;
    private const string ZeroWidthNonJoiner = "\u200C", ZeroWidthJoiner = "\u200D";

    /// <summary>A name in quotes.</summary>
    public static string Of(string name) => $"'{Bare(name)}'";

    /// <summary>The same without the quotes.</summary>
    public static string Bare(string text)
    {
        var shown = new StringBuilder(Math.Min(text.Length, Longest) + 2);
        foreach (var letter in text.EnumerateRunes())
        {
            if (shown.Length >= Longest) return shown.Append('…').ToString();
            shown.Append(Harmless(letter));
        }

        return shown.ToString();
    }

    private static string Harmless(Rune letter) => Rune.GetUnicodeCategory(letter) switch
    {
        UnicodeCategory.Control => Rune.IsWhiteSpace(letter) ? " " : "\uFFFD",
        UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator => " ",
        // What joins the letters of some scripts is of this category too, and harmless.
        UnicodeCategory.Format => letter.ToString() is ZeroWidthNonJoiner or ZeroWidthJoiner ? letter.ToString() : "\uFFFD",
        _ => letter.ToString(),
    };
}
