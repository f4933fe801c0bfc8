using System.Text;
using Spd.Formats;

namespace Spd.Text;

/// <summary>Cuts a text into words; no token reaches over the edge of one.</summary>
internal abstract class PreTokenizer
{
    /// <summary>Adds the words of a piece; none is empty.</summary>
    public abstract void Split(Piece piece, List<Piece> into);

    /// <summary>Reads a pre-tokenizer.</summary>
    public static PreTokenizer Read(Part part) => part.Type switch
    {
        "Sequence" => new PreTokenizerSequence([.. part.Get("pretokenizers").Elements().Select(Read)]),
        "ByteLevel" => new ByteLevelPreTokenizer(part.Flag("add_prefix_space", true), part.Flag("use_regex", true)),
        "Split" => new SplitPreTokenizer(part.Pattern("pattern"), Behavior(part.Get("behavior")), part.Flag("invert", false)),
        "Whitespace" => new SplitPreTokenizer(new WordPattern(), SplitBehavior.Removed, invert: true),
        "WhitespaceSplit" => WhiteSpace(),
        "BertPreTokenizer" => new PreTokenizerSequence([WhiteSpace(), Punctuation(SplitBehavior.Isolated)]),
        "Punctuation" => Punctuation(part.Find("behavior") is { } behavior ? Behavior(behavior) : SplitBehavior.Isolated),
        "Digits" => new SplitPreTokenizer(
            new LetterPattern(Letters.IsNumeric), part.Flag("individual_digits", false) ? SplitBehavior.Isolated : SplitBehavior.Contiguous, invert: false),
        "CharDelimiterSplit" => new SplitPreTokenizer(new LiteralPattern(part.Letter("delimiter").ToString()), SplitBehavior.Removed, invert: false),
        "Metaspace" => new MetaspacePreTokenizer(part.Letter("replacement"), MetaspaceScheme(part), part.Flag("split", true)),
        _ => throw part.Unsupported("pre_tokenizer"),
    };

    /// <summary>Where a Metaspace puts its letter before a text; older files say it by <c>add_prefix_space</c>.</summary>
    public static PrependScheme MetaspaceScheme(Part part)
    {
        bool isPrepended = part.Flag("add_prefix_space", true);
        if (part.Find("prepend_scheme") is not { } named) return isPrepended ? PrependScheme.Always : PrependScheme.Never;
        var scheme = Choice<PrependScheme>(named);
        return isPrepended || scheme == PrependScheme.Never
            ? scheme
            : throw new FormatException($"{named.Where} is {Quoted.Of(named.AsText())}, but its add_prefix_space is false");
    }

    private static SplitBehavior Behavior(Part part) => Choice<SplitBehavior>(part);

    private static T Choice<T>(Part part) where T : struct, Enum
    {
        string name = part.AsText();
        return !char.IsAsciiDigit(name.FirstOrDefault()) && Enum.TryParse<T>(name, ignoreCase: true, out var value)
            ? value
            : throw new FormatException($"{part.Where} is {Quoted.Of(name)}; it must be one of {string.Join(", ", Enum.GetNames<T>())}");
    }

    private static SplitPreTokenizer WhiteSpace() => new(new LetterPattern(Rune.IsWhiteSpace), SplitBehavior.Removed, invert: false);

    private static SplitPreTokenizer Punctuation(SplitBehavior behavior) => new(new LetterPattern(Letters.IsPunctuation), behavior, invert: false);
}

/// <summary>What becomes of a match that a text is cut at.</summary>
internal enum SplitBehavior
{
    /// <summary>It goes.</summary>
    Removed,

    /// <summary>It is a word of its own.</summary>
    Isolated,

    /// <summary>It is the end of the word before it.</summary>
    MergedWithPrevious,

    /// <summary>It is the start of the word behind it.</summary>
    MergedWithNext,

    /// <summary>It and the matches next to it are one word.</summary>
    Contiguous,
}

/// <summary>Before which texts a Metaspace puts its letter.</summary>
internal enum PrependScheme
{
    /// <summary>Before each piece of text between added tokens.</summary>
    Always,

    /// <summary>Before none.</summary>
    Never,

    /// <summary>Before that which starts the whole text.</summary>
    First,
}

internal sealed class PreTokenizerSequence(List<PreTokenizer> parts) : PreTokenizer
{
    public override void Split(Piece piece, List<Piece> into)
    {
        List<Piece> pieces = [piece];
        foreach (var part in parts)
        {
            var next = new List<Piece>();
            foreach (var word in pieces) part.Split(word, next);
            pieces = next;
        }

        into.AddRange(pieces);
    }
}

internal sealed class SplitPreTokenizer(Pattern pattern, SplitBehavior behavior, bool invert) : PreTokenizer
{
    public override void Split(Piece piece, List<Piece> into)
    {
        var matches = new List<(int Start, int End)>();
        pattern.Find(piece.Span, matches);
        var parts = new List<(int Start, int End, bool IsMatch)>(2 * matches.Count + 1);
        int position = 0;
        foreach (var (start, end) in matches)
        {
            if (start > position) parts.Add((position, start, invert));
            parts.Add((start, end, !invert));
            position = end;
        }

        if (position < piece.Text.Length) parts.Add((position, piece.Text.Length, invert));
        foreach (var (start, end) in Joined(parts))
        {
            if (end > start) into.Add(piece.Slice(start, end - start));
        }
    }

    private IEnumerable<(int Start, int End)> Joined(List<(int Start, int End, bool IsMatch)> parts) => behavior switch
    {
        SplitBehavior.Isolated => parts.Select(part => (part.Start, part.End)),
        SplitBehavior.Removed => parts.Where(part => !part.IsMatch).Select(part => (part.Start, part.End)),
        SplitBehavior.Contiguous => Joined(parts, (isMatch, wasMatch) => isMatch == wasMatch),
        SplitBehavior.MergedWithPrevious => Joined(parts, (isMatch, wasMatch) => isMatch && !wasMatch),
        _ => Joined(parts.AsEnumerable().Reverse(), (isMatch, wasMatch) => isMatch && !wasMatch).AsEnumerable().Reverse(),
    };

    /// <summary>Joins a part with the one before it in the order given, where a rule says so.</summary>
    private static List<(int Start, int End)> Joined(IEnumerable<(int Start, int End, bool IsMatch)> parts, Func<bool, bool, bool> isJoined)
    {
        var joined = new List<(int Start, int End)>();
        bool wasMatch = false;
        foreach (var (start, end, isMatch) in parts)
        {
            if (joined.Count > 0 && isJoined(isMatch, wasMatch)) joined[^1] = (Math.Min(joined[^1].Start, start), Math.Max(joined[^1].End, end));
            else joined.Add((start, end));
            wasMatch = isMatch;
        }

        return joined;
    }
}

internal sealed class ByteLevelPreTokenizer(bool addPrefixSpace, bool useRegex) : PreTokenizer
{
    private static readonly RegexPattern Words = new(@"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+");

    public override void Split(Piece piece, List<Piece> into)
    {
        if (addPrefixSpace && !piece.Span.StartsWith(' ')) piece = piece.Prepend(" ");
        var words = new List<(int Start, int End)>();
        // Its alternatives cover all letters, so its matches are all of the text.
        if (useRegex) Words.Find(piece.Span, words);
        else words.Add((0, piece.Text.Length));
        ByteAlphabet.Spell(piece, words, into);
    }
}

internal sealed class MetaspacePreTokenizer(Rune replacement, PrependScheme scheme, bool split) : PreTokenizer
{
    private readonly ReplaceNormalizer _spaces = new(new LiteralPattern(" "), replacement.ToString());
    private readonly SplitPreTokenizer _split = new(new LiteralPattern(replacement.ToString()), SplitBehavior.MergedWithNext, invert: false);

    public override void Split(Piece piece, List<Piece> into)
    {
        bool isFirst = piece.IsFirst;
        piece = _spaces.Normalize(piece);
        if (scheme != PrependScheme.Never && (scheme == PrependScheme.Always || isFirst) && !piece.Span.StartsWith(replacement.ToString()))
            piece = piece.Prepend(replacement.ToString());
        if (split) _split.Split(piece, into);
        else if (!piece.Text.IsEmpty) into.Add(piece);
    }
}
