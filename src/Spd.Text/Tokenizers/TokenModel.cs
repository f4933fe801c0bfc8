using System.Collections.Concurrent;
using Spd.Formats;

namespace Spd.Text;

/// <summary>A token of a word, and where in the word it stands, in UTF-16 units.</summary>
internal readonly record struct WordToken(int Id, int Start, int End);

/// <summary>Cuts words into tokens. What words were cut into is kept, since texts say the same again and again; several threads may ask at once.</summary>
internal abstract class TokenModel(Dictionary<string, int> vocabulary)
{
    // Words of usual lengths, and so many that they need some 20 MB at most.
    private const int LongestKept = 48, MostKept = 1 << 17;
    private const int HighestId = (1 << 24) - 1;

    private readonly ConcurrentDictionary<string, WordToken[]> _kept = new(StringComparer.Ordinal);
    private int _keptCount;

    /// <summary>The tokens by what they are spelled.</summary>
    public Dictionary<string, int> Vocabulary { get; } = vocabulary;

    /// <summary>How many characters at the start of a word can be cut without a look at the others.</summary>
    public virtual int FirstPart(ReadOnlySpan<char> word) => word.Length;

    /// <summary>The tokens of a word.</summary>
    /// <exception cref="ArgumentException">The vocabulary has no token for it.</exception>
    public WordToken[] TokensOf(ReadOnlySpan<char> word)
    {
        var kept = _kept.GetAlternateLookup<ReadOnlySpan<char>>();
        if (kept.TryGetValue(word, out var tokens)) return tokens;
        tokens = Tokenize(word);
        if (word.Length <= LongestKept && _keptCount < MostKept && kept.TryAdd(word, tokens)) Interlocked.Increment(ref _keptCount);
        return tokens;
    }

    protected abstract WordToken[] Tokenize(ReadOnlySpan<char> word);

    /// <summary>What is said where no token fits, and no token stands for what is unknown.</summary>
    protected static ArgumentException Unknown(ReadOnlySpan<char> word) =>
        new($"the vocabulary has no token for {Quoted.Of(word.ToString())}, nor one for what is unknown");

    /// <summary>The id of the token for what is unknown; null where the model names none.</summary>
    protected static int? UnknownId(Part part, Dictionary<string, int> vocabulary)
    {
        if (part.Find("unk_token") is not { } name) return null;
        return vocabulary.TryGetValue(name.AsText(), out int id)
            ? id
            : throw new FormatException($"{name.Where} is {Quoted.Of(name.AsText())}, which is not in the vocabulary");
    }

    /// <summary>An id that is not so high that a file which is damaged must have said it.</summary>
    public static int CheckedId(Part part) =>
        part.AsNumber() is <= HighestId and var id ? id : throw new FormatException($"{part.Where} is {part.AsNumber()}; at most {HighestId} are read");

    /// <summary>Reads a model.</summary>
    public static TokenModel Read(Part part)
    {
        // Older files do not name the type.
        string type = part.Find("type")?.AsText()
            ?? (part.Find("merges") is not null ? "BPE" : part.Find("max_input_chars_per_word") is not null ? "WordPiece" : "WordLevel");
        return type switch
        {
            "BPE" => BpeModel.Read(part, ReadVocabulary(part)),
            "WordPiece" => WordPieceModel.Read(part, ReadVocabulary(part)),
            "WordLevel" => WordLevelModel.Read(part, ReadVocabulary(part)),
            _ => throw part.Unsupported("model"),
        };
    }

    private static Dictionary<string, int> ReadVocabulary(Part part)
    {
        var entries = part.Get("vocab").Entries();
        var vocabulary = new Dictionary<string, int>(entries.Count, StringComparer.Ordinal);
        var names = new Dictionary<int, string>(entries.Count);
        foreach (var (token, value) in entries)
        {
            int id = CheckedId(value with { Where = $"the id of {Quoted.Of(token)} in {part.Where}.vocab" });
            vocabulary.Add(token, id);
            if (!names.TryAdd(id, token)) throw new FormatException($"{part.Where}.vocab gives the id {id} to both {Quoted.Of(names[id])} and {Quoted.Of(token)}");
        }

        return vocabulary.Count > 0 ? vocabulary : throw new FormatException($"{part.Where}.vocab is empty");
    }
}

/// <summary>Takes the longest token that a word starts with, and again of the rest, whose tokens have a prefix.</summary>
internal sealed class WordPieceModel : TokenModel
{
    private readonly int? _unknown;
    private readonly int _longestWord;
    private readonly Dictionary<string, int> _continuing;
    private readonly int _longestToken;

    private WordPieceModel(Dictionary<string, int> vocabulary, int? unknown, string prefix, int longestWord) : base(vocabulary)
    {
        _unknown = unknown;
        _longestWord = longestWord;
        _continuing = vocabulary.Where(token => token.Key.StartsWith(prefix, StringComparison.Ordinal))
            .ToDictionary(token => token.Key[prefix.Length..], token => token.Value, StringComparer.Ordinal);
        _longestToken = vocabulary.Keys.Max(token => token.Length);
    }

    public static WordPieceModel Read(Part part, Dictionary<string, int> vocabulary) => new(
        vocabulary,
        UnknownId(part, vocabulary),
        part.Find("continuing_subword_prefix")?.AsText() ?? "##",
        part.Find("max_input_chars_per_word")?.AsNumber() ?? 100);

    protected override WordToken[] Tokenize(ReadOnlySpan<char> word)
    {
        int letters = 0;
        foreach (var _ in word.EnumerateRunes()) letters++;
        var tokens = new List<WordToken>();
        int start = 0;
        while (letters <= _longestWord && start < word.Length)
        {
            var lookup = (start == 0 ? Vocabulary : _continuing).GetAlternateLookup<ReadOnlySpan<char>>();
            int length = Math.Min(word.Length - start, _longestToken), id = 0;
            while (length > 0 && !lookup.TryGetValue(word.Slice(start, length), out id)) length--;
            if (length == 0) break;
            tokens.Add(new WordToken(id, start, start += length));
        }

        return start == word.Length ? [.. tokens] : [new WordToken(_unknown ?? throw Unknown(word), 0, word.Length)];
    }
}

/// <summary>Whole words are tokens.</summary>
internal sealed class WordLevelModel : TokenModel
{
    private readonly int? _unknown;

    private WordLevelModel(Dictionary<string, int> vocabulary, int? unknown) : base(vocabulary) => _unknown = unknown;

    public static WordLevelModel Read(Part part, Dictionary<string, int> vocabulary) => new(vocabulary, UnknownId(part, vocabulary));

    protected override WordToken[] Tokenize(ReadOnlySpan<char> word) =>
        [new WordToken(Vocabulary.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(word, out int id) ? id : _unknown ?? throw Unknown(word), 0, word.Length)];
}
