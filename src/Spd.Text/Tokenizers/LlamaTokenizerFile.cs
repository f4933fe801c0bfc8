using System.Buffers.Binary;
using System.Text;

namespace Spd.Text;

/// <summary>
/// The tokenizer files of llama2.c: the length of the longest token, and for each token a score, its length and its bytes. Of the pairs that make a token, that
/// of the highest score is merged first. Ids 0, 1 and 2 are what is unknown, a beginning and an end; 3 to 258 are bytes.
/// </summary>
internal static class LlamaTokenizerFile
{
    private const int Unknown = 0, Beginning = 1, End = 2, FirstByte = 3, FirstText = FirstByte + 256;
    private const int LongestToken = 1 << 16;

    /// <summary>Whether a file starts like one: a small number, a score, and the length of the first token.</summary>
    public static bool IsStart(ReadOnlySpan<byte> start) =>
        start.Length > 12 && BinaryPrimitives.ReadInt32LittleEndian(start) is > 0 and <= LongestToken
        && BinaryPrimitives.ReadInt32LittleEndian(start[8..]) is > 0 and <= LongestToken;

    /// <summary>Reads a file.</summary>
    /// <exception cref="FormatException">It is damaged.</exception>
    public static TokenizerParts Read(ReadOnlySpan<byte> bytes)
    {
        var tokens = ReadTokens(bytes);
        if (tokens.Count <= FirstText) throw new FormatException($"it has {tokens.Count} tokens; after three special ones and 256 bytes there must be more");
        var vocabulary = new Dictionary<string, int>(StringComparer.Ordinal);
        for (int id = FirstText; id < tokens.Count; id++) vocabulary.TryAdd(tokens[id].Text, id);
        // Scores do not say which two parts a token is made of, so it may be any two; of one token's, those with the longer left part first, as on the left of a run.
        var merges = vocabulary.OrderByDescending(token => tokens[token.Value].Score).ThenBy(token => token.Value)
            .SelectMany(token => Enumerable.Range(1, token.Key.Length - 1).Reverse().Select(cut => (Left: token.Key[..cut], Right: token.Key[cut..])))
            .Where(merge => vocabulary.ContainsKey(merge.Left) && vocabulary.ContainsKey(merge.Right)).ToList();
        for (int value = 0; value < 256; value++) vocabulary[$"<0x{value:X2}>"] = FirstByte + value;
        string[] special = ["<unk>", "<s>", "</s>"];
        for (int id = Unknown; id <= End; id++) vocabulary[special[id]] = id;
        return new TokenizerParts(
            "llama2.c tokenizer",
            new PrependNormalizer(" "),
            PreTokenizer: null,
            new BpeModel(vocabulary, merges, Unknown, fusesUnknown: true, fallsBackToBytes: true, ignoresMerges: false),
            Added: [],
            SpecialIds: [Unknown, Beginning, End],
            new PostProcessor([Beginning], [], []),
            new DecoderSequence([new ByteFallbackDecoder(), new FuseDecoder(), new StripDecoder(" ", 1, 0)]),
            Beginning,
            End);
    }

    private static List<(string Text, float Score)> ReadTokens(ReadOnlySpan<byte> bytes)
    {
        var utf8 = new UTF8Encoding(false, throwOnInvalidBytes: true);
        var tokens = new List<(string Text, float Score)>();
        int position = 4;
        while (position < bytes.Length)
        {
            string where = $"token {tokens.Count}";
            if (bytes.Length - position < 8) throw new FormatException($"it ends within {where}");
            float score = BinaryPrimitives.ReadSingleLittleEndian(bytes[position..]);
            int length = BinaryPrimitives.ReadInt32LittleEndian(bytes[(position + 4)..]);
            position += 8;
            if (length is < 1 or > LongestToken) throw new FormatException($"{where} has a length of {length} bytes; 1 to {LongestToken} are read");
            if (length > bytes.Length - position) throw new FormatException($"it ends within {where}");
            if (!float.IsFinite(score)) throw new FormatException($"{where} has a score that is no number");
            try
            {
                tokens.Add((utf8.GetString(bytes.Slice(position, length)), score));
            }
            catch (DecoderFallbackException exception)
            {
                throw new FormatException($"{where} is no valid text", exception);
            }

            position += length;
        }

        return tokens;
    }
}
