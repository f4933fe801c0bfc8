using System.Globalization;
using System.Net;
using System.Text;

namespace Spd.Runs.Reporting;

/// <summary>Text for a page: nothing in it is markup, whatever file it comes from, and no character of it hides, or turns the direction of writing.</summary>
internal static class HtmlText
{
    private const char ZeroWidthNonJoiner = '\u200C', ZeroWidthJoiner = '\u200D';

    public static string Encode(string text)
    {
        string lines = text.ReplaceLineEndings("\n");
        var shown = new StringBuilder(lines.Length);
        foreach (char letter in lines) shown.Append(IsShown(letter) ? letter : '\uFFFD');
        return WebUtility.HtmlEncode(shown.ToString());
    }

    private static bool IsShown(char letter) => char.GetUnicodeCategory(letter) switch
    {
        UnicodeCategory.Control => letter is '\n' or '\t',
        // What joins the letters of some scripts is of this category too, and harmless.
        UnicodeCategory.Format => letter is ZeroWidthNonJoiner or ZeroWidthJoiner,
        _ => true,
    };
}
