using Spd.Text;

namespace Spd.Runs.Targets;

/// <summary>The text that a language model is measured on, and what shows its tokens.</summary>
/// <param name="Tokenizer">The tokenizer.</param>
/// <param name="Sequences">The held-out sequences.</param>
public sealed record HeldOutText(Tokenizer Tokenizer, TokenSequences Sequences)
{
    /// <summary>The text of a token; null where it has none, since a model may have rows for more tokens than its tokenizer.</summary>
    public string? TextOf(int token)
    {
        try
        {
            return token < Tokenizer.VocabularySize ? Tokenizer.TextOf(token) : null;
        }
        catch (ArgumentOutOfRangeException)
        {
            return null;
        }
    }
}
