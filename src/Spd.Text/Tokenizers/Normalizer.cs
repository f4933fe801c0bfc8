using System.Text;

namespace Spd.Text;

/// <summary>Changes the letters of a text before it is cut.</summary>
internal abstract class Normalizer
{
    public abstract Piece Normalize(Piece piece);

    /// <summary>Reads a normalizer.</summary>
    public static Normalizer Read(Part part) => part.Type switch
    {
        "Sequence" => new NormalizerSequence([.. part.Get("normalizers").Elements().Select(Read)]),
        "NFC" => new UnicodeNormalizer(isCompatible: false, isComposed: true),
        "NFD" => new UnicodeNormalizer(isCompatible: false, isComposed: false),
        "NFKC" => new UnicodeNormalizer(isCompatible: true, isComposed: true),
        "NFKD" => new UnicodeNormalizer(isCompatible: true, isComposed: false),
        "Lowercase" => new LowercaseNormalizer(),
        "StripAccents" => new FilterNormalizer(letter => !Letters.IsMark(letter)),
        "Strip" => new StripNormalizer(part.Flag("strip_left", true), part.Flag("strip_right", true)),
        "Prepend" => new PrependNormalizer(part.Text("prepend")),
        "Replace" => new ReplaceNormalizer(part.Pattern("pattern"), part.Text("content")),
        "BertNormalizer" => Bert(part),
        "ByteLevel" => new ByteLevelNormalizer(),
        _ => throw part.Unsupported("normalizer"),
    };

    private static NormalizerSequence Bert(Part part)
    {
        bool lowercase = part.Flag("lowercase", true);
        var parts = new List<Normalizer>();
        if (part.Flag("clean_text", true)) parts.Add(new CleaningNormalizer());
        if (part.Flag("handle_chinese_chars", true)) parts.Add(new ChineseNormalizer());
        if (part.Flag("strip_accents", lowercase))
            parts.AddRange(new UnicodeNormalizer(isCompatible: false, isComposed: false), new FilterNormalizer(letter => !Letters.IsNonSpacingMark(letter)));
        if (lowercase) parts.Add(new LowercaseNormalizer());
        return new NormalizerSequence(parts);
    }
}

internal sealed class NormalizerSequence(List<Normalizer> parts) : Normalizer
{
    public override Piece Normalize(Piece piece)
    {
        foreach (var part in parts) piece = part.Normalize(piece);
        return piece;
    }
}

internal sealed class UnicodeNormalizer(bool isCompatible, bool isComposed) : Normalizer
{
    public override Piece Normalize(Piece piece) => UnicodeNormalization.Normalize(piece, isCompatible, isComposed);
}

internal sealed class LowercaseNormalizer : Normalizer
{
    private static readonly Rune CapitalIWithDot = new(0x130), DotAbove = new(0x307);

    public override Piece Normalize(Piece piece)
    {
        var builder = new PieceBuilder(piece);
        foreach (var letter in piece.Span.EnumerateRunes())
        {
            // The one letter whose small form is two.
            builder.Replace(letter == CapitalIWithDot ? new Rune('i') : Rune.ToLowerInvariant(letter));
            if (letter == CapitalIWithDot) builder.Insert(DotAbove);
        }

        return builder.ToPiece();
    }
}

internal sealed class FilterNormalizer(Func<Rune, bool> isKept) : Normalizer
{
    public override Piece Normalize(Piece piece) => piece.Filter(isKept);
}

internal sealed class StripNormalizer(bool left, bool right) : Normalizer
{
    public override Piece Normalize(Piece piece)
    {
        var text = piece.Span;
        int start = left ? text.Length - text.TrimStart().Length : 0;
        return piece.Slice(start, (right ? text[start..].TrimEnd() : text[start..]).Length);
    }
}

internal sealed class PrependNormalizer(string text) : Normalizer
{
    public override Piece Normalize(Piece piece) => piece.Prepend(text);
}

internal sealed class ReplaceNormalizer(Pattern pattern, string content) : Normalizer
{
    public override Piece Normalize(Piece piece)
    {
        var matches = new List<(int Start, int End)>();
        pattern.Find(piece.Span, matches);
        if (matches.Count == 0) return piece;
        var builder = new PieceBuilder(piece);
        foreach (var (start, end) in matches)
        {
            builder.CopyTo(start);
            builder.SkipTo(end);
            foreach (var letter in content.EnumerateRunes()) builder.Insert(letter);
        }

        builder.CopyTo(piece.Text.Length);
        return builder.ToPiece();
    }
}

/// <summary>BERT's cleaning: control characters go, and all white space becomes spaces.</summary>
internal sealed class CleaningNormalizer : Normalizer
{
    private static readonly Rune Space = new(' ');

    public override Piece Normalize(Piece piece)
    {
        var builder = new PieceBuilder(piece);
        foreach (var letter in piece.Span.EnumerateRunes())
        {
            if (letter.Value is 0 or 0xFFFD || Letters.IsControl(letter)) builder.Skip(1);
            else builder.Replace(Rune.IsWhiteSpace(letter) ? Space : letter);
        }

        return builder.ToPiece();
    }
}

/// <summary>Puts spaces around each Chinese letter.</summary>
internal sealed class ChineseNormalizer : Normalizer
{
    private static readonly Rune Space = new(' ');

    public override Piece Normalize(Piece piece)
    {
        var builder = new PieceBuilder(piece);
        foreach (var letter in piece.Span.EnumerateRunes())
        {
            bool isChinese = Letters.IsChinese(letter);
            if (isChinese) builder.InsertBefore(Space);
            builder.Replace(letter);
            if (isChinese) builder.Insert(Space);
        }

        return builder.ToPiece();
    }
}

/// <summary>Spells the text in the alphabet of bytes, before it is cut.</summary>
internal sealed class ByteLevelNormalizer : Normalizer
{
    public override Piece Normalize(Piece piece)
    {
        var pieces = new List<Piece>(1);
        ByteAlphabet.Spell(piece, [(0, piece.Text.Length)], pieces);
        return pieces.Count == 0 ? piece : pieces[0];
    }
}
