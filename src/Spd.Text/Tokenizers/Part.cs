using System.Text.Json;
using System.Text;
using Spd.Formats;

namespace Spd.Text;

/// <summary>A part of <c>tokenizer.json</c>, which is read key by key. All errors are a <see cref="FormatException"/> with a clause.</summary>
/// <param name="Value">The value.</param>
/// <param name="Where">Where it stands, for messages: <c>pre_tokenizer.pretokenizers[1]</c>.</param>
internal readonly record struct Part(JsonElement Value, string Where)
{
    /// <summary>The <c>type</c> of a part of the chain.</summary>
    public string Type => Text("type");

    /// <summary>The value of a key; null where there is none, or null.</summary>
    public Part? Find(string key)
    {
        if (Value.ValueKind != JsonValueKind.Object) throw new FormatException($"{Where} must be an object");
        return Value.TryGetProperty(key, out var value) && value.ValueKind != JsonValueKind.Null
            ? new Part(value, Where.Length == 0 ? key : $"{Where}.{key}")
            : null;
    }

    public Part Get(string key) => Find(key) ?? throw new FormatException($"{(Where.Length == 0 ? "the file" : Where)} has no {Quoted.Of(key)}");

    public string AsText()
    {
        if (Value.ValueKind != JsonValueKind.String) throw new FormatException($"{Where} must be a text");
        try
        {
            return Value.GetString()!;
        }
        catch (InvalidOperationException exception)
        {
            throw new FormatException($"{Where} is no valid text", exception);
        }
    }

    public int AsNumber() => Value.ValueKind == JsonValueKind.Number && Value.TryGetInt32(out int number) && number >= 0
        ? number
        : throw new FormatException($"{Where} must be a whole number from 0 on");

    public string Text(string key) => Get(key).AsText();

    public bool Flag(string key, bool otherwise)
    {
        if (Find(key) is not { } part) return otherwise;
        return part.Value.ValueKind is JsonValueKind.True or JsonValueKind.False
            ? part.Value.GetBoolean()
            : throw new FormatException($"{part.Where} must be true or false");
    }

    /// <summary>A text of one letter.</summary>
    public Rune Letter(string key)
    {
        string text = Text(key);
        return Rune.TryGetRuneAt(text, 0, out var letter) && letter.Utf16SequenceLength == text.Length
            ? letter
            : throw new FormatException($"{Where}.{key} must be one letter, and is {Quoted.Of(text)}");
    }

    /// <summary>The elements of a list.</summary>
    public List<Part> Elements()
    {
        if (Value.ValueKind != JsonValueKind.Array) throw new FormatException($"{Where} must be a list");
        var elements = new List<Part>(Value.GetArrayLength());
        foreach (var element in Value.EnumerateArray()) elements.Add(new Part(element, $"{Where}[{elements.Count}]"));
        return elements;
    }

    /// <summary>The keys and values of an object.</summary>
    public List<(string Key, Part Value)> Entries()
    {
        if (Value.ValueKind != JsonValueKind.Object) throw new FormatException($"{Where} must be an object");
        string where = Where;
        return [.. Value.EnumerateObject().Select(property => (property.Name, new Part(property.Value, where)))];
    }

    /// <summary>What is searched for: <c>{"String": …}</c>, <c>{"Regex": …}</c>.</summary>
    public Pattern Pattern(string key)
    {
        var pattern = Get(key);
        try
        {
            return pattern.Find("Regex") is { } regex ? new RegexPattern(regex.AsText()) : new LiteralPattern(pattern.Text("String"));
        }
        catch (FormatException exception) when (!exception.Message.StartsWith(Where, StringComparison.Ordinal))
        {
            throw new FormatException($"{pattern.Where}: {exception.Message}", exception);
        }
    }

    /// <summary>What is said of a part that is not known here.</summary>
    public FormatException Unsupported(string kind) => new($"{Where} is a {kind} of the type {Quoted.Of(Type)}, which is not supported");
}
