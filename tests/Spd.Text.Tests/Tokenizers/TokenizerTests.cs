using System.Text.Json;
using System.Text;
using Spd.Formats;

namespace Spd.Text.Tests;

/// <summary>Tokenizers by themselves, without the reference.</summary>
public sealed class TokenizerTests
{
    public static TheoryData<string> Names => [.. SmallTokenizers.All.Keys];

    [Fact]
    public void TheExpectedTokensOfGpt2AreGiven()
    {
        using var expected = JsonDocument.Parse(File.ReadAllText(SharedFiles.Find("tokenizers/gpt2.expected.json")));
        string Text(string key) => expected.RootElement.GetProperty(key).GetString()!;
        var tokenizer = Tokenizer.Load(SharedFiles.Find("tokenizers/gpt2.tokenizer.json"));
        int[] ids = tokenizer.Encode(Text("text"), addSpecialTokens: true);
        Assert.Equal(expected.RootElement.GetProperty("token_ids").EnumerateArray().Select(id => id.GetInt32()), ids);
        Assert.Equal(expected.RootElement.GetProperty("bpe_tokens").EnumerateArray().Select(token => token.GetString()), ids.Select(tokenizer.SpellingOf));
        Assert.Equal(Text("decoded_text"), tokenizer.Decode(ids, skipSpecialTokens: true));
        Assert.Equal((50257, 50256, 50256), (tokenizer.VocabularySize, tokenizer.BeginningId, tokenizer.EndId));
        Assert.Empty(tokenizer.Prepended);
    }

    [Fact]
    public void TheTokenizerBesideAModelIsFound()
    {
        using var folder = new TemporaryFolder();
        string inside = folder["model"];
        Directory.CreateDirectory(inside);
        File.WriteAllText(folder["model.bin"], "");
        // From the one that is taken last to the first.
        foreach (var (file, ofFolder, ofFile) in new[]
        {
            ("tok4096.bin", false, false), ("tok512.bin", true, true), ("model/tokenizer.bin", true, false), ("model/tok512.bin", true, false),
            ("model/tokenizer.json", true, false), ("tokenizer.json", false, true),
        })
        {
            File.WriteAllText(folder[file], "");
            if (ofFolder) Assert.Equal(folder[file], Tokenizer.Find(inside, 512));
            if (ofFile) Assert.Equal(folder[file], Tokenizer.Find(folder["model.bin"], 512));
            if (!ofFolder && !ofFile) Assert.Null(Tokenizer.Find(inside, 512));
        }

        Assert.Equal(folder["model/tokenizer.json"], Tokenizer.Find(inside + Path.DirectorySeparatorChar, 512));
    }

    [Fact]
    public void StoriesAreReadAgainAndTheirTokensStandInOrder()
    {
        var tokenizer = Tokenizer.Load(SharedFiles.Find("tokenizers/gpt2.tokenizer.json"));
        foreach (string story in Stories.All())
        {
            var tokens = tokenizer.EncodeWithOffsets(story, addSpecialTokens: true);
            int[] ids = [.. tokens.Select(token => token.Id)];
            Assert.Equal(ids, tokenizer.Encode(story, addSpecialTokens: true));
            Assert.Equal(story, tokenizer.Decode(ids, skipSpecialTokens: false));
            Assert.Equal((0, story.EnumerateRunes().Count()), (tokens[0].Start, tokens[^1].End));
        }
    }

    [Fact]
    public void SeveralThreadsEncodeAtOnce()
    {
        var tokenizer = SmallTokenizers.Load("llama2");
        string[] texts = [.. SmallTokenizers.StrangeTexts(400)];
        int[][] expected = [.. texts.Select(text => SmallTokenizers.Load("llama2").Encode(text, addSpecialTokens: true)).Take(20)];
        int[][] ids = new int[texts.Length][];
        Parallel.For(0, texts.Length, new ParallelOptions { MaxDegreeOfParallelism = 8 }, i => ids[i] = tokenizer.Encode(texts[i], addSpecialTokens: true));
        Assert.Equal(expected, ids.Take(20));
        Assert.Equal(texts.Select(text => tokenizer.Encode(text, addSpecialTokens: true)), ids);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void WhatIsDecodedAsItComesIsWhatIsDecodedAtOnce(string name)
    {
        var tokenizer = SmallTokenizers.Load(name);
        foreach (string text in SmallTokenizers.StrangeTexts(400))
        {
            foreach (bool skip in new[] { true, false })
            {
                int[] ids = tokenizer.Encode(text, addSpecialTokens: true);
                var decoder = tokenizer.StartDecoding(skip);
                var decoded = new StringBuilder();
                foreach (int id in ids)
                {
                    string more = decoder.Append(id);
                    Assert.False(more.EndsWith('\uFFFD'));
                    decoded.Append(more);
                }

                Assert.Equal(tokenizer.Decode(ids, skip), decoded.Append(decoder.Finish()).ToString());
            }
        }
    }

    [Fact]
    public void ALetterComesWithItsLastByte()
    {
        var tokenizer = SmallTokenizers.Load("llama2");
        int[] face = [.. tokenizer.Encode("😀", addSpecialTokens: false)[^4..]];
        var decoder = tokenizer.StartDecoding(skipSpecialTokens: true);
        Assert.Equal(["", "", "", "😀"], face.Select(decoder.Append));
        Assert.Equal("", decoder.Finish());
        Assert.Equal("", decoder.Append(face[0]));
        Assert.Equal("\uFFFD", decoder.Finish());
        Assert.Equal("", decoder.Append(face[0]));
        Assert.Equal("\uFFFDthe", decoder.Append(tokenizer.TokenId("the")!.Value));
    }

    [Fact]
    public void TokensAreShownAsTheTextTheyAdd()
    {
        var bytes = SmallTokenizers.Load("gpt2");
        Assert.Equal((" the", "<|endoftext|>", "\n"), (bytes.TextOf(bytes.TokenId("Ġthe")!.Value), bytes.TextOf(bytes.EndId!.Value), bytes.TextOf(bytes.TokenId("Ċ")!.Value)));
        Assert.Equal("ð", bytes.TextOf(bytes.TokenId("ð")!.Value));
        var pieces = SmallTokenizers.Load("bert");
        Assert.Equal((" the", "at", "."), (pieces.TextOf(4), pieces.TextOf(6), pieces.TextOf(20)));
        var llama = SmallTokenizers.Load("llama2");
        Assert.Equal((" the", "A", "<0xF0>", "<s>"), (llama.TextOf(llama.TokenId("▁the")!.Value), llama.TextOf(3 + 'A'), llama.TextOf(3 + 0xF0), llama.TextOf(1)));
    }

    [Fact]
    public void WhatIsAddedIsSaidAndAddedOnce()
    {
        var tokenizer = SmallTokenizers.Load("llama2");
        Assert.Equal([1], tokenizer.Prepended);
        Assert.Empty(tokenizer.Appended);
        Assert.Equal((1, 2), (tokenizer.BeginningId, tokenizer.EndId));
        Assert.Equal(tokenizer.Encode("the", false).Prepend(1), tokenizer.Encode("the", true));
        // One that is spelled in the text is a token of the text.
        Assert.Equal([1, 1, .. tokenizer.Encode("the", false)], tokenizer.Encode("<s>the", true));
        Assert.True(tokenizer.IsSpecial(1));
        var bert = SmallTokenizers.Load("bert");
        Assert.Equal([2], bert.Prepended);
        Assert.Equal([3], bert.Appended);
        Assert.Equal([2, 4, 3], bert.Encode("the", true));
    }

    [Fact]
    public void TheConfigurationBesideNamesBeginningAndEnd()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["tokenizer.json"], SmallTokenizers.All["llama2"]);
        File.WriteAllText(folder["tokenizer_config.json"], """{"bos_token":{"content":"the","lstrip":false},"eos_token":"<unk>"}""");
        var tokenizer = Tokenizer.Load(Path.GetDirectoryName(folder["tokenizer.json"])!);
        Assert.Equal((tokenizer.TokenId("the"), 0), (tokenizer.BeginningId, tokenizer.EndId));
        Assert.Equal(FileHash.Compute(folder["tokenizer.json"]), tokenizer.Identity);
        File.WriteAllText(folder["tokenizer_config.json"], """{"bos_token":null,"eos_token":"none"}""");
        var exception = Assert.Throws<FileContentException>(() => Tokenizer.Load(folder["tokenizer.json"]));
        Assert.EndsWith("is no usable tokenizer: tokenizer_config.json beside it has the eos_token 'none', which is not in the vocabulary", exception.Message);
    }

    [Fact]
    public void HalvesOfSurrogatePairsAreReplacementCharacters()
    {
        var tokenizer = SmallTokenizers.Load("gpt2");
        Assert.Equal(tokenizer.EncodeWithOffsets("a\uFFFDb\uFFFD", true), tokenizer.EncodeWithOffsets("a\uD83Db\uDE00", true));
    }

    [Fact]
    public void WhatIsNotInTheVocabularyIsRefused()
    {
        var tokenizer = SmallTokenizers.Load("gpt2");
        var exception = Assert.Throws<ArgumentOutOfRangeException>(() => tokenizer.Decode([0, 100000], false));
        Assert.Equal($"there is no token 100000 in the vocabulary, whose ids are 0 to {tokenizer.VocabularySize - 1}", exception.Message);
        Assert.Throws<ArgumentOutOfRangeException>(() => tokenizer.TextOf(-1));
        Assert.Throws<ArgumentOutOfRangeException>(() => tokenizer.StartDecoding(true).Append(-1));
        Assert.Null(tokenizer.TokenId("no such token"));
        var words = SmallTokenizers.LoadJson(SmallTokenizers.Json("null", "null", "null", "null", """{"type":"BPE","vocab":{"a":0},"merges":[]}"""));
        Assert.Equal("the vocabulary has no token for 'b', nor one for what is unknown", Assert.Throws<ArgumentException>(() => words.Encode("aab", false)).Message);
    }
}
