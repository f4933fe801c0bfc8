using System.Text.Encodings.Web;
using System.Text.Json;

namespace Spd.Formats;

/// <summary>Where a tensor lies: bytes <c>Begin</c> (included) to <c>End</c> (excluded), counted from the end of the header.</summary>
internal sealed record TensorEntry(TensorInfo Tensor, long Begin, long End);

/// <summary>
/// The JSON header of a safetensors file: <c>{"__metadata__": {"key": "text"}, "name": {"dtype": "F32", "shape": [2, 5], "data_offsets": [0, 40]}}</c>.
/// Reading is strict: what the format does not define is refused.
/// </summary>
internal sealed record SafetensorsHeader(IReadOnlyList<TensorEntry> Entries, IReadOnlyDictionary<string, string> Metadata)
{
    public const string MetadataKey = "__metadata__";

    private const int MaxDepth = 8, MostDimensions = 64, MostTexts = 10_000;

    /// <summary>The header as bytes, padded with spaces to a multiple of 8.</summary>
    public byte[] ToBytes()
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            if (Metadata.Count > 0)
            {
                json.WriteStartObject(MetadataKey);
                foreach (var (key, value) in Metadata) json.WriteString(key, value);
                json.WriteEndObject();
            }

            foreach (var entry in Entries)
            {
                json.WriteStartObject(entry.Tensor.Name);
                json.WriteString("dtype", entry.Tensor.Type);
                json.WriteStartArray("shape");
                foreach (int dimension in entry.Tensor.Shape) json.WriteNumberValue(dimension);
                json.WriteEndArray();
                json.WriteStartArray("data_offsets");
                json.WriteNumberValue(entry.Begin);
                json.WriteNumberValue(entry.End);
                json.WriteEndArray();
                json.WriteEndObject();
            }

            json.WriteEndObject();
        }

        while (buffer.Length % 8 != 0) buffer.WriteByte((byte)' ');
        return buffer.ToArray();
    }

    /// <summary>Reads a header.</summary>
    /// <exception cref="FormatException">It is not one; the message says why.</exception>
    public static SafetensorsHeader Parse(ReadOnlySpan<byte> bytes) => StrictJson.Parse(bytes, MaxDepth, "the header", Parse);

    private static SafetensorsHeader Parse(ref Utf8JsonReader json)
    {
        var entries = new List<TensorEntry>();
        var metadata = new Dictionary<string, string>();
        var names = new HashSet<string>();
        StrictJson.Expect(ref json, JsonTokenType.StartObject, "the header");
        while (StrictJson.NextKey(ref json, names, "the header") is { } name)
        {
            if (name == MetadataKey) ParseMetadata(ref json, metadata);
            else entries.Add(ParseEntry(ref json, name));
        }

        return new SafetensorsHeader(entries, metadata);
    }

    private static void ParseMetadata(ref Utf8JsonReader json, Dictionary<string, string> metadata)
    {
        StrictJson.Expect(ref json, JsonTokenType.StartObject, MetadataKey);
        var keys = new HashSet<string>();
        while (StrictJson.NextKey(ref json, keys, MetadataKey, MostTexts) is { } key)
        {
            StrictJson.Expect(ref json, JsonTokenType.String, $"{Quoted.Of(key)} in {MetadataKey}");
            metadata[key] = json.GetString()!;
        }
    }

    private static TensorEntry ParseEntry(ref Utf8JsonReader json, string name)
    {
        string what = $"tensor {Quoted.Of(name)}";
        StrictJson.Expect(ref json, JsonTokenType.StartObject, what);
        string? type = null;
        List<long>? shape = null, offsets = null;
        var keys = new HashSet<string>();
        while (StrictJson.NextKey(ref json, keys, what) is { } key)
        {
            switch (key)
            {
                case "dtype":
                    StrictJson.Expect(ref json, JsonTokenType.String, $"dtype of {what}");
                    type = json.GetString();
                    break;
                case "shape":
                    shape = WholeNumbers(ref json, $"shape of {what}");
                    break;
                case "data_offsets":
                    offsets = WholeNumbers(ref json, $"data_offsets of {what}");
                    break;
                default:
                    throw new FormatException($"{what} has an unknown field {Quoted.Of(key)}");
            }
        }

        if (type is null || shape is null || offsets is null) throw new FormatException($"{what} needs dtype, shape and data_offsets");
        if (shape.Count > MostDimensions) throw new FormatException($"{what} has {shape.Count} dimensions; at most {MostDimensions} are read");
        if (shape.Exists(dimension => dimension > int.MaxValue)) throw new FormatException($"{what} has a dimension above {int.MaxValue}");
        if (offsets.Count != 2 || offsets[1] < offsets[0])
            throw new FormatException($"data_offsets of {what} must be two numbers, the second not below the first");
        var tensor = new TensorInfo(name, [.. shape.Select(dimension => (int)dimension)], type);
        var entry = new TensorEntry(tensor, offsets[0], offsets[1]);
        if (!Numbers.Types.TryGetValue(type, out var numbers)) return entry with { Tensor = tensor with { Unreadable = UnreadType(type), Bytes = offsets[1] - offsets[0] } };
        Int128 bytes = shape.Contains(0) ? 0 : numbers.Size();
        foreach (long dimension in shape)
        {
            bytes *= dimension;
            if (bytes > long.MaxValue) throw new FormatException($"{what} of shape {tensor.ShapeText} is too large for a file");
        }

        if (bytes != offsets[1] - offsets[0])
            throw new FormatException($"{what} of shape {tensor.ShapeText} needs {bytes} bytes, but its data_offsets hold {offsets[1] - offsets[0]}");
        return bytes / numbers.Size() <= Array.MaxLength ? entry
            : entry with { Tensor = tensor with { Unreadable = $"it has {bytes / numbers.Size()} numbers; at most {Array.MaxLength} are read" } };
    }

    private static string UnreadType(string type) =>
        $"its numbers are of the type {Quoted.Of(type)}; {string.Join(", ", Numbers.Types.Keys)} are read";

    private static List<long> WholeNumbers(ref Utf8JsonReader json, string what)
    {
        StrictJson.Expect(ref json, JsonTokenType.StartArray, what);
        var numbers = new List<long>();
        while (json.Read() && json.TokenType != JsonTokenType.EndArray)
        {
            if (json.TokenType != JsonTokenType.Number || !json.TryGetInt64(out long number) || number < 0)
                throw new FormatException($"{what} must hold whole numbers that are not negative");
            numbers.Add(number);
        }

        return numbers;
    }
}
