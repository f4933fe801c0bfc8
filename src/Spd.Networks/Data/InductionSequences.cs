using Spd.Engine;
using Spd.Engine.Graphs;
using Spd.Engine.Operations;
using Spd.Networks.Transformers;

namespace Spd.Networks.Data;

/// <summary>
/// The task of induction heads: <c>[BOS] T* S M T* S</c>, behind which M follows. T and M are any tokens of the vocabulary, so that a T may be an M too; S comes
/// at a place drawn anew, with one T before it at least, and last. As in the released code.
/// </summary>
public sealed class InductionSequences : DataSource, IExamples
{
    // BOS and a T come before S; M and another S behind it.
    private const int Before = 2, Behind = 3;

    private readonly int _vocabulary, _first, _induction, _window;

    /// <summary>Sequences as long as a network takes.</summary>
    /// <param name="config">The network, which says how long they are and of which tokens.</param>
    /// <param name="prefixWindow">The last position that the first S may have; null for the last where M and another S fit behind it.</param>
    /// <exception cref="ArgumentException">S would have no place.</exception>
    public InductionSequences(InductionConfig config, int? prefixWindow = null)
    {
        int most = config.SeqLen - Behind;
        if (prefixWindow is < Before || prefixWindow > most)
            throw new ArgumentException($"prefix_window is {prefixWindow}, but the first S of a sequence of {config.SeqLen} has a place from {Before} to {most}");
        (_vocabulary, _first, _induction, Length) = (config.VocabSize, InductionConfig.FirstToken, config.InductionToken, config.SeqLen);
        _window = prefixWindow ?? most;
        Labels = new Answers(this);
    }

    public override int Features => 1;

    public override int Length { get; }

    /// <summary>The M of each sequence, the same at all of its positions.</summary>
    public IExamples Labels { get; }

    public override Value Build(Graph graph) => graph.Add(new Examples(this, Features));

    public void Fill(ulong seed, long step, int sequences, int sequence, Span<float> values)
    {
        var random = Sequence(seed, step, sequences, sequence);
        float answer = Token(random);
        int place = Before + (int)(random.NextUniform() * (_window - Before + 1));
        for (int i = 1; i < values.Length; i++) values[i] = Token(random);
        (values[0], values[place], values[place + 1], values[^1]) = (_first, _induction, answer, _induction);
    }

    /// <summary>Where the M of a sequence lies, which is what an induction head attends to from its end.</summary>
    public int SourceOf(ReadOnlySpan<float> sequence) => sequence.IndexOf(_induction) + 1;

    private static RandomSequence Sequence(ulong seed, long step, int sequences, int sequence)
    {
        long draw = step * sequences + sequence;
        return new RandomSequence(seed, NetworkStreams.InductionSequences.Stream(index: (int)(draw >> 32)), (uint)draw);
    }

    private int Token(RandomSequence random) => 1 + (int)(random.NextUniform() * _vocabulary);

    private sealed class Answers(InductionSequences of) : IExamples
    {
        public void Fill(ulong seed, long step, int sequences, int sequence, Span<float> values) => values.Fill(of.Token(Sequence(seed, step, sequences, sequence)));
    }
}
