using Spd.Decomposition;
using Spd.Engine.Execution;
using Spd.Runs.Targets;

namespace Spd.Runs.Activations;

/// <summary>Sequences of tokens that are looked at, and what shows them: a text, or symbols.</summary>
/// <param name="Told">How many there are, in words: <c>64 held-out sequences</c>.</param>
/// <param name="Count">How many there are.</param>
/// <param name="Length">Tokens of each.</param>
/// <param name="Read">Gives them.</param>
/// <param name="TextOf">The text of a token.</param>
internal sealed record TokenExamples(string Told, long Count, int Length, SequenceReader Read, Func<int, string> TextOf)
{
    /// <summary>What stands between tokens.</summary>
    public string Between { get; init; } = "";

    /// <summary>The token that answers a sequence, where only its last position is asked; null where each is asked for the token that follows.</summary>
    public Func<long, int>? AnswerOf { get; init; }

    /// <summary>Sequences of held-out text, or some that are drawn.</summary>
    /// <param name="data">What is measured on.</param>
    /// <param name="count">How many, of a text at most as many as there are.</param>
    /// <param name="seed">Seed of those that are drawn.</param>
    /// <param name="backend">What computes.</param>
    public static TokenExamples Of(TargetData data, int count, ulong seed, Backend backend)
    {
        if (data.Text is { } text)
        {
            long sequences = Math.Min(count, text.Sequences.Count);
            return new TokenExamples($"{sequences} held-out sequences", sequences, text.Sequences.Length, text.Sequences.Read, token => text.TextOf(token) ?? $"<{token}>");
        }

        int length = data.Evaluation.Length;
        float[] tokens = data.Evaluation.Draw(count, seed, backend), answer = new float[length];
        return new TokenExamples($"{count} sequences", count, length, Read, data.Symbols ?? (token => $"{token}"))
        {
            Between = " ",
            AnswerOf = data.Answers is null ? null : Answer,
        };

        void Read(long number, Span<int> into)
        {
            for (int position = 0; position < length; position++) into[position] = (int)tokens[number * length + position];
        }

        int Answer(long number)
        {
            // The same batch that was drawn.
            data.Answers!.Fill(seed, step: 0, count, (int)number, answer);
            return (int)answer[^1];
        }
    }
}
