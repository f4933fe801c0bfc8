using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("Spd.Figures.Tests")]

namespace Spd.Figures;

/// <summary>Errors about the input of a figure, each one clear sentence.</summary>
internal static class Invalid
{
    [SuppressMessage("Usage", "MA0015:Specify the parameter name", Justification = "The sentence names the property; there is no parameter.")]
    [SuppressMessage("Usage", "CA2208:Instantiate argument exceptions correctly", Justification = "The sentence names the property; there is no parameter.")]
    public static ArgumentException Input(string sentence) => new(sentence);

    /// <summary>Throws when a list is null, empty or holds a null.</summary>
    public static void RequireItems<T>(IReadOnlyList<T>? items, string what)
    {
        if (items is null || items.Count == 0) throw Input($"{what} must not be empty.");
        foreach (var item in items)
        {
            if (item is null) throw Input($"{what} must not contain a null.");
        }
    }
}
