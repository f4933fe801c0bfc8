using System.Text.Json;

namespace Spd.Text.Tests;

/// <summary>1000 short stories that people read.</summary>
internal static class Stories
{
    public static string[] All() => JsonSerializer.Deserialize<string[]>(File.ReadAllText(SharedFiles.Find("text/tinystories_1000.json")))!;
}
