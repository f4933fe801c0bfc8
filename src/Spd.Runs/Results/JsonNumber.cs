using System.Text.Json.Nodes;

namespace Spd.Runs.Results;

/// <summary>Numbers in JSON, which has none that are not finite.</summary>
internal static class JsonNumber
{
    /// <summary>The number, or null where it is not known or not finite.</summary>
    public static JsonNode? Finite(double value) => double.IsFinite(value) ? value : null;
}
