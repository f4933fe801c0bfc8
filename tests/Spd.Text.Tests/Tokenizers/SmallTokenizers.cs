using System.Text.Json;
using System.Text.Json.Nodes;

namespace Spd.Text.Tests;

/// <summary>Small <c>tokenizer.json</c> files of every supported part, and strange texts for them.</summary>
internal static class SmallTokenizers
{
    public const string SomeText =
        "the cat and the dog sat on the mat. It's the other one that we'll see again and again, won't you think so? There were 12 then 345 others; THE END.\n\n  the the";

    private static readonly string[] Bits =
    [
        "the", "The", " cat", " and", "it's", "we'LL", "a", " ", "  ", "   ", "\t", "\r\n", "\n", "\n\n", "é", "e\u0301", "ü", "İ", "ß", "ſ", "Å", "ﬁ", "½", "Ⅷ", "１２", "12", "3456",
        "中", "文字", "한국", "가", "ก็", "क्षि", "😀", "👨\u200d👩\u200d👧", "🇩🇪", "𝐀", "𠀀", "𝟙", "_", "-", "...", "!?", "'s", "“q”", "$", "+", "`", "Ⓐ", "\u00a0", "\u3000", "\u200b", "\u0000", "\u0007",
        "\ufeff", "\ufffd", "▁", "Ġ", "##", "<s>", "</s>", "<mask>", "<|endoftext|>", "[UNK]", "added", "x", "y", "q\u0323\u0307", "d\u0307\u0323", "\u1e9b\u0323", "🄰", "\ue000",
    ];

    /// <summary>Chains of bits, the same each time, and what is always worth a try.</summary>
    public static IEnumerable<string> StrangeTexts(int count)
    {
        string[] always = ["", " ", "  ", "\n", "the", " the", "the ", "😀", "<s>", "<s><s>", " <mask> ", "a<mask>b", "xaddedx", " added ", new string(' ', 300), new string('a', 250), SomeText];
        var random = new Random(7);
        return always.Concat(Enumerable.Range(0, count)
            .Select(_ => string.Concat(Enumerable.Range(0, random.Next(1, 12)).Select(_ => Bits[random.Next(Bits.Length)]))));
    }

    /// <summary>Loads one of them.</summary>
    public static Tokenizer Load(string name) => LoadJson(All[name]);

    /// <summary>Loads a file of this text.</summary>
    public static Tokenizer LoadJson(string json)
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder[Tokenizer.FileName], json);
        return Tokenizer.Load(folder[Tokenizer.FileName]);
    }

    /// <summary>All small tokenizers by name.</summary>
    public static Dictionary<string, string> All { get; } = Make();

    /// <summary>A tokenizer whose tokens are the bytes of a text, so that they show what a normalizer does.</summary>
    public static string Bytes(string normalizer) => Json(
        normalizer, "null", "null", """{"type":"Sequence","decoders":[{"type":"ByteFallback"},{"type":"Fuse"}]}""",
        $$"""{"type":"BPE","vocab":{{Vocabulary(ByteTokens())}},"merges":[],"byte_fallback":true}""");

    /// <summary>A tokenizer whose tokens are letters, other ones at the start of a word, so that they show what a pre-tokenizer does.</summary>
    public static string LettersOf(string preTokenizer)
    {
        var letters = Bits.Append(SomeText).SelectMany(bit => bit.EnumerateRunes()).Select(letter => letter.ToString()).Distinct().ToList();
        var alphabet = Enumerable.Range(0x21, 0x130).Select(value => ((char)value).ToString()).Concat(letters).Distinct().ToList();
        return Json("null", preTokenizer, "null", """{"type":"WordPiece","prefix":"##","cleanup":false}""",
            $$"""{"type":"WordPiece","unk_token":"[UNK]","continuing_subword_prefix":"##","max_input_chars_per_word":1000,"vocab":{{Vocabulary(["[UNK]", .. alphabet, .. alphabet.Select(letter => $"##{letter}")])}} }""");
    }

    public static string Json(string normalizer, string preTokenizer, string postProcessor, string decoder, string model, string added = "[]") =>
        $$"""{"version":"1.0","truncation":null,"padding":null,"added_tokens":{{added}},"normalizer":{{normalizer}},"pre_tokenizer":{{preTokenizer}},"post_processor":{{postProcessor}},"decoder":{{decoder}},"model":{{model}} }""";

    public static string Added(params (int Id, string Content, string Flags)[] tokens) => new JsonArray([.. tokens.Select(token => (JsonNode)new JsonObject
    {
        ["id"] = token.Id,
        ["content"] = token.Content,
        ["single_word"] = token.Flags.Contains('w', StringComparison.Ordinal),
        ["lstrip"] = token.Flags.Contains('l', StringComparison.Ordinal),
        ["rstrip"] = token.Flags.Contains('r', StringComparison.Ordinal),
        ["normalized"] = token.Flags.Contains('n', StringComparison.Ordinal),
        ["special"] = token.Flags.Contains('s', StringComparison.Ordinal),
    })]).ToJsonString();

    public static string Vocabulary(IEnumerable<string> tokens) => JsonSerializer.Serialize(tokens.Select((token, id) => (token, id)).ToDictionary(entry => entry.token, entry => entry.id));

    /// <summary>The letters of words and the merges of their commonest pairs.</summary>
    public static (List<string> Tokens, List<(string, string)> Merges) Train(IEnumerable<string> alphabet, IEnumerable<string> words, int count)
    {
        var tokens = alphabet.Distinct().ToList();
        var merges = new List<(string, string)>();
        var cut = words.Select(word => word.EnumerateRunes().Select(letter => letter.ToString()).ToList()).ToList();
        while (merges.Count < count)
        {
            var pair = cut.SelectMany(word => word.Zip(word.Skip(1))).CountBy(pair => pair).OrderByDescending(pair => pair.Value)
                .ThenBy(pair => pair.Key.First, StringComparer.Ordinal).ThenBy(pair => pair.Key.Second, StringComparer.Ordinal).First().Key;
            merges.Add(pair);
            if (!tokens.Contains(pair.First + pair.Second)) tokens.Add(pair.First + pair.Second);
            foreach (var word in cut)
            {
                for (int i = 0; i + 1 < word.Count; i++)
                {
                    if ((word[i], word[i + 1]) != pair) continue;
                    word[i] += word[i + 1];
                    word.RemoveAt(i + 1);
                }
            }
        }

        return (tokens, merges);
    }

    private static IEnumerable<string> ByteTokens() => Enumerable.Range(0, 256).Select(value => $"<0x{value:X2}>");

    // GPT-2's alphabet of bytes.
    private static IEnumerable<string> ByteLetters() => Enumerable.Range(0, 256).Select(value => value switch
    {
        <= 32 => (char)(0x100 + value),
        >= 127 and <= 160 => (char)(0x121 + value - 127),
        173 => (char)0x143,
        _ => (char)value,
    }).Select(letter => letter.ToString());

    private static string Bpe(List<string> tokens, List<(string Left, string Right)> merges, string more, bool asLists = false) =>
        $$"""{"type":"BPE","vocab":{{Vocabulary(tokens)}},"merges":{{(asLists
            ? JsonSerializer.Serialize(merges.Select(merge => new[] { merge.Left, merge.Right }))
            : JsonSerializer.Serialize(merges.Select(merge => $"{merge.Left} {merge.Right}")))}}{{more}} }""";

    private static Dictionary<string, string> Make()
    {
        const string ByteLevel = """{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true}""";
        var (bytes, byteMerges) = Train(ByteLetters(), SomeText.Replace("\n", "Ċ", StringComparison.Ordinal).Replace(" ", " Ġ", StringComparison.Ordinal).Split(' '), 60);
        var (words, wordMerges) = Train(
            ["<unk>", "<s>", "</s>", .. ByteTokens(), .. SomeText.Replace(' ', '▁').Select(letter => letter.ToString()), "▁▁", "▁▁▁▁"],
            SomeText.Replace(" ", " ▁", StringComparison.Ordinal).Split(' '), 60);
        wordMerges.AddRange([("▁", "▁"), ("▁▁", "▁▁")]);
        var (plain, plainMerges) = Train(["<unk>", "b", .. SomeText.Select(letter => letter.ToString()), "😀"], ["a a b b", "the cat the cat", "😀😀", "😀😀", "😀😀"], 12);
        int next = bytes.Count;
        string llamaAdded = Added((0, "<unk>", "s"), (1, "<s>", "s"), (2, "</s>", "s"));
        string pieces = Vocabulary(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "the", "cat", "##at", "a", "##a", "an", "##d", "it", "'", "s", "##s", "e", "##e", "12", "##3", "中", ".", "!", "?", "<", ">", "mask", "##k"]);
        string bertParts = $$"""{"type":"WordPiece","unk_token":"[UNK]","continuing_subword_prefix":"##","max_input_chars_per_word":100,"vocab":{{pieces}} }""";
        string bertAdded = Added((0, "[PAD]", "s"), (1, "[UNK]", "s"), (2, "[CLS]", "s"), (3, "[SEP]", "s"), (27, "added", "n"), (28, "<mask>", "ls"), (29, "x y", "nw"));
        const string LlamaDecoder = """{"type":"Sequence","decoders":[{"type":"Replace","pattern":{"String":"▁"},"content":" "},{"type":"ByteFallback"},{"type":"Fuse"},{"type":"Strip","content":" ","start":1,"stop":0}]}""";
        const string Template = """{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<s>","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],"pair":[{"Sequence":{"id":"A","type_id":0}},{"Sequence":{"id":"B","type_id":1}}],"special_tokens":{"<s>":{"id":"<s>","ids":[1],"tokens":["<s>"]}}}""";
        return new Dictionary<string, string>
        {
            ["gpt2"] = Json("null", ByteLevel, ByteLevel.Replace("true,", "false,", StringComparison.Ordinal), ByteLevel, Bpe(bytes, byteMerges, ""), Added((next, "<|endoftext|>", "s"))),
            ["roberta"] = Json(
                "null", ByteLevel.Replace("e\":false", "e\":true", StringComparison.Ordinal),
                $$"""{"type":"RobertaProcessing","sep":["</s>",{{next + 1}}],"cls":["<s>",{{next}}],"trim_offsets":true,"add_prefix_space":true}""", ByteLevel,
                Bpe(bytes, byteMerges, ",\"dropout\":null,\"unk_token\":null"), Added((next, "<s>", "sn"), (next + 1, "</s>", "s"), (next + 2, "<mask>", "sl"), (next + 3, "added", "w"))),
            ["llama3"] = Json(
                "null",
                """{"type":"Sequence","pretokenizers":[{"type":"Split","pattern":{"Regex":"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"},"behavior":"Isolated","invert":false},{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":false}]}""",
                $$"""{"type":"Sequence","processors":[{{ByteLevel}},{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<|endoftext|>","type_id":0} },{"Sequence":{"id":"A","type_id":0} }],"pair":[],"special_tokens":{"<|endoftext|>":{"id":"<|endoftext|>","ids":[{{next}}],"tokens":["<|endoftext|>"]} } }]}""",
                ByteLevel, Bpe(bytes, byteMerges[10..], ",\"ignore_merges\":true", asLists: true), Added((next, "<|endoftext|>", "s"), (next + 1, "added", "lr"))),
            ["llama2"] = Json(
                """{"type":"Sequence","normalizers":[{"type":"Prepend","prepend":"▁"},{"type":"Replace","pattern":{"String":" "},"content":"▁"}]}""", "null", Template, LlamaDecoder,
                Bpe(words, wordMerges, ",\"unk_token\":\"<unk>\",\"fuse_unk\":true,\"byte_fallback\":true"), llamaAdded),
            ["metaspace always"] = Json(
                "null", """{"type":"Metaspace","replacement":"▁","prepend_scheme":"always","split":true}""", Template,
                """{"type":"Metaspace","replacement":"▁","prepend_scheme":"always","split":true}""", Bpe(words, wordMerges, ",\"unk_token\":\"<unk>\",\"fuse_unk\":true"), llamaAdded),
            ["metaspace first"] = Json(
                "null", """{"type":"Metaspace","replacement":"▁","prepend_scheme":"first","split":false}""", Template,
                """{"type":"Metaspace","replacement":"▁","prepend_scheme":"first","split":false}""", Bpe(words, wordMerges, ",\"unk_token\":\"<unk>\",\"fuse_unk\":false"), llamaAdded),
            ["metaspace never"] = Json(
                "null", """{"type":"Metaspace","replacement":"▁","prepend_scheme":"never","split":true}""", "null",
                """{"type":"Metaspace","replacement":"▁","prepend_scheme":"never"}""", Bpe(words, wordMerges, ",\"unk_token\":\"<unk>\",\"fuse_unk\":false"), llamaAdded),
            ["tokens with spaces"] = Json("null", "null", "null", """{"type":"Fuse"}""", Bpe(plain, plainMerges, ",\"unk_token\":\"<unk>\",\"fuse_unk\":true", asLists: true)),
            ["bert"] = Json(
                """{"type":"BertNormalizer","clean_text":true,"handle_chinese_chars":true,"strip_accents":null,"lowercase":true}""", """{"type":"BertPreTokenizer"}""",
                """{"type":"BertProcessing","sep":["[SEP]",3],"cls":["[CLS]",2]}""", """{"type":"WordPiece","prefix":"##","cleanup":true}""", bertParts, bertAdded),
            ["words"] = Json(
                """{"type":"Lowercase"}""", """{"type":"Whitespace"}""", "null", "null",
                $$"""{"type":"WordLevel","unk_token":"[UNK]","vocab":{{pieces}} }""", Added((1, "[UNK]", "s"), (27, "added", "n"))),
        };
    }
}
