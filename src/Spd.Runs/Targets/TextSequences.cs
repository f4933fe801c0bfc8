using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Spd.Engine.Operations;
using Spd.Formats;
using Spd.Networks.Data;
using Spd.Text;

namespace Spd.Runs.Targets;

/// <summary>A text in sequences of tokens, some of which are held out of training; which, depends on the text and the length alone.</summary>
/// <param name="Training">What is trained on.</param>
/// <param name="HeldOut">What is measured on.</param>
/// <param name="Encoder">How documents became tokens.</param>
internal sealed record TextSequences(TokenSequences Training, TokenSequences HeldOut, DocumentEncoder Encoder)
{
    /// <summary>Cuts a text, from the cache of its tokens, which is made where there is none.</summary>
    /// <param name="text">The text.</param>
    /// <param name="folder">Where tokens are kept; it is made where it is missing.</param>
    /// <param name="tokenizer">Gives the tokens.</param>
    /// <param name="length">Tokens of a sequence.</param>
    /// <param name="progress">Is told how far the making of the cache is.</param>
    /// <exception cref="FileContentException">The text cannot be used, or is too short; one sentence says why.</exception>
    /// <exception cref="IOException">A file is missing or cannot be read, or the tokens not be written.</exception>
    public static TextSequences Of(TextConfig text, string folder, Tokenizer tokenizer, int length, IProgress<TokenCacheProgress>? progress = null)
    {
        bool isParted = tokenizer.Prepended.Count + tokenizer.Appended.Count > 0;
        var encoder = new DocumentEncoder(tokenizer.Identity, tokenizer.VocabularySize, document => tokenizer.Encode(document, addSpecialTokens: true))
        {
            End = isParted ? null : tokenizer.EndId,
        };
        var files = TextFiles.Find(text.Text);
        Directory.CreateDirectory(folder);
        string name = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{string.Join('\n', files)}\n{text.Column}\n{encoder.Identity}")))[..16];
        var cache = TokenCache.OpenOrBuild(Path.Combine(folder, name + TokenCache.Suffix), files, text.Column, encoder, progress);
        long count = TokenSequences.CountIn(cache, length), heldOut = Math.Max(1, (long)(count * text.HeldOutShare));
        var (training, evaluation) = TokenSequences.Split(cache, length, heldOut, seed: 0, text.Text);
        return new TextSequences(training, evaluation, isParted && tokenizer.Prepended is [var first, ..] ? encoder with { Start = first } : encoder);
    }

    /// <summary>Sequences as a source of data.</summary>
    public static TokenData DataOf(TokenSequences sequences) => new(new Corpus(sequences), sequences.Length);

    /// <summary>Sequences as examples of tokens.</summary>
    private sealed class Corpus(TokenSequences sequences) : IExamples
    {
        public void Fill(ulong seed, long step, int batch, int sequence, Span<float> values)
        {
            // The numbers themselves first, in the same memory.
            var ids = MemoryMarshal.Cast<float, int>(values);
            sequences.Fill(seed, step, batch, sequence, ids);
            for (int i = 0; i < ids.Length; i++) values[i] = ids[i];
        }
    }
}
