namespace Spd.Decomposition;

/// <summary>Which examples and positions share the sources of an adversary: <c>s [examples, positions, C]</c>, and one more for Δ (VPD §3.2).</summary>
/// <param name="Examples">Sources along the batch: 1 for all rows alike, n for rows i and i + n alike, null for one of each row.</param>
/// <param name="IsOfPositions">Whether each position of a sequence has its own.</param>
public sealed record SourceScope(int? Examples, bool IsOfPositions)
{
    /// <summary>One source for all: <c>[1, 1, C]</c>.</summary>
    public static SourceScope Single { get; } = new(1, false);

    /// <summary>One for each position, shared by all sequences: <c>[1, T, C]</c>.</summary>
    public static SourceScope Position { get; } = new(1, true);

    /// <summary>One for each row, shared by its positions: <c>[B, 1, C]</c>.</summary>
    public static SourceScope Row { get; } = new(null, false);

    /// <summary>One for each position of each row: <c>[B, T, C]</c>.</summary>
    public static SourceScope RowAndPosition { get; } = new(null, true);
}

/// <summary>What sources start from.</summary>
public enum SourceStart
{
    /// <summary>Uniform numbers in [0, 1).</summary>
    Random,

    /// <summary>Ones.</summary>
    Ones,

    /// <summary>Zeros.</summary>
    Zeroes,
}
