using Spd.Engine;
using Spd.Networks.Transformers;
using Spd.Text;

namespace Spd.Runs;

/// <summary>What a language model writes after the beginning of a text, until the text ends, has enough tokens, or the model can read no more.</summary>
/// <param name="generator">The model, which has read nothing yet.</param>
/// <param name="tokenizer">Makes text of its tokens.</param>
public sealed class TextSampler(TextGenerator generator, Tokenizer tokenizer)
{
    // In their order.
    private readonly int[] _missing = [.. Enumerable.Range(0, tokenizer.VocabularySize).Where(id => !tokenizer.HasToken(id))];

    /// <summary>Whether the model could read no more, and the text did not end before.</summary>
    public bool IsFull { get; private set; }

    /// <summary>Writes, part by part as they come: the beginning first, then what follows.</summary>
    /// <param name="beginning">The tokens that the text begins with, at least one.</param>
    /// <param name="count">Tokens that follow at most.</param>
    /// <param name="temperature">As in <see cref="TextGenerator.Choose"/>.</param>
    /// <param name="random">What draws.</param>
    /// <exception cref="ArgumentException">The model cannot read the beginning; nothing was written.</exception>
    public IEnumerable<string> Write(IReadOnlyList<int> beginning, int count, double temperature, RandomSequence random)
    {
        var decoder = tokenizer.StartDecoding(skipSpecialTokens: true);
        float[] logits = generator.Read(beginning);
        yield return string.Concat(beginning.Select(decoder.Append));
        int written = 0;
        while (true)
        {
            // A network may have rows for more tokens than there are, behind them or between them.
            foreach (int id in _missing.TakeWhile(id => id < logits.Length)) logits[id] = float.NegativeInfinity;
            int token = TextGenerator.Choose(logits.AsSpan(0, Math.Min(logits.Length, tokenizer.VocabularySize)), temperature, random);
            // In texts one after the other, a beginning ends the one before.
            bool hasEnded = token == tokenizer.EndId || token == tokenizer.BeginningId;
            if (!hasEnded) yield return decoder.Append(token);
            if (hasEnded || ++written == count || generator.Length == generator.Longest)
            {
                IsFull = !hasEnded && written < count;
                yield return decoder.Finish();
                yield break;
            }

            logits = generator.Read([token]);
        }
    }
}
