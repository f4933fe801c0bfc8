using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Spd.Networks.Weights;

/// <summary>Where a tensor lies: bytes <c>Begin</c> (included) to <c>End</c> (excluded), counted from the end of the header.</summary>
internal sealed record TensorEntry(string Name, NumberFormat Type, IReadOnlyList<int> Shape, long Begin, long End);

/// <summary>
/// The JSON header of a safetensors file: <c>{"__metadata__": {"key": "text"}, "name": {"dtype": "F32", "shape": [2, 5], "data_offsets": [0, 40]}}</c>.
/// Reading is strict: what the format does not define is refused.
/// </summary>
internal sealed record SafetensorsHeader(IReadOnlyList<TensorEntry> Entries, IReadOnlyDictionary<string, string> Metadata)
{
    public const string MetadataKey = "__metadata__";
    private const string Float32 = "F32";

    private static readonly Dictionary<string, NumberFormat> Types = new()
    {
        ["F64"] = NumberFormat.Float64,
        [Float32] = NumberFormat.Float32,
        ["F16"] = NumberFormat.Float16,
        ["BF16"] = NumberFormat.BFloat16,
        ["F8_E5M2"] = NumberFormat.Float8E5M2,
        ["F8_E4M3"] = NumberFormat.Float8E4M3,
        ["I64"] = NumberFormat.Int64,
        ["I32"] = NumberFormat.Int32,
        ["I16"] = NumberFormat.Int16,
        ["I8"] = NumberFormat.Int8,
        ["U64"] = NumberFormat.UInt64,
        ["U32"] = NumberFormat.UInt32,
        ["U16"] = NumberFormat.UInt16,
        ["U8"] = NumberFormat.UInt8,
        ["BOOL"] = NumberFormat.Bool,
    };

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
                json.WriteStartObject(entry.Name);
                json.WriteString("dtype", Float32);
                json.WriteStartArray("shape");
                foreach (int dimension in entry.Shape) json.WriteNumberValue(dimension);
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
    public static SafetensorsHeader Parse(ReadOnlySpan<byte> bytes)
    {
        try
        {
            // Utf8JsonReader checks the encoding only of the strings that are asked for.
            _ = new UTF8Encoding(false, throwOnInvalidBytes: true).GetCharCount(bytes);
            var json = new Utf8JsonReader(bytes, new JsonReaderOptions { MaxDepth = 8 });
            var entries = new List<TensorEntry>();
            var metadata = new Dictionary<string, string>();
            var names = new HashSet<string>();
            json.Read();
            Expect(ref json, JsonTokenType.StartObject, "the header");
            while (NextKey(ref json, names, "the header") is { } name)
            {
                if (name == MetadataKey) ParseMetadata(ref json, metadata);
                else entries.Add(ParseEntry(ref json, name));
            }

            // Anything but white space after the object is an error of the reader's.
            json.Read();
            return new SafetensorsHeader(entries, metadata);
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException or ArgumentException)
        {
            throw new FormatException("the header is no valid JSON text", exception);
        }
    }

    private static void ParseMetadata(ref Utf8JsonReader json, Dictionary<string, string> metadata)
    {
        Expect(ref json, JsonTokenType.StartObject, MetadataKey);
        var keys = new HashSet<string>();
        while (NextKey(ref json, keys, MetadataKey) is { } key)
        {
            Expect(ref json, JsonTokenType.String, $"'{key}' in {MetadataKey}");
            metadata[key] = json.GetString()!;
        }
    }

    private static TensorEntry ParseEntry(ref Utf8JsonReader json, string name)
    {
        string what = $"tensor '{name}'";
        Expect(ref json, JsonTokenType.StartObject, what);
        string? type = null;
        List<long>? shape = null, offsets = null;
        var keys = new HashSet<string>();
        while (NextKey(ref json, keys, what) is { } key)
        {
            switch (key)
            {
                case "dtype":
                    Expect(ref json, JsonTokenType.String, $"dtype of {what}");
                    type = json.GetString();
                    break;
                case "shape":
                    shape = Numbers(ref json, $"shape of {what}");
                    break;
                case "data_offsets":
                    offsets = Numbers(ref json, $"data_offsets of {what}");
                    break;
                default:
                    throw new FormatException($"{what} has an unknown field '{key}'");
            }
        }

        if (type is null || shape is null || offsets is null) throw new FormatException($"{what} needs dtype, shape and data_offsets");
        if (!Types.TryGetValue(type, out var format)) throw new FormatException($"{what} is of type {type}, but only {string.Join(", ", Types.Keys)} are read");
        if (shape.Exists(dimension => dimension > int.MaxValue)) throw new FormatException($"{what} has a dimension above {int.MaxValue}");
        if (offsets.Count != 2 || offsets[1] < offsets[0])
            throw new FormatException($"data_offsets of {what} must be two numbers, the second not below the first");
        Int128 count = shape.Contains(0) ? 0 : 1;
        foreach (long dimension in shape)
        {
            count *= dimension;
            if (count > Array.MaxLength) throw new FormatException($"{what} of shape [{string.Join(", ", shape)}] is too large to be read");
        }

        if (count * format.Size != offsets[1] - offsets[0])
        {
            throw new FormatException(
                $"{what} of shape [{string.Join(", ", shape)}] needs {count * format.Size} bytes, "
                + $"but its data_offsets hold {offsets[1] - offsets[0]}");
        }

        return new TensorEntry(name, format, [.. shape.Select(dimension => (int)dimension)], offsets[0], offsets[1]);
    }

    /// <summary>Steps onto the value of the next key; null at the end of the object.</summary>
    private static string? NextKey(ref Utf8JsonReader json, HashSet<string> seen, string where)
    {
        json.Read();
        if (json.TokenType == JsonTokenType.EndObject) return null;
        string key = json.GetString()!;
        if (!seen.Add(key)) throw new FormatException($"{where} has the key '{key}' twice");
        json.Read();
        return key;
    }

    private static List<long> Numbers(ref Utf8JsonReader json, string what)
    {
        Expect(ref json, JsonTokenType.StartArray, what);
        var numbers = new List<long>();
        while (json.Read() && json.TokenType != JsonTokenType.EndArray)
        {
            if (json.TokenType != JsonTokenType.Number || !json.TryGetInt64(out long number) || number < 0)
                throw new FormatException($"{what} must hold whole numbers that are not negative");
            numbers.Add(number);
        }

        return numbers;
    }

    private static void Expect(ref Utf8JsonReader json, JsonTokenType type, string what)
    {
        if (json.TokenType != type)
        {
            string needed = type switch { JsonTokenType.StartObject => "an object", JsonTokenType.StartArray => "a list", _ => "a text" };
            throw new FormatException($"{what} must be {needed}");
        }
    }
}
