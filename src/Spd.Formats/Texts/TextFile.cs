using System.Text;

namespace Spd.Formats;

/// <summary>
/// Reads the documents of a file one after the other, so that a file may be larger than memory. A plain text is one document; texts in JSON, JSON lines or Apache
/// Parquet are one each. Each may be compressed with gzip, but for Parquet.
/// </summary>
public static class TextFile
{
    /// <summary>The column that is read where none is named: most data sets call it so.</summary>
    public const string DefaultColumn = "text";

    private static readonly string[] TableSuffixes = [".csv", ".tsv"];

    private static readonly string[] JsonSuffixes = [".json", ".jsonl", ".ndjson"];

    /// <summary>What the names of files end in that are texts, but for a <c>.gz</c> behind it.</summary>
    public static IReadOnlyList<string> Suffixes { get; } = [".txt", ".parquet", .. JsonSuffixes];

    /// <summary>What the name of a file ends in, a <c>.gz</c> behind it left out; small letters.</summary>
    public static string SuffixOf(string path) =>
        Path.GetExtension(path.EndsWith(".gz", StringComparison.OrdinalIgnoreCase) ? path[..^3] : path).ToLowerInvariant();

    /// <summary>Reads a file's documents; those that are empty or null are passed over.</summary>
    /// <param name="path">
    /// The file. It is Apache Parquet if it says so, JSON if its name ends in <c>.json</c>, <c>.jsonl</c> or <c>.ndjson</c> (lists, and values one behind the
    /// other, of texts or of objects with the column), otherwise plain text in UTF-8.
    /// </param>
    /// <param name="column">The column of a table, the key in objects; null for <see cref="DefaultColumn"/>, or the only column of texts in a Parquet file.</param>
    /// <exception cref="FileContentException">It is damaged, no text, or has no such column; one sentence says what.</exception>
    /// <exception cref="IOException">It is missing or cannot be read.</exception>
    public static IEnumerable<TextPart> Read(string path, string? column = null)
    {
        using var parts = ReadParts(path, column).GetEnumerator();
        while (true)
        {
            TextPart part;
            try
            {
                if (!parts.MoveNext()) yield break;
                part = parts.Current;
            }
            catch (Exception exception) when (exception is FormatException or EndOfStreamException or InvalidDataException or DecoderFallbackException)
            {
                string reason = exception switch
                {
                    FormatException => exception.Message,
                    EndOfStreamException => "it is cut short",
                    DecoderFallbackException => "it is no text in UTF-8",
                    _ => "its compression is damaged",
                };
                throw new FileContentException($"{Quoted.Path(path)} is no usable text: {reason}", exception);
            }

            yield return part;
        }
    }

    private static IEnumerable<TextPart> ReadParts(string path, string? column)
    {
        byte[] start = FileStart.Read(path);
        bool isJson = JsonSuffixes.Contains(SuffixOf(path));
        // A plain text may well be about a web page.
        if (!(start is [(byte)'<', ..] && SuffixOf(path) == ".txt") && FileStart.Stranger(start) is { } stranger) throw new FormatException(stranger);
        using var file = RegularFile.Open(path);
        if (ParquetTable.IsParquet(start))
        {
            using var table = new ParquetTable(file);
            foreach (string text in table.ReadTexts(Column(table, column)).OfType<string>().Where(text => text.Length > 0)) yield return new TextPart(text, true);
        }
        else if (TableSuffixes.Contains(SuffixOf(path)))
        {
            throw new FormatException("it is a table (CSV), of which no column is read as a text: write the texts as JSON lines or Parquet, or give the file a name in .txt where all of it is the text");
        }
        else if (!isJson && column is not null)
        {
            throw new FormatException($"it is plain text, which has no column {Quoted.Of(column)}");
        }
        else
        {
            using Stream content = FileStart.IsGzip(start) ? new GzipContent(file) : file;
            var parts = isJson ? new JsonTexts(content, column).Read().Select(text => new TextPart(text, true)) : PlainText.Read(content);
            foreach (var part in parts) yield return part;
        }
    }

    private static int Column(ParquetTable table, string? name)
    {
        var columns = table.Tensors.Index().ToList();
        var texts = columns.Where(column => column.Item.Type == ITable.Text).ToList();
        var named = columns.Where(column => column.Item.Name == (name ?? DefaultColumn)).ToList();
        if (name is null && named.Count == 0 && texts is [var only]) return only.Index;
        string meant = Quoted.Of(name ?? DefaultColumn);
        return named switch
        {
            [] => throw new FormatException(texts.Count > 0
                ? $"it has no column {meant}; its columns of texts are {Quoted.List(texts.Select(column => column.Item.Name))}"
                : $"it has no column of texts; its columns are {Quoted.List(columns.Select(column => column.Item.Name))}"),
            [var column] when column.Item.Type == ITable.Text => column.Index,
            [var column] => throw new FormatException($"its column {meant} holds no texts, but values of the type {column.Item.Type}"),
            _ => throw new FormatException($"it has several columns {meant}"),
        };
    }
}
