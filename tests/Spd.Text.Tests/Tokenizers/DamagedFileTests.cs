using System.Text.Json.Nodes;
using Spd.Formats;

namespace Spd.Text.Tests;

/// <summary>Files that are damaged, or hold what is not supported: one sentence each.</summary>
public sealed class DamagedFileTests
{
    [Theory]
    [InlineData("model", """{"type":"Unigram","vocab":[["a",0.0]]}""", "model is a model of the type 'Unigram', which is not supported")]
    [InlineData("model", "null", "the file has no 'model'")]
    [InlineData("model", "[]", "model must be an object")]
    [InlineData("model.vocab", "[1]", "model.vocab must be an object")]
    [InlineData("model.vocab", "{}", "model.vocab is empty")]
    [InlineData("model.vocab", """{"a":0,"b":0}""", "model.vocab gives the id 0 to both 'a' and 'b'")]
    [InlineData("model.vocab", """{"a":-1}""", "the id of 'a' in model.vocab must be a whole number from 0 on")]
    [InlineData("model.vocab", """{"a":0.5}""", "the id of 'a' in model.vocab must be a whole number from 0 on")]
    [InlineData("model.vocab", """{"a":2000000000}""", "the id of 'a' in model.vocab is 2000000000; at most 16777215 are read")]
    [InlineData("model.merges", """["a"]""", "model.merges[0] must be two tokens")]
    [InlineData("model.merges", """[["a","t"]]""", "model.merges[0] has 'at', which is not in the vocabulary")]
    [InlineData("model.merges", """[["a",1]]""", "model.merges[0][1] must be a text")]
    [InlineData("model.merges", "3", "model.merges must be a list")]
    [InlineData("model.unk_token", "\"?\"", "model.unk_token is '?', which is not in the vocabulary")]
    [InlineData("model.byte_fallback", "1", "model.byte_fallback must be true or false")]
    [InlineData("model.end_of_word_suffix", "\"</w>\"", "model.end_of_word_suffix is '</w>'; such models are not supported")]
    [InlineData("model.continuing_subword_prefix", "\"##\"", "model.continuing_subword_prefix is '##'; such models are not supported")]
    [InlineData("model.dropout", "0.1", "model.dropout is not 0: merges left out by chance are not supported")]
    [InlineData("normalizer", """{"type":"Precompiled","precompiled_charsmap":""}""", "normalizer is a normalizer of the type 'Precompiled', which is not supported")]
    [InlineData("normalizer", """{"type":"Sequence","normalizers":[{"type":"NFC"},{"type":"Nmt"}]}""", "normalizer.normalizers[1] is a normalizer of the type 'Nmt', which is not supported")]
    [InlineData("normalizer", """{"type":"Replace","pattern":{"Regex":"(a"},"content":""}""", "normalizer.pattern: the regular expression '(a' is not supported")]
    [InlineData("normalizer", """{"type":"Replace","pattern":{"Regex":"[a-z&&[^e]]"},"content":""}""", "normalizer.pattern: the regular expression '[a-z&&[^e]]' has '&&', which is not supported")]
    [InlineData("normalizer", """{"type":"Replace","pattern":{"Regex":"[\\W]"},"content":""}""", "normalizer.pattern: the regular expression '[\\W]' has '\\W' within a class, which is not supported")]
    [InlineData("normalizer", """{"type":"Replace","pattern":{"Regex":"😀"},"content":""}""", "normalizer.pattern: the regular expression '😀' has a letter outside the basic plane, which is not supported")]
    [InlineData("normalizer", """{"type":"Replace","pattern":{},"content":""}""", "normalizer.pattern has no 'String'")]
    [InlineData("normalizer", "{}", "normalizer has no 'type'")]
    [InlineData("pre_tokenizer", """{"type":"UnicodeScripts"}""", "pre_tokenizer is a pre_tokenizer of the type 'UnicodeScripts', which is not supported")]
    [InlineData("pre_tokenizer", """{"type":"Split","pattern":{"Regex":"\\p{Han}+"},"behavior":"Isolated"}""", "pre_tokenizer.pattern: the regular expression '\\p{Han}+' is not supported")]
    [InlineData("pre_tokenizer", """{"type":"Split","pattern":{"String":" "},"behavior":"Gone"}""", "pre_tokenizer.behavior is 'Gone'; it must be one of Removed, Isolated, MergedWithPrevious, MergedWithNext, Contiguous")]
    [InlineData("pre_tokenizer", """{"type":"Metaspace","replacement":"xy"}""", "pre_tokenizer.replacement must be one letter, and is 'xy'")]
    [InlineData("pre_tokenizer", """{"type":"Metaspace","replacement":"x","add_prefix_space":false,"prepend_scheme":"first"}""", "pre_tokenizer.prepend_scheme is 'first', but its add_prefix_space is false")]
    [InlineData("post_processor", """{"type":"Other"}""", "post_processor is a post_processor of the type 'Other', which is not supported")]
    [InlineData("post_processor", """{"type":"BertProcessing","sep":["x",0],"cls":["y",77]}""", "post_processor adds the token 77, which is not in the vocabulary")]
    [InlineData("post_processor", """{"type":"BertProcessing","sep":["x"],"cls":["y",1]}""", "post_processor.sep must be a list of a token and its id")]
    [InlineData("post_processor", """{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"x"}}],"special_tokens":{}}""", "post_processor.single[0].SpecialToken names 'x', which is not among its special_tokens")]
    [InlineData("post_processor", """{"type":"TemplateProcessing","single":[]}""", "post_processor.single has no place for the text")]
    [InlineData("post_processor", """{"type":"TemplateProcessing","single":[{"Sequence":{"id":"A"}},{"Sequence":{"id":"A"}}]}""", "post_processor.single[1] is a second text; templates of one text are supported")]
    [InlineData("decoder", """{"type":"CTC"}""", "decoder is a decoder of the type 'CTC', which is not supported")]
    [InlineData("decoder", """{"type":"Strip","content":" ","start":-1,"stop":0}""", "decoder.start must be a whole number from 0 on")]
    [InlineData("added_tokens", """[{"id":0,"content":"x"}]""", "the added token 'x' has the id 0 of 'a'")]
    [InlineData("added_tokens", """[{"id":5,"content":"a"}]""", "the added token 'a' has the id 5, and 0 too")]
    [InlineData("added_tokens", """[{"content":"a"}]""", "added_tokens[0] has no 'id'")]
    public void APartThatIsWrongIsNamed(string key, string value, string message)
    {
        var root = JsonNode.Parse(SmallTokenizers.Json("null", "null", "null", "null", """{"type":"BPE","vocab":{"a":0,"t":1,"b":2},"merges":[]}"""))!;
        var place = root;
        string[] keys = key.Split('.');
        foreach (string outer in keys[..^1]) place = place[outer]!;
        place[keys[^1]] = JsonNode.Parse(value);
        Refuse(root.ToJsonString(), message);
    }

    [Theory]
    [InlineData("{", "the file is no valid JSON text")]
    [InlineData("""{"model":{"vocab":{"a":0,"a":1}}}""", "the file has a key twice in one object")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"\ud800":0},"merges":[]}}""", "the file is no valid JSON text")]
    [InlineData("""{"model":{"type":"\ud800"}}""", "model.type is no valid text")]
    [InlineData("<!DOCTYPE html><html>", "it is a web page, not the file itself: download the file that the page shows")]
    [InlineData("", "it is empty, or no regular file")]
    public void AFileThatIsNoneIsRefused(string text, string message) => Refuse(text, message);

    [Fact]
    public void BytesThatAreNoTextAreRefused()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllBytes(folder["tokenizer.json"], [.. """{"model":{"vocab":{"a"""u8, 0xFF, .. "\":0},\"merges\":[]}}"u8]);
        Assert.EndsWith(": the file is no valid JSON text", Assert.Throws<FileContentException>(() => Tokenizer.Load(folder["tokenizer.json"])).Message);
    }

    [Fact]
    public void WhereThereIsNoFileThatIsSaid()
    {
        using var folder = new TemporaryFolder();
        string path = Path.GetDirectoryName(folder["x"])!;
        Assert.Equal(
            $"'{path}' holds no tokenizer.json; name the file itself where it has another name",
            Assert.Throws<FileContentException>(() => Tokenizer.Load(path)).Message);
        Assert.ThrowsAny<IOException>(() => Tokenizer.Load(folder["missing.json"]));
    }

    [Fact]
    public void MutantsAreReadOrRefused()
    {
        var random = new Random(11);
        foreach (string json in SmallTokenizers.All.Values)
        {
            for (int i = 0; i < 60; i++)
            {
                char[] letters = [.. json];
                for (int change = 0; change < 1 + i % 4; change++) letters[random.Next(letters.Length)] = "{}[]\",:0a\\\ud800"[random.Next(11)];
                try
                {
                    SmallTokenizers.LoadJson(new string(letters, 0, random.Next(3) == 0 ? random.Next(letters.Length) : letters.Length)).Encode("the cat", false);
                }
                catch (Exception exception) when (exception is FileContentException or ArgumentException)
                {
                    Assert.NotEmpty(exception.Message);
                    Assert.DoesNotContain('\n', exception.Message);
                }
            }
        }
    }

    private static void Refuse(string text, string message)
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["tokenizer.json"], text);
        var exception = Assert.Throws<FileContentException>(() => Tokenizer.Load(folder["tokenizer.json"]));
        Assert.Equal($"'{folder["tokenizer.json"]}' is no usable tokenizer: {message}", exception.Message);
    }
}
