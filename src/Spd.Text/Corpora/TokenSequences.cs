using Spd.Formats;

namespace Spd.Text;

/// <summary>
/// The ids of a corpus cut into sequences of one length, without padding, for training or for evaluation. Which sequences a step gets is a function of the seed
/// and the step, so that a run goes on by its step alone; in an epoch each comes once, in an order of that epoch. Threads may share it.
/// </summary>
public sealed class TokenSequences
{
    // No epoch has this number.
    private const ulong SplitStream = ulong.MaxValue;

    private readonly TokenCache _cache;
    private readonly Permutation _split;
    private readonly long _first;

    private TokenSequences(TokenCache cache, int length, Permutation split, long first, long count) =>
        (_cache, Length, _split, _first, Count) = (cache, length, split, first, count);

    /// <summary>How many ids a sequence has.</summary>
    public int Length { get; }

    /// <summary>How many sequences there are; none where nothing is held out.</summary>
    public long Count { get; }

    /// <summary>How many whole sequences a corpus has; what is left at its end is in none.</summary>
    public static long CountIn(TokenCache cache, int length) => cache.Count / length;

    /// <summary>Cuts a corpus, and holds some of its sequences out of training.</summary>
    /// <param name="cache">The corpus, which stays open as long as the sequences are read.</param>
    /// <param name="length">The ids of a sequence.</param>
    /// <param name="heldOut">How many sequences are held out for evaluation; with <see cref="CountIn"/> it can be a share.</param>
    /// <param name="seed">Decides which.</param>
    /// <param name="text">The path that the text is known by, for messages; null for that of the corpus.</param>
    /// <returns>Two sets, which have no sequence in common and together all.</returns>
    /// <exception cref="FileContentException">The corpus is shorter than one sequence, or has no more than are held out.</exception>
    public static (TokenSequences Training, TokenSequences Evaluation) Split(TokenCache cache, int length, long heldOut, ulong seed, string? text = null)
    {
        ArgumentNullException.ThrowIfNull(cache);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(length);
        ArgumentOutOfRangeException.ThrowIfNegative(heldOut);
        long count = CountIn(cache, length);
        if (count == 0)
            throw new FileContentException($"the text in {Quoted.Path(text ?? cache.Path)} has {cache.Count} tokens, fewer than one sequence of {length}: use more text, or shorter sequences");
        if (heldOut >= count)
            throw new FileContentException($"the text in {Quoted.Path(text ?? cache.Path)} has {count} sequences of {length} tokens; of these, {heldOut} cannot be held out for evaluation and any be left: hold out fewer, or use more text");
        var split = new Permutation(count, seed, SplitStream);
        return (new TokenSequences(cache, length, split, heldOut, count - heldOut), new TokenSequences(cache, length, split, 0, heldOut));
    }

    /// <summary>Gives a sequence of a step's batch; batches go on from one epoch into the next.</summary>
    /// <param name="seed">The seed of the order.</param>
    /// <param name="step">The step, from 0.</param>
    /// <param name="batchSize">The sequences of a step.</param>
    /// <param name="sequence">Which of them, from 0.</param>
    /// <param name="ids">Receives the ids, <see cref="Length"/> of them.</param>
    /// <exception cref="FileContentException">The cache is damaged.</exception>
    public void Fill(ulong seed, long step, int batchSize, int sequence, Span<int> ids)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(step);
        ArgumentOutOfRangeException.ThrowIfNegative(sequence);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(sequence, batchSize);
        if (Count == 0) throw new InvalidOperationException("there are no sequences: none were held out");
        long draw = checked(step * batchSize + sequence);
        Read(new Permutation(Count, seed, (ulong)(draw / Count))[draw % Count], ids);
    }

    /// <summary>Gives a sequence by its number, in an order that does not change: so every sequence is read once.</summary>
    /// <param name="number">Its number, below <see cref="Count"/>.</param>
    /// <param name="ids">Receives the ids, <see cref="Length"/> of them.</param>
    /// <exception cref="FileContentException">The cache is damaged.</exception>
    public void Read(long number, Span<int> ids)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(number);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(number, Count);
        ArgumentOutOfRangeException.ThrowIfNotEqual(ids.Length, Length);
        _cache.Read(_split[_first + number] * Length, ids);
    }
}
