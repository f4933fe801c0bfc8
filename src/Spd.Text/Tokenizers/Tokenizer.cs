using System.Security.Cryptography;
using System.Text;
using Spd.Formats;

namespace Spd.Text;

/// <summary>
/// Cuts texts into the tokens of a language model, and makes text of tokens. It gives what the Hugging Face tokenizers library gives for the same
/// <c>tokenizer.json</c>, to the token and its place; a file with a part that is not supported is refused. Texts are encoded whole: the truncation and padding of a
/// file are left to whoever makes batches. A half of a surrogate pair by itself is encoded as U+FFFD. Several threads may use one tokenizer at the same time.
/// </summary>
public sealed class Tokenizer
{
    /// <summary>The file of a tokenizer in a model's folder.</summary>
    public const string FileName = "tokenizer.json";

    /// <summary>The file beside it that says which special tokens texts have.</summary>
    public const string ConfigurationName = "tokenizer_config.json";

    private const int LargestFile = 256 << 20;
    private const char Replacement = '\uFFFD';

    private readonly TokenizerParts _parts;
    private readonly Dictionary<string, int> _ids;
    private readonly Dictionary<int, string> _spellings;
    private readonly HashSet<int> _special;
    private readonly AddedTokenFinder _found, _foundNormalized;

    private Tokenizer(TokenizerParts parts, string identity)
    {
        _parts = parts;
        Identity = identity;
        _ids = parts.Ids();
        _spellings = _ids.ToDictionary(token => token.Value, token => token.Key);
        _special = [.. parts.SpecialIds];
        _found = new AddedTokenFinder(parts.Added.Where(token => !token.IsNormalized).Select(token => (token, token.Content)));
        _foundNormalized = new AddedTokenFinder(parts.Added.Where(token => token.IsNormalized)
            .Select(token => (token, parts.Normalizer?.Normalize(Piece.Of(token.Content, withExtents: false)).Span.ToString() ?? token.Content)));
        VocabularySize = _spellings.Keys.Max() + 1;
    }

    /// <summary>What it was read from: <c>tokenizer.json</c>, <c>llama2.c tokenizer</c>.</summary>
    public string Format => _parts.Format;

    /// <summary>The SHA-256 of the file, which tells it from tokenizers that give other ids.</summary>
    public string Identity { get; }

    /// <summary>One more than the highest id: how many tokens a model must have rows for.</summary>
    public int VocabularySize { get; }

    /// <summary>The ids that <see cref="Encode"/> puts before those of a text where special tokens are asked for, such as that of a beginning; and no others.</summary>
    public IReadOnlyList<int> Prepended => _parts.PostProcessor.Prepended;

    /// <summary>The ids that <see cref="Encode"/> puts behind those of a text where special tokens are asked for.</summary>
    public IReadOnlyList<int> Appended => _parts.PostProcessor.Appended;

    /// <summary>
    /// The token of the beginning of a sequence (BOS): what the <c>tokenizer_config.json</c> beside the file says, or where there is none the special token of a usual
    /// name. Null where there is none. Whether texts get it is another matter: see <see cref="Prepended"/>.
    /// </summary>
    public int? BeginningId => _parts.BeginningId;

    /// <summary>The token of the end of a sequence (EOS), found as <see cref="BeginningId"/> is.</summary>
    public int? EndId => _parts.EndId;

    /// <summary>Reads a tokenizer.</summary>
    /// <param name="path">A <c>tokenizer.json</c>, a folder that holds one, or a <c>tokenizer.bin</c> of llama2.c.</param>
    /// <exception cref="FileContentException">It is damaged, or has a part that is not supported.</exception>
    /// <exception cref="IOException">It is missing or cannot be read.</exception>
    public static Tokenizer Load(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        if (Directory.Exists(path))
        {
            string inside = Path.Combine(path, FileName);
            if (!File.Exists(inside)) throw new FileContentException($"{Quoted.Path(path)} holds no {FileName}; name the file itself where it has another name");
            path = inside;
        }

        try
        {
            byte[] bytes = ReadAll(path);
            string configuration = Path.Combine(Path.GetDirectoryName(path) ?? "", ConfigurationName);
            var parts = Read(bytes, () => File.Exists(configuration) ? ReadAll(configuration) : []);
            return new Tokenizer(parts, Convert.ToHexStringLower(SHA256.HashData(bytes)));
        }
        catch (FormatException exception)
        {
            throw new FileContentException($"{Quoted.Path(path)} is no usable tokenizer: {exception.Message}", exception);
        }
    }

    /// <summary>
    /// The tokenizer that lies beside a model: in its folder a <c>tokenizer.json</c> or one of llama2.c, <c>tok512.bin</c> for a vocabulary of 512 or
    /// <c>tokenizer.bin</c>; beside the folder one of llama2.c for a vocabulary of that size.
    /// </summary>
    /// <param name="model">The model's folder, or its file.</param>
    /// <param name="vocabularySize">Tokens of the model's vocabulary.</param>
    /// <returns>Its path; null where there is none.</returns>
    public static string? Find(string model, int vocabularySize)
    {
        string sized = $"tok{vocabularySize}.bin", beside = Path.GetDirectoryName(Path.TrimEndingDirectorySeparator(model)) ?? "";
        string folder = Directory.Exists(model) ? model : beside;
        string[] paths = [Path.Combine(folder, FileName), Path.Combine(folder, sized), Path.Combine(folder, "tokenizer.bin"), Path.Combine(beside, sized)];
        return Array.Find(paths, File.Exists);
    }

    /// <summary>Copies a <c>tokenizer.json</c> into the folder of a model, with the <c>tokenizer_config.json</c> beside it; each whole or not at all.</summary>
    /// <param name="path">The file, whatever it is called, or its folder.</param>
    /// <param name="folder">The folder; files of these names are replaced.</param>
    /// <exception cref="IOException">A file cannot be read or written.</exception>
    public static void Copy(string path, string folder)
    {
        if (Directory.Exists(path)) path = Path.Combine(path, FileName);
        string configuration = Path.Combine(Path.GetDirectoryName(path) ?? "", ConfigurationName);
        if (File.Exists(configuration)) CopyTo(configuration, ConfigurationName);
        CopyTo(path, FileName);

        void CopyTo(string from, string name)
        {
            byte[] bytes = ReadAll(from);
            AtomicFile.Write(Path.Combine(folder, name), stream => stream.Write(bytes));
        }
    }

    /// <summary>The tokens of a text.</summary>
    /// <param name="text">The text. Special tokens that are spelled in it are found.</param>
    /// <param name="addSpecialTokens">Whether <see cref="Prepended"/> and <see cref="Appended"/> are added.</param>
    /// <exception cref="ArgumentException">The vocabulary has no token for a letter, nor one for what is unknown.</exception>
    public int[] Encode(string text, bool addSpecialTokens)
    {
        var tokens = Cut(Whole(text), withExtents: false);
        var ids = tokens.Select(token => token.Id);
        return addSpecialTokens ? [.. Prepended, .. ids, .. Appended] : [.. ids];
    }

    /// <summary>The tokens of a text, and where in it each stands.</summary>
    /// <param name="text">The text, as for <see cref="Encode"/>.</param>
    /// <param name="addSpecialTokens">Whether <see cref="Prepended"/> and <see cref="Appended"/> are added.</param>
    /// <exception cref="ArgumentException">The vocabulary has no token for a letter, nor one for what is unknown.</exception>
    public Token[] EncodeWithOffsets(string text, bool addSpecialTokens)
    {
        text = Whole(text);
        int[] codePoints = CodePoints(text);
        var tokens = new List<Token>();
        foreach (var (id, extent, spelling) in Cut(text, withExtents: true))
        {
            var (start, end) = _parts.PostProcessor.Trim(tokens.Count == 0, spelling ?? _spellings[id], codePoints[extent.Start], codePoints[extent.End]);
            tokens.Add(new Token(id, start, end));
        }

        return addSpecialTokens ? [.. Prepended.Select(Without), .. tokens, .. Appended.Select(Without)] : [.. tokens];

        static Token Without(int id) => new(id, 0, 0);
    }

    /// <summary>The text of tokens; U+FFFD for bytes that make no letter.</summary>
    /// <param name="ids">The tokens.</param>
    /// <param name="skipSpecialTokens">Whether special tokens are left out.</param>
    /// <exception cref="ArgumentOutOfRangeException">An id is not in the vocabulary.</exception>
    public string Decode(ReadOnlySpan<int> ids, bool skipSpecialTokens)
    {
        var tokens = new List<string>(ids.Length);
        foreach (int id in ids)
        {
            string spelling = SpellingOf(id);
            if (!skipSpecialTokens || !IsSpecial(id)) tokens.Add(spelling);
        }

        return _parts.Decoder is { } decoder ? string.Concat(decoder.Decode(tokens)) : string.Join(' ', tokens);
    }

    /// <summary>Begins to decode tokens that come one after the other.</summary>
    /// <param name="skipSpecialTokens">Whether special tokens are left out.</param>
    public StreamingDecoder StartDecoding(bool skipSpecialTokens) => new(this, skipSpecialTokens);

    /// <summary>The text that a token adds in the middle of a text, for people to see; its spelling where it is only a part of a letter.</summary>
    /// <param name="id">The token.</param>
    /// <exception cref="ArgumentOutOfRangeException">The id is not in the vocabulary.</exception>
    public string TextOf(int id)
    {
        string spelling = SpellingOf(id), text = Decode([id, id], false)[Decode([id], false).Length..];
        return text.Length == 0 || (text.Contains(Replacement, StringComparison.Ordinal) && !spelling.Contains(Replacement, StringComparison.Ordinal)) ? spelling : text;
    }

    /// <summary>How the vocabulary spells a token, so that <see cref="TokenId"/> finds it: <c>Ġthe</c>, <c>##ing</c>, <c>&lt;0x0A&gt;</c>.</summary>
    /// <param name="id">The token.</param>
    /// <exception cref="ArgumentOutOfRangeException">The id is not in the vocabulary.</exception>
    public string SpellingOf(int id) => _spellings.TryGetValue(id, out string? spelling)
        ? spelling
        : throw new ArgumentOutOfRangeException(null, $"there is no token {id} in the vocabulary, whose ids are 0 to {VocabularySize - 1}");

    /// <summary>Whether an id is that of a token; a vocabulary may leave some out.</summary>
    /// <param name="id">The id.</param>
    public bool HasToken(int id) => _spellings.ContainsKey(id);

    /// <summary>The id of a token by its spelling in the vocabulary; null where there is none.</summary>
    /// <param name="spelling">How the vocabulary spells it.</param>
    public int? TokenId(string spelling) => _ids.TryGetValue(spelling, out int id) ? id : null;

    /// <summary>Whether a token is no text but a sign, such as that of an end.</summary>
    /// <param name="id">The token.</param>
    public bool IsSpecial(int id) => _special.Contains(id);

    private static TokenizerParts Read(byte[] bytes, Func<byte[]> configuration)
    {
        if (FileStart.Stranger(bytes) is { } stranger) throw new FormatException(stranger);
        if (bytes.AsSpan().TrimStart(" \t\r\n\uFEFF"u8) is [(byte)'{', ..]) return TokenizerParts.Read(bytes, configuration());
        return LlamaTokenizerFile.IsStart(bytes)
            ? LlamaTokenizerFile.Read(bytes)
            : throw new FormatException($"it is neither a {FileName} nor a tokenizer.bin of llama2.c; other kinds must be saved as a {FileName} first");
    }

    private static byte[] ReadAll(string path)
    {
        using var stream = RegularFile.Open(path);
        if (stream.Length > LargestFile) throw new FormatException($"it has {stream.Length} bytes; at most {LargestFile} are read");
        byte[] bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return bytes;
    }

    /// <summary>A text without halves of surrogate pairs.</summary>
    private static string Whole(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (!text.AsSpan().ContainsAnyInRange('\uD800', '\uDFFF')) return text;
        var whole = new StringBuilder(text.Length);
        foreach (var letter in text.EnumerateRunes()) whole.Append(letter);
        return whole.ToString();
    }

    /// <summary>For each place between the UTF-16 units of a text, how many code points are before it.</summary>
    private static int[] CodePoints(string text)
    {
        int[] places = new int[text.Length + 1];
        for (int i = 0; i < text.Length; i++) places[i + 1] = places[i] + (char.IsHighSurrogate(text[i]) ? 0 : 1);
        return places;
    }

    /// <summary>The tokens of a text; for added tokens, also the text that they were found as.</summary>
    private List<(int Id, Extent Extent, string? Text)> Cut(string text, bool withExtents)
    {
        var pieces = new List<(Piece Piece, AddedToken? Token)>();
        _found.Split(Piece.Of(text, withExtents), pieces);
        var tokens = new List<(int Id, Extent Extent, string? Text)>(text.Length / 3 + 4);
        foreach (var (piece, token) in pieces)
        {
            if (token is not null)
            {
                tokens.Add(Found(piece, token));
                continue;
            }

            var parts = new List<(Piece Piece, AddedToken? Token)>();
            _foundNormalized.Split(_parts.Normalizer?.Normalize(piece) ?? piece, parts);
            foreach (var (part, added) in parts)
            {
                if (added is not null) tokens.Add(Found(part, added));
                else CutWords(part, tokens);
            }
        }

        return tokens;
    }

    private static (int Id, Extent Extent, string? Text) Found(Piece piece, AddedToken token) =>
        piece.HasExtents ? (token.Id, piece.ExtentOf(0, piece.Text.Length), piece.Span.ToString()) : (token.Id, default, null);

    private void CutWords(Piece piece, List<(int Id, Extent Extent, string? Text)> into)
    {
        List<Piece> words = [];
        if (_parts.PreTokenizer is { } preTokenizer) preTokenizer.Split(piece, words);
        else words.Add(piece);
        foreach (var word in words)
        {
            var rest = word;
            while (!rest.Text.IsEmpty)
            {
                int length = _parts.Model.FirstPart(rest.Span);
                foreach (var token in _parts.Model.TokensOf(rest.Span[..length]))
                    into.Add((token.Id, rest.HasExtents ? rest.ExtentOf(token.Start, token.End) : default, null));
                rest = rest.Slice(length, rest.Text.Length - length);
            }
        }
    }
}
