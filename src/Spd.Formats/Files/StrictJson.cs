using System.Text;
using System.Text.Json;

namespace Spd.Formats;

/// <summary>
/// Reads JSON and refuses what is not expected, a key that stands twice above all. All errors are a <see cref="FormatException"/> with a clause.
/// </summary>
internal static class StrictJson
{
    // Models have up to 100 000 tensors.
    private const int MostKeys = 250_000;

    public delegate T Parser<out T>(ref Utf8JsonReader json);

    /// <summary>Reads one JSON value that fills the whole text.</summary>
    /// <param name="bytes">The text in UTF-8.</param>
    /// <param name="maxDepth">How deeply its objects and lists may be nested.</param>
    /// <param name="what">What the text is, for messages: <c>the header</c>.</param>
    /// <param name="parse">Reads the value, from its first token to its last.</param>
    public static T Parse<T>(ReadOnlySpan<byte> bytes, int maxDepth, string what, Parser<T> parse)
    {
        try
        {
            // Utf8JsonReader checks the encoding only of the strings that are asked for.
            _ = new UTF8Encoding(false, throwOnInvalidBytes: true).GetCharCount(bytes);
            var json = new Utf8JsonReader(bytes, new JsonReaderOptions { MaxDepth = maxDepth });
            json.Read();
            T value = parse(ref json);
            // Anything but white space after the value is an error of the reader's.
            json.Read();
            return value;
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException or ArgumentException)
        {
            throw new FormatException($"{what} is no valid JSON text", exception);
        }
    }

    /// <summary>Steps onto the value of the next key; null at the end of the object.</summary>
    /// <param name="json">The reader.</param>
    /// <param name="seen">The keys before it.</param>
    /// <param name="where">What the object is, for messages.</param>
    /// <param name="most">How many keys it may have.</param>
    public static string? NextKey(ref Utf8JsonReader json, HashSet<string> seen, string where, int most = MostKeys)
    {
        json.Read();
        if (json.TokenType == JsonTokenType.EndObject) return null;
        string key = json.GetString()!;
        if (!seen.Add(key)) throw new FormatException($"{where} has the key {Quoted.Of(key)} twice");
        if (seen.Count > most) throw new FormatException($"{where} has more than {most} keys");
        json.Read();
        return key;
    }

    /// <summary>Refuses a value of another kind.</summary>
    public static void Expect(ref Utf8JsonReader json, JsonTokenType type, string what)
    {
        if (json.TokenType != type)
        {
            string needed = type switch { JsonTokenType.StartObject => "an object", JsonTokenType.StartArray => "a list", _ => "a text" };
            throw new FormatException($"{what} must be {needed}");
        }
    }
}
