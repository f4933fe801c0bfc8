namespace Spd.Text.Tests;

/// <summary>The tokens and texts of the reference, for every part that is supported, on strange texts.</summary>
public sealed class ReferenceTests
{
    private const string WordPiece = """{"type":"WordPiece","prefix":"##","cleanup":true}""";

    public static TheoryData<string> Names => [.. SmallTokenizers.All.Keys];

    public static TheoryData<string> Normalizers =>
    [
        "null",
        """{"type":"NFC"}""",
        """{"type":"NFD"}""",
        """{"type":"NFKC"}""",
        """{"type":"NFKD"}""",
        """{"type":"Lowercase"}""",
        """{"type":"StripAccents"}""",
        """{"type":"Strip","strip_left":true,"strip_right":true}""",
        """{"type":"Strip","strip_left":false,"strip_right":true}""",
        """{"type":"Prepend","prepend":"▁x"}""",
        """{"type":"Replace","pattern":{"String":"the"},"content":"é😀"}""",
        """{"type":"Replace","pattern":{"Regex":"\\s+|[a-c]+"},"content":" "}""",
        """{"type":"BertNormalizer","clean_text":true,"handle_chinese_chars":true,"strip_accents":null,"lowercase":true}""",
        """{"type":"BertNormalizer","clean_text":true,"handle_chinese_chars":false,"strip_accents":null,"lowercase":false}""",
        """{"type":"BertNormalizer","clean_text":false,"handle_chinese_chars":true,"strip_accents":true,"lowercase":false}""",
        """{"type":"Sequence","normalizers":[{"type":"NFD"},{"type":"StripAccents"},{"type":"Lowercase"},{"type":"NFKC"}]}""",
        """{"type":"ByteLevel"}""",
    ];

    public static TheoryData<string> PreTokenizers =>
    [
        "null",
        """{"type":"Whitespace"}""",
        """{"type":"WhitespaceSplit"}""",
        """{"type":"BertPreTokenizer"}""",
        """{"type":"Digits","individual_digits":true}""",
        """{"type":"Digits","individual_digits":false}""",
        """{"type":"Punctuation","behavior":"Isolated"}""",
        """{"type":"Punctuation","behavior":"Removed"}""",
        """{"type":"Punctuation","behavior":"Contiguous"}""",
        """{"type":"Punctuation","behavior":"MergedWithNext"}""",
        """{"type":"Punctuation","behavior":"MergedWithPrevious"}""",
        """{"type":"CharDelimiterSplit","delimiter":"e"}""",
        """{"type":"Metaspace","replacement":"▁","prepend_scheme":"always","split":true}""",
        """{"type":"Metaspace","replacement":"▁","prepend_scheme":"first","split":true}""",
        """{"type":"Metaspace","replacement":"_","prepend_scheme":"never","split":false}""",
        """{"type":"Metaspace","replacement":"▁","add_prefix_space":true}""",
        """{"type":"ByteLevel","add_prefix_space":true,"trim_offsets":true,"use_regex":true}""",
        """{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":false}""",
        """{"type":"Split","pattern":{"String":"the"},"behavior":"MergedWithPrevious","invert":false}""",
        """{"type":"Split","pattern":{"Regex":" ?\\p{L}+"},"behavior":"Isolated","invert":false}""",
        """{"type":"Split","pattern":{"Regex":"\\p{Lu}|\\p{M}|\\d"},"behavior":"MergedWithNext","invert":false}""",
        """{"type":"Split","pattern":{"Regex":"[\\p{Ll}\\p{Lo}]+"},"behavior":"Removed","invert":true}""",
        """{"type":"Split","pattern":{"Regex":"\\s+"},"behavior":"Contiguous","invert":true}""",
        """{"type":"Split","pattern":{"Regex":"^.|\\w$"},"behavior":"Isolated","invert":false}""",
        """{"type":"Split","pattern":{"Regex":"[\\w']+|\\W"},"behavior":"Isolated","invert":false}""",
        """{"type":"Split","pattern":{"Regex":"\\b.|.\\B\\s"},"behavior":"Isolated","invert":false}""",
        """{"type":"Split","pattern":{"Regex":"[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"},"behavior":"Isolated","invert":false}""",
        """{"type":"Sequence","pretokenizers":[{"type":"WhitespaceSplit"},{"type":"Punctuation","behavior":"Isolated"},{"type":"Digits","individual_digits":true}]}""",
    ];

    [Theory]
    [MemberData(nameof(Names))]
    public void EncodesAndDecodesLikeTheReference(string name)
    {
        using var folder = new TemporaryFolder();
        Compare(folder, SmallTokenizers.All[name], SmallTokenizers.StrangeTexts(1500));
    }

    [Theory]
    [MemberData(nameof(Normalizers))]
    public void NormalizesLikeTheReference(string normalizer)
    {
        using var folder = new TemporaryFolder();
        Compare(folder, SmallTokenizers.Bytes(normalizer), SmallTokenizers.StrangeTexts(500));
    }

    [Theory]
    [MemberData(nameof(PreTokenizers))]
    public void CutsWordsLikeTheReference(string preTokenizer)
    {
        using var folder = new TemporaryFolder();
        Compare(folder, SmallTokenizers.LettersOf(preTokenizer), SmallTokenizers.StrangeTexts(500));
    }

    [Theory]
    [InlineData("NFC")]
    [InlineData("NFD")]
    [InlineData("NFKC")]
    [InlineData("NFKD")]
    [InlineData("Lowercase")]
    [InlineData("StripAccents")]
    [InlineData("BertNormalizer")]
    public void EveryLetterIsNormalizedLikeTheReference(string normalizer)
    {
        // The reference's parts know different versions of Unicode. Its tables of the normalisation forms are ours; of the others, letters are tried that are old.
        (int First, int Last)[] ranges = normalizer.StartsWith("NF", StringComparison.Ordinal)
            ? [(1, 0x33FF), (0xA000, 0xD7FF), (0xF900, 0x12000), (0x16000, 0x17000), (0x1BC00, 0x1F300), (0x2F800, 0x2FA20)]
            : [(1, 0x7F0), (0xE00, 0xE7F), (0x1E00, 0x2BFF), (0x3000, 0x9FD0), (0xAC00, 0xD7A3), (0xE000, 0xFDFF), (0xFF01, 0xFFDC), (0x1D400, 0x1D7FF), (0x20000, 0x2FA1D)];
        var letters = ranges.SelectMany(range => Enumerable.Range(range.First, range.Last - range.First + 1)).Select(char.ConvertFromUtf32);
        string bert = normalizer == "BertNormalizer" ? ",\"clean_text\":true,\"handle_chinese_chars\":true,\"strip_accents\":null,\"lowercase\":true" : "";
        using var folder = new TemporaryFolder();
        Compare(
            folder,
            SmallTokenizers.Bytes($$"""{"type":"{{normalizer}}"{{bert}} }"""),
            letters.Chunk(256).Select(chunk => string.Concat(chunk.Select(letter => $"{letter}\u0323a\u0301"))));
    }

    [Theory]
    [InlineData("gpt2")]
    [InlineData("simplestories-4096")]
    public void StoriesAreCutLikeTheReference(string name)
    {
        string path = SharedFiles.Find($"tokenizers/{name}.tokenizer.json");
        using var reference = new ReferenceTokenizer(path);
        Compare(Tokenizer.Load(path), reference, Stories.All().Concat(SmallTokenizers.StrangeTexts(500)));
    }

    [Theory]
    [InlineData("""{"type":"ByteLevel","add_prefix_space":true,"trim_offsets":true,"use_regex":true}""")]
    [InlineData("""{"type":"Fuse"}""")]
    [InlineData("""{"type":"ByteFallback"}""")]
    [InlineData("""{"type":"Metaspace","replacement":"▁","prepend_scheme":"first"}""")]
    [InlineData("""{"type":"Metaspace","replacement":"▁","prepend_scheme":"never","add_prefix_space":false}""")]
    [InlineData("""{"type":"Metaspace","replacement":"▁","add_prefix_space":true}""")]
    [InlineData("""{"type":"Strip","content":"s","start":2,"stop":1}""")]
    [InlineData("""{"type":"Replace","pattern":{"Regex":"s+|▁"},"content":"é "}""")]
    [InlineData(WordPiece)]
    [InlineData("""{"type":"Sequence","decoders":[{"type":"Replace","pattern":{"String":"▁"},"content":" "},{"type":"ByteFallback"},{"type":"Fuse"},{"type":"Strip","content":" ","start":1,"stop":0}]}""")]
    [InlineData("null")]
    public void DecodesAnyTokensLikeTheReference(string decoder)
    {
        string[] tokens = ["[UNK]", "<s>", "▁the", "▁", "the", "##ing", "##", ".", "'s", "n't", "'", "do not", "sss", "sas", "<0xE4>", "<0xB8>", "<0xAD>", "<0xFF>", "<0x41>", "<0xGG>", "Ġa", "ä", "¸", "Ń", "😀", " "];
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["tokenizer.json"], SmallTokenizers.Json(
            "null", "null", "null", decoder, $$"""{"type":"WordLevel","unk_token":"[UNK]","vocab":{{SmallTokenizers.Vocabulary(tokens)}} }""", SmallTokenizers.Added((1, "<s>", "s"))));
        using var reference = new ReferenceTokenizer(folder["tokenizer.json"]);
        var tokenizer = Tokenizer.Load(folder["tokenizer.json"]);
        var random = new Random(3);
        for (int i = 0; i < 3000; i++)
        {
            int[] ids = [.. Enumerable.Range(0, random.Next(0, 8)).Select(_ => random.Next(tokens.Length))];
            Assert.Equal(reference.Decode(ids), tokenizer.Decode(ids, skipSpecialTokens: true));
        }
    }

    private static void Compare(TemporaryFolder folder, string json, IEnumerable<string> texts)
    {
        File.WriteAllText(folder["tokenizer.json"], json);
        using var reference = new ReferenceTokenizer(folder["tokenizer.json"]);
        Compare(Tokenizer.Load(folder["tokenizer.json"]), reference, texts);
    }

    private static void Compare(Tokenizer tokenizer, ReferenceTokenizer reference, IEnumerable<string> texts)
    {
        foreach (string text in texts)
        {
            int[] expected = reference.Encode(text), ids = tokenizer.Encode(text, addSpecialTokens: true);
            if (!expected.AsSpan().SequenceEqual(ids))
                Assert.Fail($"{System.Text.Json.JsonSerializer.Serialize(text)}\nexpected {Spell(expected)}\nis       {Spell(ids)}");
            Assert.Equal(ids, tokenizer.EncodeWithOffsets(text, addSpecialTokens: true).Select(token => token.Id));
            Assert.Equal(reference.Decode(ids), tokenizer.Decode(ids, skipSpecialTokens: true));
        }

        string Spell(int[] ids) => string.Join(' ', ids.Select(tokenizer.SpellingOf));
    }
}
