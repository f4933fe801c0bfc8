using System.Text;

namespace Spd.Text;

/// <summary>A part of the text that is encoded, in UTF-16 units.</summary>
internal readonly record struct Extent(int Start, int End);

/// <summary>A piece of text on its way through normalizers and pre-tokenizers, and for each of its characters which part of the encoded text it stands for.</summary>
/// <param name="Text">Its text, without lone surrogates.</param>
/// <param name="Extents">One for each character of <paramref name="Text"/>; none where offsets are not asked for.</param>
/// <param name="HasExtents">Whether offsets are asked for.</param>
/// <param name="IsFirst">Whether the encoded text starts with it.</param>
internal readonly record struct Piece(ReadOnlyMemory<char> Text, ReadOnlyMemory<Extent> Extents, bool HasExtents, bool IsFirst)
{
    public ReadOnlySpan<char> Span => Text.Span;

    /// <summary>The whole of a text.</summary>
    public static Piece Of(string text, bool withExtents)
    {
        if (!withExtents) return new Piece(text.AsMemory(), default, false, true);
        var extents = new Extent[text.Length];
        for (int i = 0; i < text.Length; i++)
        {
            bool isPair = char.IsHighSurrogate(text[i]);
            extents[i] = new Extent(i, isPair ? i + 2 : i + 1);
            if (isPair) extents[++i] = extents[i - 1];
        }

        return new Piece(text.AsMemory(), extents, true, true);
    }

    public Piece Slice(int start, int length) =>
        new(Text.Slice(start, length), HasExtents ? Extents.Slice(start, length) : default, HasExtents, IsFirst && start == 0);

    /// <summary>The part of the encoded text that some of the characters stand for.</summary>
    public Extent ExtentOf(int start, int end)
    {
        var extents = Extents.Span;
        if (end > start) return new Extent(extents[start].Start, extents[end - 1].End);
        int place = extents.Length == 0 ? 0 : start < extents.Length ? extents[start].Start : extents[^1].End;
        return new Extent(place, place);
    }

    /// <summary>With a text before it, which stands for what the first letter stands for.</summary>
    public Piece Prepend(string text)
    {
        if (Text.IsEmpty) return this;
        var builder = new PieceBuilder(this);
        foreach (var letter in text.EnumerateRunes()) builder.InsertBefore(letter);
        builder.CopyTo(Text.Length);
        return builder.ToPiece();
    }

    /// <summary>With only some of the letters.</summary>
    public Piece Filter(Func<Rune, bool> isKept)
    {
        var builder = new PieceBuilder(this);
        foreach (var letter in Span.EnumerateRunes())
        {
            if (isKept(letter)) builder.Replace(letter);
            else builder.Skip(1);
        }

        return builder.ToPiece();
    }
}

/// <summary>Makes a new piece of one, letter by letter, and keeps for each which part of the encoded text it stands for.</summary>
internal sealed class PieceBuilder(Piece source)
{
    private readonly StringBuilder _text = new(source.Text.Length + 8);
    private readonly List<Extent> _extents = [];
    private int _position;

    /// <summary>A letter in place of the next one.</summary>
    public void Replace(Rune letter)
    {
        Add(letter, Current);
        Skip(1);
    }

    /// <summary>A letter more; it stands for what the letter before it in the source stands for.</summary>
    public void Insert(Rune letter) => Add(letter, source.HasExtents && _position > 0 ? source.Extents.Span[_position - 1] : source.ExtentOf(0, 0));

    /// <summary>A letter more; it stands for what the next letter stands for.</summary>
    public void InsertBefore(Rune letter) => Add(letter, Current);

    /// <summary>A letter with what it means for the source, as normalisations say it.</summary>
    /// <param name="letter">The letter.</param>
    /// <param name="change">1 for one more letter, 0 for one in place of the next, −n for one in place of the next one and of n more behind it.</param>
    public void Put(Rune letter, int change)
    {
        if (change > 0)
        {
            Insert(letter);
            return;
        }

        Replace(letter);
        Skip(-change);
    }

    /// <summary>Leaves out the next letters.</summary>
    public void Skip(int letters)
    {
        var text = source.Span;
        for (; letters > 0 && _position < text.Length; letters--) _position += char.IsHighSurrogate(text[_position]) ? 2 : 1;
    }

    /// <summary>Leaves out what is before a place of the source.</summary>
    public void SkipTo(int position) => _position = position;

    /// <summary>Takes what is before a place of the source as it is.</summary>
    public void CopyTo(int position)
    {
        _text.Append(source.Span[_position..position]);
        if (source.HasExtents) _extents.AddRange(source.Extents.Span[_position..position]);
        _position = position;
    }

    public Piece ToPiece() => new(_text.ToString().AsMemory(), source.HasExtents ? _extents.ToArray() : default, source.HasExtents, source.IsFirst);

    private Extent Current => !source.HasExtents ? default
        : _position < source.Extents.Length ? source.Extents.Span[_position]
        : source.ExtentOf(_position, _position);

    private void Add(Rune letter, Extent extent)
    {
        Span<char> units = stackalloc char[2];
        int count = letter.EncodeToUtf16(units);
        _text.Append(units[..count]);
        if (!source.HasExtents) return;
        for (int i = 0; i < count; i++) _extents.Add(extent);
    }
}
