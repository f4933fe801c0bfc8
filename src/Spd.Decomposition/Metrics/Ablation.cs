using Spd.Engine.Execution;
using Spd.Engine.Graphs;
using Spd.Engine.Operations;
using Spd.Engine.Planning;
using Spd.Networks;

namespace Spd.Decomposition;

/// <summary>What a transformer says otherwise about the next token where a subcomponent is taken away, a mean over contexts.</summary>
/// <param name="Contexts">How many contexts.</param>
/// <param name="Divergence">Σ P (log P − log Q) in nats, Q without the subcomponent and P with it.</param>
/// <param name="LogProbabilityChange">The change of the log-probability of the token that follows, <c>log Q − log P</c>, in nats.</param>
/// <param name="ProbabilityChange">For each token of the vocabulary the change of its probability, <c>Q − P</c>.</param>
public sealed record AblationEffect(int Contexts, double Divergence, double LogProbabilityChange, IReadOnlyList<double> ProbabilityChange)
{
    /// <summary>For each context the attention around it, of a site of attention; empty of others.</summary>
    public IReadOnlyList<IReadOnlyList<AttentionEffect>> Attention { get; init; } = [];
}

/// <summary>What a head attends to from one position, with a subcomponent and without it.</summary>
/// <param name="Head">The head.</param>
/// <param name="Reader">The position that attends.</param>
/// <param name="With">For each position the probability with it.</param>
/// <param name="Without">The probability without it; the same where the site decides nothing about attention.</param>
public sealed record AttentionEffect(int Head, int Reader, IReadOnlyList<double> With, IReadOnlyList<double> Without);

/// <summary>
/// Ablates subcomponents of one site: its matrix is the sum of all of them but one, at every position, against the sum of all, and the rest of the network is the
/// target's. So the effect is the subcomponent's, and not what the sum lacks of the matrix.
/// </summary>
public sealed class Ablation
{
    // Readers of a key or a value that are looked at: the position itself and those behind it.
    private const int MostReaders = 9;

    // Numbers of the residual stream that are kept of a batch, of each of the two passes.
    private const int MostNumbers = 1 << 22;

    private readonly int _c, _features;
    private readonly Passes _stream, _logits;
    private readonly Value _tokens, _all, _without, _allLogits, _logitsWithout, _allHidden, _hiddenWithout;
    private readonly Attention? _attention;
    private readonly bool _isAttendedTo;
    private readonly (Value Query, Value Key) _allHeads, _headsWithout;

    /// <summary>Plans the passes with and without a subcomponent.</summary>
    /// <param name="model">The components of a <see cref="Transformer"/>, or of a <see cref="LastLogits"/>.</param>
    /// <param name="site">The site.</param>
    /// <param name="length">Tokens of a sequence.</param>
    /// <param name="contexts">How many contexts a subcomponent has at most.</param>
    /// <param name="backend">What computes.</param>
    public Ablation(ComponentModel model, Site site, int length, int contexts, Backend backend)
    {
        var network = Transformer.In(model.Network);
        (_c, _features) = (site.C, network.Head.Inputs);
        var graph = new Graph();
        var mask = graph.Add(new Input(new Shape(Domain.Weights, _c)));
        var all = model.MaskedPass(graph, [site], _ => null);
        var without = model.MaskedPass(graph, [site], _ => graph.Add(new Broadcast(mask)));
        // Logits are only of the positions that are looked at.
        (_tokens, _all, _without) = (graph.Input(1), graph.Input(_features), graph.Input(_features));
        int sequences = (int)Math.Clamp(MostNumbers / ((long)length * _features), 1, contexts);
        (_allHidden, _hiddenWithout) = (network.Hidden(all, _tokens), network.Hidden(without, _tokens));
        (_allLogits, _logitsWithout) = (network.Head.Forward(all, _all), network.Head.Forward(without, _without));
        List<Value> kept = [_allHidden, _hiddenWithout];
        if (network.BlockAttendingBy(site.Linear) is { } own)
        {
            (_attention, _isAttendedTo) = (own.Attention, own.Attention.IsAttendedTo(site.Linear));
            (_allHeads, _headsWithout) = (network.QueriesAndKeys(all, _tokens, own), network.QueriesAndKeys(without, _tokens, own));
            kept.AddRange([_allHeads.Query, _allHeads.Key, _headsWithout.Query, _headsWithout.Key]);
        }

        _stream = new Passes(graph, mask, kept, new Batch(sequences, length), backend);
        _logits = new Passes(graph, mask, [_allLogits, _logitsWithout], sequences, backend);
    }

    /// <summary>Ablates one subcomponent.</summary>
    /// <param name="c">The subcomponent.</param>
    /// <param name="contexts">Where its effect is looked at, at least one place.</param>
    /// <param name="read">Gives the sequences.</param>
    /// <param name="answerOf">
    /// The token that answers a sequence, where its last position is asked, wherever in it the subcomponent is needed; null where that place itself is asked for the
    /// token that follows it, as one must.
    /// </param>
    public AblationEffect Of(int c, IReadOnlyList<ActivationContext> contexts, SequenceReader read, Func<long, int>? answerOf = null)
    {
        ArgumentOutOfRangeException.ThrowIfZero(contexts.Count);
        float[] mask = new float[_c];
        Array.Fill(mask, 1);
        mask[c] = 0;
        int sequences = _stream.Batch.Sequences, length = _stream.Batch.Length;
        int[] next = new int[sequences], tokens = new int[length];
        float[] values = new float[sequences * length], all = new float[sequences * _features], without = new float[sequences * _features];
        double divergence = 0, change = 0;
        double[] probabilities = new double[_allLogits.Rows];
        var attention = new List<IReadOnlyList<AttentionEffect>>();
        foreach (var some in contexts.Chunk(sequences))
        {
            for (int i = 0; i < some.Length; i++)
            {
                read(some[i].Sequence, tokens);
                for (int position = 0; position < length; position++) values[i * length + position] = tokens[position];
                next[i] = answerOf?.Invoke(some[i].Sequence) ?? tokens[some[i].Position + 1];
            }

            _stream.Run(mask, (_tokens, values));
            for (int i = 0; i < some.Length; i++)
            {
                int asked = i * length + (answerOf is null ? some[i].Position : length - 1);
                _stream.Rows(_allHidden, asked).CopyTo(all.AsSpan(i * _features));
                _stream.Rows(_hiddenWithout, asked).CopyTo(without.AsSpan(i * _features));
                if (_attention is not null) attention.Add([.. AttentionAt(_attention, i, some[i].Position)]);
            }

            _logits.Run(mask, (_all, all), (_without, without));
            for (int i = 0; i < some.Length; i++)
            {
                double[] p = LogProbabilities(_logits.Rows(_allLogits, i)), q = LogProbabilities(_logits.Rows(_logitsWithout, i));
                change += (q[next[i]] - p[next[i]]) / contexts.Count;
                for (int token = 0; token < probabilities.Length; token++)
                {
                    divergence += Math.Exp(p[token]) * (p[token] - q[token]) / contexts.Count;
                    probabilities[token] += (Math.Exp(q[token]) - Math.Exp(p[token])) / contexts.Count;
                }
            }
        }

        return new AblationEffect(contexts.Count, divergence, change, probabilities) { Attention = attention };
    }

    /// <summary>What a position attends to, or, where it is only attended to, what it and those behind it attend to.</summary>
    private IEnumerable<AttentionEffect> AttentionAt(Attention attention, int sequence, int position)
    {
        int length = _stream.Batch.Length, readers = _isAttendedTo ? Math.Min(MostReaders, length - position) : 1;
        for (int head = 0; head < attention.Options.Heads; head++)
            for (int reader = position; reader < position + readers; reader++)
                yield return new AttentionEffect(head, reader, Probabilities(_allHeads, head, reader), Probabilities(_headsWithout, head, reader));

        double[] Probabilities((Value Query, Value Key) heads, int head, int reader)
        {
            double[] probabilities = new double[length];
            attention.Probabilities(_stream.Rows(heads.Query, sequence * length, length), _stream.Rows(heads.Key, sequence * length, length), head, reader, probabilities);
            return probabilities;
        }
    }

    /// <summary>The logarithms of the probabilities that logits stand for.</summary>
    internal static double[] LogProbabilities(ReadOnlySpan<float> logits)
    {
        double largest = double.NegativeInfinity, sum = 0;
        foreach (float logit in logits) largest = Math.Max(largest, logit);
        foreach (float logit in logits) sum += Math.Exp(logit - largest);
        double normaliser = largest + Math.Log(sum);
        double[] logarithms = new double[logits.Length];
        for (int i = 0; i < logarithms.Length; i++) logarithms[i] = logits[i] - normaliser;
        return logarithms;
    }

    /// <summary>A part of the network, with and without a subcomponent.</summary>
    private sealed class Passes(Graph graph, Value mask, IReadOnlyList<Value> kept, Batch batch, Backend backend)
    {
        private readonly Program _program = backend.Compile(new Objective(graph), batch, keep: [.. kept.Distinct()]);
        private readonly Dictionary<Value, float[]> _read = kept.Distinct().ToDictionary(value => value, value => new float[batch.Positions * value.Rows]);

        public Batch Batch => batch;

        public void Run(float[] maskValues, params ReadOnlySpan<(Value Input, float[] Values)> inputs)
        {
            if (_program.Plan.Find(mask) is not null) _program.Set(mask, maskValues);
            foreach (var (input, values) in inputs) _program.Set(input, values);
            _program.Run(seed: 0, step: 0);
            foreach (var (value, numbers) in _read) _program.Read(value, numbers);
        }

        public ReadOnlySpan<float> Rows(Value value, int first, int count = 1) => _read[value].AsSpan(first * value.Rows, count * value.Rows);
    }
}
