using System.Buffers.Binary;
using System.Text;
using Spd.Text;
using Spd.Text.Tests;

namespace Spd.Fuzz.Kinds;

/// <summary>Tokenizers, each part of <c>tokenizer.json</c> in some file of it, and those of llama2.c; what is read encodes a text and decodes it.</summary>
internal sealed class TokenizerKind() : FuzzKind("tokenizer")
{
    protected override IReadOnlyList<byte[]> Words { get; } = Texts(
        "{", "}", "[", "]", ",", ":", "\"", "null", "true", "false", "-1", "0", "1", "16777216", "2147483648", "1e400", "\\ud800", "\\u0000", "\\u001b[31m", "\u202e", "\"type\":", "\"Sequence\"",
        "\"NFC\"", "\"NFKD\"", "\"Lowercase\"", "\"Strip\"", "\"ByteLevel\"", "\"Metaspace\"", "\"Unigram\"", "\"WordPiece\"", "\"WordLevel\"", "\"BPE\"", "\"Fuse\"", "\"ByteFallback\"",
        "\"Whitespace\"", "\"BertPreTokenizer\"", "\"merges\":", "\"vocab\":", "\"unk_token\":", "\"ignore_merges\":", "\"special\":", "\"normalized\":", "\"lstrip\":", "\"Regex\":", "\"String\":",
        "(", ")", "(?i:", "\\\\p{L}", "\\\\p{Han}", "\\\\w", "\\\\b", "*", "+", "?", "{1,3}", "&&", "[^", "(?=", "<0x0A>", "▁", "Ġ", "##");

    // Tables of tokens and merges, ours and the library's, and compiled expressions.
    public override long AllocationLimit(long length) => (32L << 20) + 512 * length;

    protected override IEnumerable<Sample> MakeCorpus()
    {
        foreach (var (name, json) in SmallTokenizers.All) yield return new Sample($"{name}.json", Encoding.UTF8.GetBytes(json));
        yield return new Sample("llama.bin", Llama("a", "b", " ", "ab", " a", "é", "aab", "aa"));
    }

    protected override void Read(string path)
    {
        var tokenizer = Tokenizer.Load(path);
        try
        {
            const string text = " The cat\u0301 <s>added it's 123\r\n中 😀<mask>";
            int[] ids = tokenizer.Encode(text, addSpecialTokens: true);
            if (!ids.SequenceEqual(tokenizer.EncodeWithOffsets(text, addSpecialTokens: true).Select(token => token.Id)))
                throw new BrokenPromiseException("a text has other tokens where their places are asked for");
            string decoded = tokenizer.Decode(ids, skipSpecialTokens: false);
            var decoder = tokenizer.StartDecoding(skipSpecialTokens: false);
            string streamed = string.Concat(ids.Select(decoder.Append)) + decoder.Finish();
            if (streamed.Length > 2 * decoded.Length + 100) throw new BrokenPromiseException("a text that is decoded as it comes is much longer than at once");
            foreach (int id in ids) tokenizer.TextOf(id);
        }
        catch (ArgumentException exception) when (exception.GetType() == typeof(ArgumentException) && exception.Message.StartsWith("the vocabulary has no token", StringComparison.Ordinal))
        {
            CheckSentence(exception.Message);
        }
    }

    private static byte[] Llama(params string[] tokens)
    {
        string[] all = ["<unk>", "\n<s>\n", "\n</s>\n", .. Enumerable.Range(0, 256).Select(value => $"<0x{value:X2}>"), .. tokens];
        var bytes = new List<byte>();
        Number(7);
        for (int i = 0; i < all.Length; i++)
        {
            Number(BitConverter.SingleToInt32Bits(-i));
            Number(Encoding.UTF8.GetByteCount(all[i]));
            bytes.AddRange(Encoding.UTF8.GetBytes(all[i]));
        }

        return [.. bytes];

        void Number(int value)
        {
            byte[] four = new byte[4];
            BinaryPrimitives.WriteInt32LittleEndian(four, value);
            bytes.AddRange(four);
        }
    }
}
