using System.Text;
using System.Text.Json;
using Microsoft.ML.Tokenizers;
using Spd.Formats;

namespace Spd.Text;

/// <summary>
/// Byte pair encoding: the letters of a word are tokens, and pairs of tokens are merged, the earliest in the list of merges first. The merging is
/// Microsoft.ML.Tokenizers'; letters that are not in the vocabulary are taken care of here, since they are never merged.
/// </summary>
internal sealed class BpeModel : TokenModel
{
    // Words of a text that are cut with their spaces start so.
    private static readonly char[] Edges = ['\u2581', ' '];

    private readonly BpeTokenizer _merging;
    private readonly char _standIn;
    private readonly int? _unknown;
    private readonly bool _fusesUnknown, _ignoresMerges;
    private readonly int[]? _bytes;
    private readonly char _edge;

    /// <summary>Makes a model.</summary>
    /// <param name="vocabulary">The tokens.</param>
    /// <param name="merges">The pairs that are merged, the most urgent first; both and what they make are tokens.</param>
    /// <param name="unknown">The token for letters that are not in the vocabulary.</param>
    /// <param name="fusesUnknown">Whether that token stands for several such letters in a row.</param>
    /// <param name="fallsBackToBytes">Whether such a letter is spelled in bytes, <c>&lt;0xE4&gt;</c>, where they are tokens.</param>
    /// <param name="ignoresMerges">Whether a word that is a token itself is never cut.</param>
    public BpeModel(
        Dictionary<string, int> vocabulary, List<(string Left, string Right)> merges, int? unknown, bool fusesUnknown, bool fallsBackToBytes, bool ignoresMerges)
        : base(vocabulary)
    {
        (_unknown, _fusesUnknown, _ignoresMerges) = (unknown, fusesUnknown, ignoresMerges);
        int[] bytes = [.. Enumerable.Range(0, fallsBackToBytes ? 256 : 0).Select(value => vocabulary.GetValueOrDefault($"<0x{value:X2}>", -1))];
        if (fallsBackToBytes) _bytes = bytes;
        if (!ignoresMerges)
            _edge = Edges.FirstOrDefault(edge => vocabulary.ContainsKey(edge.ToString()) && vocabulary.Keys.All(token => StartsOnly(token, edge)));
        // Merges are handed over as texts with a space between the two, so a space in a token has to be another character there.
        var letters = vocabulary.Keys.SelectMany(token => token).ToHashSet();
        _standIn = Enumerable.Range(0xE000, 0x1900).Select(value => (char)value).FirstOrDefault(letter => !letters.Contains(letter));
        if (_standIn == '\0') throw new FormatException("the vocabulary has all letters of the private use area, of which one is needed here");
        _merging = BpeTokenizer.Create(new BpeOptions(vocabulary.Select(token => KeyValuePair.Create(WithoutSpaces(token.Key), token.Value)))
        {
            Merges = merges.Select(merge => $"{WithoutSpaces(merge.Left)} {WithoutSpaces(merge.Right)}"),
        });
    }

    public static BpeModel Read(Part part, Dictionary<string, int> vocabulary)
    {
        foreach (string key in new[] { "continuing_subword_prefix", "end_of_word_suffix" })
        {
            if (part.Find(key) is { } affix && affix.AsText().Length > 0)
                throw new FormatException($"{affix.Where} is {Quoted.Of(affix.AsText())}; such models are not supported");
        }

        if (part.Find("dropout") is { } dropout && !(dropout.Value.TryGetDouble(out double rate) && rate == 0))
            throw new FormatException($"{dropout.Where} is not 0: merges left out by chance are not supported");
        List<(string, string)> merges = [.. part.Get("merges").Elements().Select(merge => ReadMerge(merge, vocabulary))];
        return new BpeModel(
            vocabulary, merges, UnknownId(part, vocabulary), part.Flag("fuse_unk", false), part.Flag("byte_fallback", false), part.Flag("ignore_merges", false));
    }

    public override int FirstPart(ReadOnlySpan<char> word)
    {
        if (_edge == '\0') return word.Length;
        // No token has such a letter behind another, so nothing is merged over the start of a run of them.
        int run = 0;
        while (run < word.Length && word[run] == _edge) run++;
        int next = word[run..].IndexOf(_edge);
        return next < 0 ? word.Length : run + next;
    }

    protected override WordToken[] Tokenize(ReadOnlySpan<char> word)
    {
        var lookup = Vocabulary.GetAlternateLookup<ReadOnlySpan<char>>();
        if (_ignoresMerges && lookup.TryGetValue(word, out int whole)) return [new WordToken(whole, 0, word.Length)];
        var tokens = new List<WordToken>();
        int known = 0, position = 0;
        bool wasUnknown = false;
        foreach (var letter in word.EnumerateRunes())
        {
            int next = position + letter.Utf16SequenceLength;
            bool isUnknown = false;
            if (!lookup.ContainsKey(word[position..next]))
            {
                Merge(word, known, position, tokens);
                known = next;
                isUnknown = !AddBytes(letter, position, tokens);
                if (isUnknown && wasUnknown && _fusesUnknown) tokens[^1] = tokens[^1] with { End = next };
                else if (isUnknown) tokens.Add(new WordToken(_unknown ?? throw Unknown(word[position..next]), position, next));
            }

            (wasUnknown, position) = (isUnknown, next);
        }

        Merge(word, known, position, tokens);
        return [.. tokens];
    }

    private static bool StartsOnly(string token, char edge) => !token.AsSpan().TrimStart(edge).Contains(edge);

    private static (string Left, string Right) ReadMerge(Part merge, Dictionary<string, int> vocabulary)
    {
        // Older files have a text with a space between the two, later ones a list of two.
        string[] pair = merge.Value.ValueKind == JsonValueKind.String
            ? merge.AsText().Split(' ')
            : [.. merge.Elements().Select(token => token.AsText())];
        if (pair.Length != 2) throw new FormatException($"{merge.Where} must be two tokens");
        string? missing = new[] { pair[0], pair[1], pair[0] + pair[1] }.FirstOrDefault(token => !vocabulary.ContainsKey(token));
        return missing is null ? (pair[0], pair[1]) : throw new FormatException($"{merge.Where} has {Quoted.Of(missing)}, which is not in the vocabulary");
    }

    private string WithoutSpaces(string text) => text.Replace(' ', _standIn);

    private void Merge(ReadOnlySpan<char> word, int start, int end, List<WordToken> into)
    {
        if (end == start) return;
        var part = word[start..end];
        string letters = WithoutSpaces(part.ToString());
        foreach (var token in _merging.EncodeToTokens(letters, out _, considerPreTokenization: false, considerNormalization: false))
            into.Add(new WordToken(token.Id, start + token.Offset.Start.Value, start + token.Offset.End.Value));
    }

    private bool AddBytes(Rune letter, int position, List<WordToken> into)
    {
        if (_bytes is null) return false;
        Span<byte> utf8 = stackalloc byte[4];
        utf8 = utf8[..letter.EncodeToUtf8(utf8)];
        foreach (byte value in utf8)
        {
            if (_bytes[value] < 0) return false;
        }

        foreach (byte value in utf8) into.Add(new WordToken(_bytes[value], position, position + letter.Utf16SequenceLength));
        return true;
    }
}
