using System.Globalization;
using System.Text;

namespace Spd.Formats;

/// <summary>
/// Text that stands in files, as messages show it: on one line, cut where it is long, and without characters that move the cursor, hide, or turn the direction
/// of writing.
/// </summary>
public static class Quoted
{
    private const int Longest = 100, MostNames = 10;
    private const string ZeroWidthNonJoiner = "\u200C", ZeroWidthJoiner = "\u200D";

    /// <summary>A name in quotes.</summary>
    public static string Of(string name) => $"'{Bare(name)}'";

    /// <summary>A path in quotes, which is not cut: its end says most.</summary>
    public static string Path(string path) => $"'{Cut(path, int.MaxValue)}'";

    /// <summary>A path as a word of a command that is to be typed: in quotes where a shell would take it for several, or for something else.</summary>
    public static string Word(string path) => path.Length > 0 && path.All(letter => char.IsAsciiLetterOrDigit(letter) || "/._-+:".Contains(letter, StringComparison.Ordinal))
        ? path
        : $"'{Cut(path, int.MaxValue).Replace("'", @"'\''", StringComparison.Ordinal)}'";

    /// <summary>The first names of many in quotes, and how many more there are.</summary>
    /// <param name="names">The names.</param>
    /// <param name="most">How many are shown.</param>
    public static string List(IEnumerable<string> names, int most = MostNames) => Names([.. names.Select(Of)], most);

    /// <summary>The same without quotes, of names that this program gives.</summary>
    /// <inheritdoc cref="List"/>
    public static string Names(IReadOnlyCollection<string> names, int most = MostNames) =>
        string.Join(", ", names.Take(most)) + (names.Count > most ? $" … and {names.Count - most} more" : "");

    /// <summary>A name without the quotes.</summary>
    public static string Bare(string text) => Cut(text, Longest);

    private static string Cut(string text, int longest)
    {
        var shown = new StringBuilder(Math.Min(text.Length, longest) + 2);
        foreach (var letter in text.EnumerateRunes())
        {
            if (shown.Length >= longest) return shown.Append('…').ToString();
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
