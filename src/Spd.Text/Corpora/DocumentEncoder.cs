namespace Spd.Text;

/// <summary>How documents become ids.</summary>
/// <param name="Identity">What tells the tokenizer from all that give other ids, such as the hash of its file.</param>
/// <param name="VocabularySize">Every id is below it.</param>
/// <param name="Encode">Gives the ids of a text; several threads call it.</param>
public sealed record DocumentEncoder(string Identity, int VocabularySize, Func<string, int[]> Encode)
{
    /// <summary>The id that is put before each document; null for none.</summary>
    public int? Start { get; init; }

    /// <summary>The id that is put behind each document, which parts it from the next; null for none.</summary>
    public int? End { get; init; }
}
