using System.Globalization;
using System.Text.RegularExpressions;
using System.Text;
using Spd.Formats;

namespace Spd.Text;

/// <summary>What a text is searched for: a text, a kind of letter, or a regular expression.</summary>
internal abstract class Pattern
{
    /// <summary>Adds all matches, in their order; none of them overlap.</summary>
    public abstract void Find(ReadOnlySpan<char> text, List<(int Start, int End)> matches);

    /// <summary>A text with each match replaced.</summary>
    public string Replace(string text, string content)
    {
        var matches = new List<(int Start, int End)>();
        Find(text, matches);
        if (matches.Count == 0) return text;
        var replaced = new StringBuilder();
        int position = 0;
        foreach (var (start, end) in matches)
        {
            replaced.Append(text, position, start - position).Append(content);
            position = end;
        }

        return replaced.Append(text, position, text.Length - position).ToString();
    }
}

/// <summary>A text as it stands.</summary>
internal sealed class LiteralPattern(string literal) : Pattern
{
    public override void Find(ReadOnlySpan<char> text, List<(int Start, int End)> matches)
    {
        if (literal.Length == 0) return;
        int position = 0;
        while (text[position..].IndexOf(literal, StringComparison.Ordinal) is >= 0 and var found)
        {
            matches.Add((position + found, position + found + literal.Length));
            position += found + literal.Length;
        }
    }
}

/// <summary>Letters of a kind; each is a match of its own.</summary>
internal sealed class LetterPattern(Func<Rune, bool> isMatch) : Pattern
{
    public override void Find(ReadOnlySpan<char> text, List<(int Start, int End)> matches)
    {
        int position = 0;
        foreach (var letter in text.EnumerateRunes())
        {
            if (isMatch(letter)) matches.Add((position, position + letter.Utf16SequenceLength));
            position += letter.Utf16SequenceLength;
        }
    }
}

/// <summary>Words, <c>\w+</c>, and runs of what is neither of a word nor white space.</summary>
internal sealed class WordPattern : Pattern
{
    public override void Find(ReadOnlySpan<char> text, List<(int Start, int End)> matches)
    {
        int position = 0, start = 0, kind = 0;
        foreach (var letter in text.EnumerateRunes())
        {
            int next = Rune.IsWhiteSpace(letter) ? 0 : Letters.IsOfWord(letter) ? 1 : 2;
            if (next != kind)
            {
                if (kind != 0) matches.Add((start, position));
                (start, kind) = (position, next);
            }

            position += letter.Utf16SequenceLength;
        }

        if (kind != 0) matches.Add((start, position));
    }
}

/// <summary>
/// A regular expression of the reference, which is written for Oniguruma and reads code points. .NET reads UTF-16 units, so a letter outside the basic plane
/// is shown to it as one letter of the same category. One difference is left: where case is ignored, ſ is no s.
/// </summary>
internal sealed class RegexPattern : Pattern
{
    // What .NET reads in another sense than Oniguruma, without an error.
    private static readonly string[] Unknown = ["&&", "[:", @"\h", @"\H", @"\R", @"\X", @"\K", "-["];

    // What \w is to Oniguruma within a class, and by itself, where small digits and fractions are of a word too.
    private const string InnerWordLetters = @"\w\p{M}\p{Nl}\u24B6-\u24E9", WordLetters = InnerWordLetters + @"\u00B2\u00B3\u00B9\u00BC-\u00BE";

    // Some expressions try so many ways through a text that they never end.
    private static readonly TimeSpan MostPatience = TimeSpan.FromSeconds(10);

    private readonly string _expression;
    private readonly Regex _regex;

    /// <summary>Compiles an expression.</summary>
    /// <exception cref="FormatException">It is none, or has what is not supported.</exception>
    public RegexPattern(string expression)
        : this(expression, MostPatience)
    {
    }

    /// <summary>Compiles an expression that may take so long to find its next match.</summary>
    internal RegexPattern(string expression, TimeSpan patience)
    {
        _expression = expression;
        string? unknown = Unknown.FirstOrDefault(part => expression.Contains(part, StringComparison.Ordinal));
        if (unknown is not null || expression.Any(char.IsSurrogate))
        {
            string what = unknown is null ? "a letter outside the basic plane" : Quoted.Of(unknown);
            throw new FormatException($"the regular expression {Quoted.Of(expression)} has {what}, which is not supported");
        }

        try
        {
            _regex = new Regex(Translate(expression), RegexOptions.Compiled | RegexOptions.CultureInvariant | RegexOptions.Multiline, patience);
        }
        catch (ArgumentException exception)
        {
            throw new FormatException($"the regular expression {Quoted.Of(expression)} is not supported", exception);
        }
    }

    public override void Find(ReadOnlySpan<char> text, List<(int Start, int End)> matches)
    {
        if (!text.ContainsAnyInRange('\uD800', '\uDFFF'))
        {
            Find(text, places: null, matches);
            return;
        }

        char[] shown = new char[text.Length];
        int[] places = new int[text.Length + 1];
        int count = 0, position = 0;
        foreach (var letter in text.EnumerateRunes())
        {
            places[count] = position;
            shown[count++] = letter.IsBmp ? (char)letter.Value : StandIn(letter);
            position += letter.Utf16SequenceLength;
        }

        places[count] = position;
        Find(shown.AsSpan(0, count), places, matches);
    }

    private void Find(ReadOnlySpan<char> text, int[]? places, List<(int Start, int End)> matches)
    {
        try
        {
            foreach (var match in _regex.EnumerateMatches(text))
            {
                var (start, end) = (match.Index, match.Index + match.Length);
                matches.Add(places is null ? (start, end) : (places[start], places[end]));
            }
        }
        catch (RegexMatchTimeoutException exception)
        {
            throw new FileContentException(
                $"the tokenizer's regular expression {Quoted.Of(_expression)} tries so many ways through a text of {text.Length} letters that it does not end: it cannot be used",
                exception);
        }
    }

    /// <summary>An expression with words as Oniguruma has them, which are more than .NET's.</summary>
    private static string Translate(string expression)
    {
        var translated = new StringBuilder(expression.Length);
        int depth = 0;
        for (int i = 0; i < expression.Length; i++)
        {
            if (expression[i] == '\\' && i + 1 < expression.Length)
            {
                string escape = expression.Substring(i++, 2);
                translated.Append((escape, depth) switch
                {
                    (@"\w", 0) => $"[{WordLetters}]",
                    (@"\w", _) => InnerWordLetters,
                    (@"\W", 0) => $"[^{WordLetters}]",
                    (@"\W", _) => throw new FormatException($"the regular expression {Quoted.Of(expression)} has '\\W' within a class, which is not supported"),
                    (@"\b", 0) => $"(?:(?<=[{WordLetters}])(?![{WordLetters}])|(?<![{WordLetters}])(?=[{WordLetters}]))",
                    (@"\B", 0) => $"(?:(?<=[{WordLetters}])(?=[{WordLetters}])|(?<![{WordLetters}])(?![{WordLetters}]))",
                    _ => escape,
                });
                continue;
            }

            if (expression[i] == '[') depth = 1;
            else if (expression[i] == ']') depth = 0;
            translated.Append(expression[i]);
        }

        return translated.ToString();
    }

    /// <summary>A rare letter of the category of one outside the basic plane.</summary>
    private static char StandIn(Rune letter) => Rune.GetUnicodeCategory(letter) switch
    {
        UnicodeCategory.UppercaseLetter => '\uA740',
        UnicodeCategory.LowercaseLetter => '\uA741',
        UnicodeCategory.ModifierLetter => '\uA717',
        UnicodeCategory.OtherLetter => '\uA840',
        UnicodeCategory.NonSpacingMark => '\uA8E0',
        UnicodeCategory.SpacingCombiningMark => '\uA880',
        UnicodeCategory.DecimalDigitNumber => '\uA8D0',
        UnicodeCategory.LetterNumber => '\uA6E6',
        UnicodeCategory.OtherNumber => '\uA830',
        UnicodeCategory.DashPunctuation => '\u2E3A',
        UnicodeCategory.OtherPunctuation => '\uA874',
        UnicodeCategory.MathSymbol => '\u2A00',
        UnicodeCategory.CurrencySymbol => '\uA838',
        UnicodeCategory.ModifierSymbol => '\uA700',
        UnicodeCategory.OtherSymbol => Letters.IsOfWord(letter) ? '\u24B6' : '\uA490',
        UnicodeCategory.Format => '\u2063',
        UnicodeCategory.PrivateUse => '\uE000',
        _ => '\uFFFE',
    };
}
