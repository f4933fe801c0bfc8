using System.IO.Compression;
using System.Text;
using System.Text.Json;
using Parquet;
using Parquet.Schema;

namespace Spd.Formats.Tests;

public sealed class TextFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("a.txt", "one\ntwo", null, "one\ntwo")]
    [InlineData("a.txt", "\ufeffone", null, "one")]
    [InlineData("a.txt", "[1]", null, "[1]")]
    [InlineData("a.txt", "<html> is a tag", null, "<html> is a tag")]
    [InlineData("a.json", """["one", "", null, "t\u00fc\ud83d\ude00"]""", null, "one|tü😀")]
    [InlineData("a.json", """[{"id": 1, "text": "one", "meta": {"text": "no"}}, {"text": null}, {"text": "two"}]""", null, "one|two")]
    [InlineData("a.json", "[]", null, "")]
    [InlineData("a.json", """ {"text": "one"} """, "text", "one")]
    [InlineData("a.jsonl", "{\"story\": \"one\"}\n{\"story\": \"two\", \"text\": 3}\r\n", "story", "one|two")]
    [InlineData("a.ndjson", "\ufeff\"one\"\n\"two\"", null, "one|two")]
    public void DocumentsAreReadInOrder(string name, string content, string? column, string expected)
    {
        File.WriteAllText(_folder[name], content, new UTF8Encoding(false));
        string[] documents = [.. expected.Split('|').Where(document => document.Length > 0)];
        Assert.Equal(documents, TextFile.Read(_folder[name], column).Select(part => part.Text));
        Assert.All(TextFile.Read(_folder[name], column), part => Assert.True(part.EndsDocument));
        if (expected.Length == 0) return;
        using (var file = new GZipStream(File.Create(_folder[$"{name}.gz"]), CompressionLevel.Fastest)) file.Write(Encoding.UTF8.GetBytes(content));
        Assert.Equal(documents, TextFile.Read(_folder[$"{name}.gz"], column).Select(part => part.Text));
    }

    [Theory]
    [InlineData("a.txt", "one", "text", "it is plain text, which has no column 'text'")]
    [InlineData("a.txt", "a\0b", null, "it is no text: it holds characters of the value 0")]
    [InlineData("a.txt", "version https://git-lfs.github.com/spec/v1\n", null, "it only points to a file in Git LFS")]
    [InlineData("a.json", """["one", 2]""", null, "its entry 2 is neither a text nor an object with a text under 'text'")]
    [InlineData("a.json", """["one", ["two"]]""", null, "its entry 2 is neither a text nor an object")]
    [InlineData("a.json", """["one"]""", "story", "its entry 1 is a text, which has no column 'story'")]
    [InlineData("a.jsonl", "{\"text\": \"one\"}\n{\"story\": \"two\", \"id\": 2}", null, "its entry 2 has no 'text'; it has 'story', 'id': name the one with the text")]
    [InlineData("a.jsonl", "{\"text\": 1}", null, "'text' of its entry 1 is no text")]
    [InlineData("a.jsonl", "{\"text\": \"a\", \"text\": \"b\"}", null, "its entry 1 has 'text' twice")]
    [InlineData("a.jsonl", "{\"text\": \"one\"}\n{\"text\": \"tw", null, "it is no valid JSON in line 2")]
    [InlineData("a.jsonl", "{\"text\": \"one\"}\n\n{text: 1}", null, "it is no valid JSON in line 3")]
    [InlineData("a.json", """["\ud83d"]""", null, "its entry 1 is no text in UTF-8")]
    [InlineData("a.parquet", "PAR1", null, "it is a Parquet file that is damaged or cut short")]
    [InlineData("a.jsonl", "", null, "it is empty, or no regular file")]
    public void WhatIsNoTextIsRefused(string name, string content, string? column, string sentence)
    {
        File.WriteAllText(_folder[name], content);
        Refused(name, column, sentence);
    }

    [Fact]
    public void DamagedBytesAreRefused()
    {
        File.WriteAllBytes(_folder["a.txt"], [(byte)'a', 0xff, (byte)'b']);
        Refused("a.txt", null, "it is no text in UTF-8");
        File.WriteAllBytes(_folder["a.json"], [.. "[\"a"u8, 0xff, .. "\"]"u8]);
        Refused("a.json", null, "its entry 1 is no text in UTF-8");
        using (var file = new GZipStream(File.Create(_folder["a.txt.gz"]), CompressionLevel.Fastest)) file.Write(Encoding.UTF8.GetBytes(string.Join(' ', Enumerable.Range(0, 1000))));
        byte[] bytes = File.ReadAllBytes(_folder["a.txt.gz"]);
        File.WriteAllBytes(_folder["a.txt.gz"], bytes[..^20]);
        Refused("a.txt.gz", null, "it is cut short");
        bytes[^6] ^= 1;
        File.WriteAllBytes(_folder["a.txt.gz"], bytes);
        Refused("a.txt.gz", null, "its compression is damaged|it is cut short");
    }

    [Fact]
    public async Task ColumnsOfParquetAreRead()
    {
        await WriteParquet("one.parquet", ["id", "story"]);
        Assert.Equal(["story 0", "story 1", "story 2", "story 3"], Texts("one.parquet", null));
        Assert.Equal(["story 0", "story 1", "story 2", "story 3"], Texts("one.parquet", "story"));
        Refused("one.parquet", "tale", "it has no column 'tale'; its columns of texts are 'story'");
        Refused("one.parquet", "id", "its column 'id' holds no texts, but values of the type int32");
        await WriteParquet("two.parquet", ["id", "story", "text"]);
        Assert.Equal(["text 0", "text 1", "text 2", "text 3"], Texts("two.parquet", null));
        await WriteParquet("three.parquet", ["id", "story", "tale"]);
        Refused("three.parquet", null, "it has no column 'text'; its columns of texts are 'story', 'tale'");
        await WriteParquet("none.parquet", ["id"]);
        Refused("none.parquet", null, "it has no column of texts; its columns are 'id'");
    }

    [Fact]
    public void ALongTextComesInPartsThatEndWithALine()
    {
        var text = new StringBuilder();
        for (int i = 0; text.Length < 3 * PlainText.LongestPart; i++) text.Append(i % 5 == 0 ? "\n" : "").Append("line ").Append(i).Append('\n');
        File.WriteAllText(_folder["a.txt"], text.ToString());
        var parts = TextFile.Read(_folder["a.txt"]).ToList();
        Assert.Equal(text.ToString(), string.Concat(parts.Select(part => part.Text)));
        Assert.InRange(parts.Count, 4, 5);
        Assert.All(parts, part => Assert.InRange(part.Text.Length, 1, PlainText.LongestPart));
        Assert.Equal(Enumerable.Range(1, parts.Count).Select(i => i == parts.Count), parts.Select(part => part.EndsDocument));
        Assert.All(parts.SkipLast(1), part => Assert.True(part.Text[^1] == '\n' && part.Text[^2] != '\n'));
        Assert.All(parts.Skip(1), part => Assert.StartsWith("line", part.Text, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("word ")]
    [InlineData("ab")]
    [InlineData("😀")]
    [InlineData("x😀")]
    [InlineData("\n")]
    public void ATextWithoutLinesIsCutBeforeSpacesAndWithinNoCharacter(string unit)
    {
        string text = string.Concat(Enumerable.Repeat(unit, PlainText.LongestPart));
        File.WriteAllText(_folder["a.txt"], text);
        var parts = TextFile.Read(_folder["a.txt"]).ToList();
        Assert.Equal(text, string.Concat(parts.Select(part => part.Text)));
        Assert.All(parts, part => Assert.False(char.IsLowSurrogate(part.Text[0]) || char.IsHighSurrogate(part.Text[^1])));
        if (unit == "word ") Assert.All(parts.Skip(1), part => Assert.Equal(' ', part.Text[0]));
    }

    // The buffer is of 64 KiB at first: entries lie across its end at every offset, and are longer than it.
    [Fact]
    public void EntriesOfAnyLengthAreRead()
    {
        string[] documents = [.. Enumerable.Range(0, 3000).Select(i => $"{i} \"\\\n{new string((char)('a' + i % 26), i == 1000 ? 1_000_000 : i % 97)} tü😀")];
        File.WriteAllText(_folder["a.json"], JsonSerializer.Serialize(documents));
        File.WriteAllLines(_folder["a.jsonl"], documents.Select((text, i) => JsonSerializer.Serialize(new { i, more = new { text = "no", list = new[] { 1, 2 } }, text })));
        Assert.Equal(documents, Texts("a.json", null));
        Assert.Equal(documents, Texts("a.jsonl", null));
    }

    [Fact]
    public void TheStoriesAreRead()
    {
        string path = SharedFiles.Find("text/tinystories_1000.json");
        Assert.Equal(JsonSerializer.Deserialize<string[]>(File.ReadAllText(path))!.Where(text => text.Length > 0), TextFile.Read(path).Select(part => part.Text));
        string plays = SharedFiles.Find("text/tinyshakespeare_input.txt");
        Assert.Equal(File.ReadAllText(plays), string.Concat(TextFile.Read(plays).Select(part => part.Text)));
    }

    private IEnumerable<string> Texts(string name, string? column) => TextFile.Read(_folder[name], column).Select(part => part.Text);

    private void Refused(string name, string? column, string sentence)
    {
        string message = Assert.Throws<FileContentException>(() => TextFile.Read(_folder[name], column).Count()).Message;
        Assert.StartsWith($"{Quoted.Path(_folder[name])} is no usable text: ", message, StringComparison.Ordinal);
        Assert.True(sentence.Split('|').Any(part => message.Contains(part, StringComparison.Ordinal)), message);
    }

    /// <summary>Two groups of rows, the third of which has no texts, the fourth an empty one.</summary>
    private async Task WriteParquet(string name, string[] columns)
    {
        var schema = new ParquetSchema(columns.Select(column => column == "id" ? (Field)new DataField<int>("id") : new DataField(column, typeof(string), isNullable: true)).ToArray());
        await using var file = File.Create(_folder[name]);
        await using var writer = await ParquetWriter.CreateAsync(schema, file, cancellationToken: TestContext.Current.CancellationToken);
        for (int group = 0; group < 2; group++)
        {
            using var rows = writer.CreateRowGroup();
            foreach (var field in schema.DataFields)
            {
                int first = 2 * group;
                if (field.Name == "id") await rows.WriteAsync<int>(field, new[] { first, first + 1, first, first }.AsMemory());
                else await rows.WriteAsync(field, new string?[] { $"{field.Name} {first}", $"{field.Name} {first + 1}", null, "" });
            }
        }
    }
}
