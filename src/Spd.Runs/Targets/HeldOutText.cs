using Spd.Text;

namespace Spd.Runs.Targets;

/// <summary>The text that a language model is measured on, and what shows its tokens.</summary>
/// <param name="Tokenizer">The tokenizer.</param>
/// <param name="Sequences">The held-out sequences.</param>
public sealed record HeldOutText(Tokenizer Tokenizer, TokenSequences Sequences);
