using System.Text;

namespace Spd.Text.Tests;

/// <summary>Places of tokens: what the reference's documentation and its own tests say, and what follows from bytes.</summary>
public sealed class OffsetTests
{
    public static TheoryData<string> Names => [.. SmallTokenizers.All.Keys];

    [Fact]
    public void TheTourOfTheReferenceHasTheSamePlaces()
    {
        // "Hello, y'all! How are you 😁 ?": the face is what is unknown, and stands at (26, 27).
        string[] tokens = ["[UNK]", "Hello", ",", "y", "'", "all", "!", "How", "are", "you", "?"];
        var tokenizer = SmallTokenizers.LoadJson(SmallTokenizers.Json(
            "null", """{"type":"Whitespace"}""", "null", "null", $$"""{"type":"WordLevel","unk_token":"[UNK]","vocab":{{SmallTokenizers.Vocabulary(tokens)}} }"""));
        var expected = new Token[]
        {
            new(1, 0, 5), new(2, 5, 6), new(3, 7, 8), new(4, 8, 9), new(5, 9, 12), new(6, 12, 13), new(7, 14, 17), new(8, 18, 21), new(9, 22, 25), new(0, 26, 27), new(10, 28, 29),
        };
        Assert.Equal(expected, tokenizer.EncodeWithOffsets("Hello, y'all! How are you 😁 ?", addSpecialTokens: true));
    }

    [Fact]
    public void BytesOfALetterHaveThePlaceOfTheLetter()
    {
        var tokenizer = SmallTokenizers.Load("gpt2");
        foreach (string text in SmallTokenizers.StrangeTexts(500).Where(text => !text.Contains("<|endoftext|>", StringComparison.Ordinal)))
        {
            // The letter that each byte is of.
            int[] letters = [.. text.EnumerateRunes().SelectMany((letter, index) => Enumerable.Repeat(index, letter.Utf8SequenceLength))];
            int position = 0;
            foreach (var token in tokenizer.EncodeWithOffsets(text, addSpecialTokens: true))
            {
                int count = tokenizer.SpellingOf(token.Id).Length;
                Assert.Equal((letters[position], letters[position + count - 1] + 1), (token.Start, token.End));
                position += count;
            }

            Assert.Equal(letters.Length, position);
        }
    }

    [Fact]
    public void SpacesAreLeftOutWhereTheFileSaysSo()
    {
        var tokenizer = SmallTokenizers.Load("roberta");
        Assert.Equal([(0, 0), (0, 3), (4, 7), (0, 0)], Words(tokenizer, "the cat", ["<s>", "Ġthe", "Ġcat", "</s>"]));
        // A space that was put before takes no room; two that stand there are left out, but for the one that a first token may have.
        Assert.Equal([(0, 3)], Words(tokenizer, "the", ["Ġthe"]));
        Assert.Equal((2, 8), Place(tokenizer, "a <mask> b", "<mask>"));
        Assert.Equal((8, 13), Place(tokenizer, "xaddedx added", "added"));
    }

    [Theory]
    [InlineData("Thé  中!", "the 0 3, 中 5 6, ! 6 7")]
    [InlineData("the\u0301 cat", "the 0 3, cat 5 8")]
    [InlineData("  The\tCAT", "the 2 5, cat 6 9")]
    [InlineData("a <mask>x", "a 0 1, <mask> 1 8, [UNK] 8 9")]
    [InlineData("😀 The ADDED", "[UNK] 0 1, the 2 5, added 6 11")]
    [InlineData("cat\u0000at", "cat 0 3, ##at 4 6")]
    public void NormalizedTextHasThePlacesOfWhatItWas(string text, string expected)
    {
        var tokenizer = SmallTokenizers.Load("bert");
        Assert.Equal(expected, string.Join(", ", tokenizer.EncodeWithOffsets(text, addSpecialTokens: false)
            .Select(token => $"{tokenizer.SpellingOf(token.Id)} {token.Start} {token.End}")));
    }

    [Fact]
    public void ALetterThatIsPutTogetherHasThePlaceOfItsFirstPart()
    {
        // So the reference has it, since it says of a composed letter only how many letters behind the first one it took.
        var tokenizer = SmallTokenizers.LoadJson(SmallTokenizers.Bytes("""{"type":"NFC"}"""));
        Assert.Equal([(0, 1), (0, 1), (2, 3)], tokenizer.EncodeWithOffsets("e\u0301x", addSpecialTokens: false).Select(token => (token.Start, token.End)));
        tokenizer = SmallTokenizers.LoadJson(SmallTokenizers.Bytes("""{"type":"NFKD"}"""));
        Assert.Equal([(0, 1), (0, 1), (1, 2), (2, 3), (2, 3), (2, 3)], tokenizer.EncodeWithOffsets("ﬁxé", addSpecialTokens: false).Select(token => (token.Start, token.End)));
    }

    [Fact]
    public void WhatReplacesATextHasThePlaceOfItsLastLetter()
    {
        var tokenizer = SmallTokenizers.LoadJson(SmallTokenizers.Bytes("""{"type":"Replace","pattern":{"String":"bc"},"content":"xyz"}"""));
        Assert.Equal([(0, 1), (2, 3), (2, 3), (2, 3), (3, 4)], tokenizer.EncodeWithOffsets("abcd", addSpecialTokens: false).Select(token => (token.Start, token.End)));
    }

    [Fact]
    public void WhatIsPutBeforeATextTakesNoRoom()
    {
        var tokenizer = SmallTokenizers.Load("llama2");
        Assert.Equal([(0, 0), (0, 3), (3, 7), (7, 8), (7, 8), (7, 8), (7, 8)], tokenizer.EncodeWithOffsets("the the😀", addSpecialTokens: true).Select(token => (token.Start, token.End)));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void PlacesAreInOrderAndWithinTheText(string name)
    {
        var tokenizer = SmallTokenizers.Load(name);
        foreach (string text in SmallTokenizers.StrangeTexts(300))
        {
            int length = text.EnumerateRunes().Count(), start = 0;
            foreach (var token in tokenizer.EncodeWithOffsets(text, addSpecialTokens: false))
            {
                Assert.InRange(token.Start, start, length);
                Assert.InRange(token.End, token.Start, length);
                // A space that was put before a text behind an added token, and left out of its place again, ends behind the letter it was put before.
                if (name != "roberta") start = token.Start;
            }
        }
    }

    private static (int, int) Place(Tokenizer tokenizer, string text, string spelling)
    {
        var token = tokenizer.EncodeWithOffsets(text, addSpecialTokens: true).Single(token => tokenizer.SpellingOf(token.Id) == spelling);
        return (token.Start, token.End);
    }

    /// <summary>The places of words, each of one or more tokens.</summary>
    private static List<(int, int)> Words(Tokenizer tokenizer, string text, string[] words)
    {
        var places = new List<(int, int)>();
        var left = new Queue<Token>(tokenizer.EncodeWithOffsets(text, addSpecialTokens: words.Length > 1));
        foreach (string word in words)
        {
            var spelled = new StringBuilder();
            var first = left.Peek();
            var last = first;
            while (spelled.Length < word.Length) spelled.Append(tokenizer.SpellingOf((last = left.Dequeue()).Id));
            Assert.Equal(word, spelled.ToString());
            places.Add((first.Start, last.End));
        }

        Assert.Empty(left);
        return places;
    }
}
