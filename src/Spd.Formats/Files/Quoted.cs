namespace Spd.Formats;

/// <summary>Names that stand in files, as messages show them: in quotes, on one line, and cut where they are long.</summary>
internal static class Quoted
{
    private const int Longest = 100;

    /// <summary>A name in quotes.</summary>
    public static string Of(string name)
    {
        string shown = name.Length > Longest ? name[..Longest] + "…" : name;
        return $"'{string.Concat(shown.Select(letter => char.IsControl(letter) ? ' ' : letter))}'";
    }
}
