using System.Buffers;
using System.Text;

namespace Spd.Text;

/// <summary>A token that is found in a text before the model sees it.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Content">How it is spelled.</param>
/// <param name="IsWord">Whether it is found only where no letter of a word is next to it.</param>
/// <param name="TakesLeft">Whether it takes the white space before it.</param>
/// <param name="TakesRight">Whether it takes the white space behind it.</param>
/// <param name="IsNormalized">Whether it is looked for in the normalized text.</param>
/// <param name="IsSpecial">Whether it is no text but a sign, such as that of an end.</param>
internal sealed record AddedToken(int Id, string Content, bool IsWord, bool TakesLeft, bool TakesRight, bool IsNormalized, bool IsSpecial)
{
    public static AddedToken Read(Part part) => new(
        TokenModel.CheckedId(part.Get("id")), part.Text("content"), part.Flag("single_word", false), part.Flag("lstrip", false), part.Flag("rstrip", false),
        part.Flag("normalized", true), part.Flag("special", false));
}

/// <summary>Finds added tokens in texts: the one that starts first, and of those that start at one place the longest.</summary>
internal sealed class AddedTokenFinder
{
    private readonly (AddedToken Token, string Text)[] _tokens;
    private readonly SearchValues<string> _texts;

    /// <summary>Makes a finder.</summary>
    /// <param name="tokens">The tokens, and the text that each is looked for as.</param>
    public AddedTokenFinder(IEnumerable<(AddedToken Token, string Text)> tokens)
    {
        _tokens = [.. tokens.Where(token => token.Text.Length > 0).OrderByDescending(token => token.Text.Length)];
        _texts = SearchValues.Create([.. _tokens.Select(token => token.Text)], StringComparison.Ordinal);
    }

    /// <summary>Adds the parts of a piece: those between the tokens, with null, and the tokens.</summary>
    public void Split(Piece piece, List<(Piece Piece, AddedToken? Token)> into)
    {
        var text = piece.Span;
        int position = 0, search = 0;
        while (_tokens.Length > 0 && search < text.Length && text[search..].IndexOfAny(_texts) is >= 0 and var found)
        {
            int start = search + found;
            var token = TokenAt(text[start..], out int length);
            int end = search = start + length;
            if (token.IsWord && (IsWordBefore(text[..start]) || IsWordBehind(text[end..]))) continue;
            if (token.TakesLeft) start = Math.Max(position, text[..start].TrimEnd().Length);
            if (token.TakesRight) end = text.Length - text[end..].TrimStart().Length;
            if (start > position) into.Add((piece.Slice(position, start - position), null));
            into.Add((piece.Slice(start, end - start), token));
            position = search = end;
        }

        if (position < text.Length) into.Add((piece.Slice(position, text.Length - position), null));
    }

    private AddedToken TokenAt(ReadOnlySpan<char> text, out int length)
    {
        foreach (var (token, content) in _tokens)
        {
            if (!text.StartsWith(content, StringComparison.Ordinal)) continue;
            length = content.Length;
            return token;
        }

        throw new InvalidOperationException("the search found what is no token");
    }

    private static bool IsWordBefore(ReadOnlySpan<char> text) =>
        Rune.DecodeLastFromUtf16(text, out var letter, out _) == OperationStatus.Done && Letters.IsOfWord(letter);

    private static bool IsWordBehind(ReadOnlySpan<char> text) =>
        Rune.DecodeFromUtf16(text, out var letter, out _) == OperationStatus.Done && Letters.IsOfWord(letter);
}
