using Microsoft.AspNetCore.Components;

namespace Spd.Runs.Pages;

/// <summary>A cell of a table.</summary>
/// <param name="Text">What it says.</param>
/// <param name="Note">A remark that stands out behind it; null for none.</param>
/// <param name="Link">Where it leads; null for nowhere.</param>
public readonly record struct TableCell(string Text, string? Note = null, string? Link = null)
{
    /// <summary>What stands where there is nothing to say.</summary>
    public const string None = "–";

    private const int ShortText = 24;

    /// <summary>Whether it is lined up with the numbers below it.</summary>
    public bool IsNumber => Text == None || (Text.Length > 0 && (char.IsAsciiDigit(Text[0]) || Text[0] == '-'));

    /// <summary>Whether it is a number with its range in brackets.</summary>
    internal bool IsSpread => IsNumber && Text.Contains('(');

    /// <summary>How it is laid out: a number in one line, one with its range in several, a long text in a wide column; null for any other.</summary>
    internal string? Class => IsSpread ? "number spread" : IsNumber ? "number" : Text.Length > ShortText ? "long" : null;

    /// <summary>A cell that only says something.</summary>
    public static implicit operator TableCell(string text) => new(text);
}

/// <summary>A table that sorts by the column whose title is clicked.</summary>
public sealed partial class DataTable
{
    /// <summary>The titles of its columns.</summary>
    [Parameter, EditorRequired]
    public required IReadOnlyList<string> Header { get; set; }

    /// <summary>Its rows, each with a cell for every title.</summary>
    [Parameter, EditorRequired]
    public required IEnumerable<IReadOnlyList<TableCell>> Rows { get; set; }
}
