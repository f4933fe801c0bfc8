using System.Text.Json;

namespace Spd.Formats;

/// <summary>Small files in JSON: configurations that come with models.</summary>
public static class JsonFile
{
    private const int LargestFile = 16 << 20, MaxDepth = 64;

    /// <summary>Reads a file that holds one object, none of whose keys stands twice.</summary>
    /// <exception cref="FileContentException">It holds something else, or is damaged; one sentence says what.</exception>
    /// <exception cref="IOException">It is missing or cannot be read.</exception>
    public static JsonElement ReadObject(string path)
    {
        try
        {
            using var file = new FileBytes(path);
            if (file.Length > LargestFile) throw new FormatException($"it has {file.Length} bytes; at most {LargestFile} are read");
            byte[] bytes = file.Slice(0, (int)file.Length).ToArray();
            if (FileStart.Stranger(bytes) is { } stranger) throw new FormatException(stranger);
            using var document = JsonDocument.Parse(bytes, new JsonDocumentOptions { MaxDepth = MaxDepth, AllowDuplicateProperties = false });
            if (document.RootElement.ValueKind != JsonValueKind.Object) throw new FormatException("it holds no object");
            RequireTexts(document.RootElement);
            return document.RootElement.Clone();
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            throw new FileContentException($"{Quoted.Path(path)} is no valid JSON text, or has a key twice", exception);
        }
        catch (FormatException exception)
        {
            throw new FileContentException($"{Quoted.Path(path)} is no usable JSON file: {exception.Message}", exception);
        }
    }

    /// <summary>Reads every text once: what of them is no text is told only then.</summary>
    private static void RequireTexts(JsonElement element)
    {
        if (element.ValueKind == JsonValueKind.String) element.GetString();
        else if (element.ValueKind == JsonValueKind.Array) foreach (var item in element.EnumerateArray()) RequireTexts(item);
        else if (element.ValueKind == JsonValueKind.Object)
        {
            foreach (var property in element.EnumerateObject())
            {
                _ = property.Name;
                RequireTexts(property.Value);
            }
        }
    }
}
