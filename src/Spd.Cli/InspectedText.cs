using System.Text.Json;
using Spd.Formats;
using Spd.Text;

namespace Spd.Cli;

/// <summary>A text or a tokenizer, as <c>spd inspect --json</c> writes it.</summary>
/// <param name="File">The path, as it was given.</param>
/// <param name="Format">What it is, in words.</param>
/// <param name="Bytes">Bytes of the file.</param>
internal sealed record InspectedText(string File, string Format, long Bytes)
{
    private const string Json = ".json";

    /// <summary>Of a text, its documents that are not empty.</summary>
    public long? Documents { get; init; }

    /// <summary>Of a text, its characters, in UTF-16.</summary>
    public long? Characters { get; init; }

    /// <summary>Of a tokenizer, one more than its highest id.</summary>
    public int? Vocabulary { get; init; }

    /// <summary>Of a tokenizer, its token for the end of a text.</summary>
    public int? EndId { get; init; }

    /// <summary>Looks at a file whose name is that of a text, or of JSON; null for any other, and for a table of numbers as text.</summary>
    /// <exception cref="FileContentException">It is named like a text and is none.</exception>
    public static InspectedText? Of(string path)
    {
        string suffix = TextFile.SuffixOf(path);
        if (!System.IO.File.Exists(path) || suffix == ".parquet" || !TextFile.Suffixes.Contains(suffix) || WeightFile.HasUsualName(path)) return null;
        if (suffix == Json && IsTokenizer(path))
        {
            var tokenizer = Tokenizer.Load(path);
            return new InspectedText(path, $"tokenizer ({tokenizer.Format})", RegularFile.Length(path)) { Vocabulary = tokenizer.VocabularySize, EndId = tokenizer.EndId };
        }

        if (suffix == ".txt" && IsTable(path)) return null;
        long documents = 0, characters = 0;
        foreach (var part in TextFile.Read(path))
        {
            characters += part.Text.Length;
            if (part.EndsDocument) documents++;
        }

        return new InspectedText(path, suffix == ".txt" ? "plain text" : "texts in JSON", RegularFile.Length(path)) { Documents = documents, Characters = characters };
    }

    /// <summary>Shows it.</summary>
    /// <returns>The exit code.</returns>
    public int Show(bool isJson)
    {
        if (isJson) Console.WriteLine(JsonSerializer.Serialize(this, InspectJson.Default.InspectedText));
        else
        {
            string size = Vocabulary is { } tokens
                ? $"a vocabulary of {Screen.Whole(tokens)}{(EndId is { } end ? $", the end of a text is {Screen.Whole(end)}" : "")}"
                : $"{Screen.Whole(Documents ?? 0)} {(Documents == 1 ? "document" : "documents")}, {Screen.Whole(Characters ?? 0)} characters";
            Screen.WriteLine($"{File}: {Format}, {size}, {Screen.Whole(Bytes)} bytes");
        }

        return CommandLine.Success;
    }

    private static bool IsTokenizer(string path)
    {
        try
        {
            return JsonFile.ReadObject(path) is { ValueKind: JsonValueKind.Object } root && root.TryGetProperty("model", out var model) && model.ValueKind == JsonValueKind.Object
                && model.TryGetProperty("vocab", out _);
        }
        catch (FileContentException)
        {
            return false;
        }
    }

    private static bool IsTable(string path)
    {
        try
        {
            using var arrays = ArrayFile.Open(path);
            return arrays.Arrays.All(array => array.Unreadable is null);
        }
        catch (FileContentException)
        {
            return false;
        }
    }
}
