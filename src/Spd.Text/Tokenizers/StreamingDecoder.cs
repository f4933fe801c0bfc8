namespace Spd.Text;

/// <summary>
/// Decodes tokens that come one after the other, as those of a model that writes. What it gives is, put together, what <see cref="Tokenizer.Decode"/> gives for all of
/// them; a letter comes with its last byte.
/// </summary>
public sealed class StreamingDecoder
{
    private readonly Tokenizer _tokenizer;
    private readonly bool _skipSpecialTokens;

    // The tokens since the text before the last that was given, which show how the next ones join to them, and how much of their text was given.
    private readonly List<int> _ids = [];
    private int _givenIds, _givenLength;

    internal StreamingDecoder(Tokenizer tokenizer, bool skipSpecialTokens)
    {
        _tokenizer = tokenizer;
        _skipSpecialTokens = skipSpecialTokens;
    }

    /// <summary>The text that is certain once this token came; empty while it ends within a letter.</summary>
    /// <param name="id">The token.</param>
    /// <exception cref="ArgumentOutOfRangeException">The id is not in the vocabulary.</exception>
    public string Append(int id)
    {
        _ = _tokenizer.SpellingOf(id);
        if (_skipSpecialTokens && _tokenizer.IsSpecial(id)) return "";
        _ids.Add(id);
        string text = TextOf(_ids);
        if (text.Length <= _givenLength || text.EndsWith('\uFFFD')) return "";
        string given = text[_givenLength..];
        _ids.RemoveRange(0, _givenIds);
        _givenIds = _ids.Count;
        _givenLength = TextOf(_ids).Length;
        return given;
    }

    /// <summary>What was held back, with U+FFFD for bytes that make no letter. The next token starts a new text.</summary>
    public string Finish()
    {
        string text = TextOf(_ids), rest = text.Length > _givenLength ? text[_givenLength..] : "";
        _ids.Clear();
        (_givenIds, _givenLength) = (0, 0);
        return rest;
    }

    private string TextOf(List<int> ids) => _tokenizer.Decode([.. ids], _skipSpecialTokens);
}
