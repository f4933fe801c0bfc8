using System.IO.Compression;
using System.Text;
using Spd.Formats;
using Spd.Text;

namespace Spd.Fuzz.Kinds;

/// <summary>Texts: plain ones, JSON and JSON lines, compressed and not, and columns of Parquet.</summary>
internal sealed class TextKind() : FuzzKind("text")
{
    private readonly ParquetKind _tables = new();

    protected override IReadOnlyList<byte[]> Words { get; } = Texts(
        "{", "}", "[", "]", ",", ":", "\"", "\\", "\n", "\"text\":", "\"story\":", "null", "1", "true", "\\ud83d", "\\ude00", "\\u0000", "\u001b[31m", "\u202e", "\ufeff", "é", "😀", "{\"text\":\"a\"}\n", "[\"", "\"]",
        "\u0000", "//", "\u2028");

    // As for tables in Parquet; gzip can claim less.
    public override long AllocationLimit(long length) => _tables.AllocationLimit(length);

    protected override IEnumerable<Sample> MakeCorpus()
    {
        var texts = new (string Name, string Text)[]
        {
            ("plain.txt", "First Citizen:\nBefore we proceed any further, hear me speak.\n\nAll:\nSpeak, speak. é😀\n"),
            ("list.json", "[\"one\", \"two \\u00e9\\ud83d\\ude00\", null, \"\"]"), ("objects.json", "[{\"text\": \"one\", \"n\": [1, {\"text\": 2}]}, {\"n\": 3, \"text\": null}]"),
            ("lines.jsonl", "{\"text\": \"one\"}\n{\"id\": 1e5, \"text\": \"two\"}\n\"three\"\n"), ("refused.jsonl", "{\"story\": \"one\"}\n{\"story\": \"two\"}\n"),
        }.Select(file => new Sample(file.Name, Encoding.UTF8.GetBytes(file.Text))).ToList();
        // Tables with a column of texts, which are refused where numbers are meant.
        const string Refused = "refused-";
        var tables = _tables.Corpus.Where(table => table.Name.StartsWith(Refused, StringComparison.Ordinal)).Select(table => table with { Name = table.Name[Refused.Length..] });
        return [.. texts, .. texts.Select(text => new Sample($"{text.Name}.gz", Compressed(text.Bytes))), .. tables];
    }

    protected override void Read(string path)
    {
        foreach (var part in TextFile.Read(path))
            if (part.Text.Length == 0) throw new BrokenPromiseException("a part of a text is empty");
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing) _tables.Dispose();
        base.Dispose(disposing);
    }

    private static byte[] Compressed(byte[] bytes)
    {
        using var compressed = new MemoryStream();
        using (var stream = new GZipStream(compressed, CompressionLevel.Fastest)) stream.Write(bytes);
        return compressed.ToArray();
    }
}

/// <summary>Caches of tokens, of both widths.</summary>
internal sealed class TokenCacheKind() : FuzzKind("tokens")
{
    protected override IReadOnlyList<byte[]> Words { get; } = [.. Texts("SPDTOKEN"), [0], [1, 0, 0, 0], [2, 0, 0, 0], [4, 0, 0, 0], [255, 255, 255, 255], [255, 255, 255, 255, 255, 255, 255, 127]];

    protected override IEnumerable<Sample> MakeCorpus()
    {
        string text = Place(new Sample("corpus.txt", Encoding.UTF8.GetBytes(string.Join(' ', Enumerable.Range(0, 20_000)))));
        // A cache knows it by its time too.
        File.SetLastWriteTimeUtc(text, DateTime.UnixEpoch);
        foreach (int vocabulary in new[] { 300, 100_000 })
        {
            string path = Path.Combine(Folder, $"{vocabulary}.tokens");
            TokenCache.OpenOrBuild(path, [text], null, new DocumentEncoder("letters", vocabulary, part => [.. part.Select(letter => (int)letter)])).Dispose();
            yield return new Sample($"{vocabulary}.tokens", File.ReadAllBytes(path));
        }
    }

    protected override void Read(string path)
    {
        using var cache = TokenCache.Open(path);
        int[] ids = new int[1000];
        for (long start = 0; start + ids.Length <= cache.Count; start += ids.Length)
        {
            cache.Read(start, ids);
            if (ids.Any(id => id < 0 || id >= cache.VocabularySize)) throw new BrokenPromiseException("an id is beyond its vocabulary");
        }
    }
}
