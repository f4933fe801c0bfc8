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
public sealed record AblationEffect(int Contexts, double Divergence, double LogProbabilityChange, IReadOnlyList<double> ProbabilityChange);

/// <summary>
/// Ablates subcomponents of one site: its matrix is the sum of all of them but one, at every position, against the sum of all, and the rest of the network is the
/// target's. So the effect is the subcomponent's, and not what the sum lacks of the matrix.
/// </summary>
public sealed class Ablation
{
    // Numbers of the residual stream that are kept of a batch, of each of the two passes.
    private const int MostNumbers = 1 << 22;

    private readonly int _c, _features;
    private readonly Passes _stream, _logits;
    private readonly Value _tokens, _all, _without;

    /// <summary>Plans the passes with and without a subcomponent.</summary>
    /// <param name="model">The components of a <see cref="Transformer"/>.</param>
    /// <param name="site">The site.</param>
    /// <param name="length">Tokens of a sequence.</param>
    /// <param name="contexts">How many contexts a subcomponent has at most.</param>
    /// <param name="backend">What computes.</param>
    public Ablation(ComponentModel model, Site site, int length, int contexts, Backend backend)
    {
        var network = (Transformer)model.Network;
        (_c, _features) = (site.C, network.Head.Inputs);
        var graph = new Graph();
        var mask = graph.Add(new Input(new Shape(Domain.Weights, _c)));
        var all = model.MaskedPass(graph, [site], _ => null);
        var without = model.MaskedPass(graph, [site], _ => graph.Add(new Broadcast(mask)));
        // Logits are only of the positions that are looked at.
        (_tokens, _all, _without) = (graph.Input(1), graph.Input(_features), graph.Input(_features));
        int sequences = (int)Math.Clamp(MostNumbers / ((long)length * _features), 1, contexts);
        _stream = new Passes(graph, mask, network.Hidden(all, _tokens), network.Hidden(without, _tokens), new Batch(sequences, length), backend);
        _logits = new Passes(graph, mask, network.Head.Forward(all, _all), network.Head.Forward(without, _without), sequences, backend);
    }

    /// <summary>Ablates one subcomponent.</summary>
    /// <param name="c">The subcomponent.</param>
    /// <param name="contexts">Where its effect is looked at, at least one place; a token follows each.</param>
    /// <param name="read">Gives the sequences.</param>
    public AblationEffect Of(int c, IReadOnlyList<ActivationContext> contexts, SequenceReader read)
    {
        ArgumentOutOfRangeException.ThrowIfZero(contexts.Count);
        float[] mask = new float[_c];
        Array.Fill(mask, 1);
        mask[c] = 0;
        int sequences = _stream.Batch.Sequences, length = _stream.Batch.Length;
        int[] next = new int[sequences], tokens = new int[length];
        float[] values = new float[sequences * length], all = new float[sequences * _features], without = new float[sequences * _features];
        double divergence = 0, change = 0;
        double[] probabilities = new double[_logits.All.Rows];
        foreach (var some in contexts.Chunk(sequences))
        {
            for (int i = 0; i < some.Length; i++)
            {
                read(some[i].Sequence, tokens);
                for (int position = 0; position < length; position++) values[i * length + position] = tokens[position];
                next[i] = tokens[some[i].Position + 1];
            }

            _stream.Run(mask, (_tokens, values));
            for (int i = 0; i < some.Length; i++)
            {
                _stream.RowOfAll(i * length + some[i].Position).CopyTo(all.AsSpan(i * _features));
                _stream.RowWithout(i * length + some[i].Position).CopyTo(without.AsSpan(i * _features));
            }

            _logits.Run(mask, (_all, all), (_without, without));
            for (int i = 0; i < some.Length; i++)
            {
                double[] p = LogProbabilities(_logits.RowOfAll(i)), q = LogProbabilities(_logits.RowWithout(i));
                change += (q[next[i]] - p[next[i]]) / contexts.Count;
                for (int token = 0; token < probabilities.Length; token++)
                {
                    divergence += Math.Exp(p[token]) * (p[token] - q[token]) / contexts.Count;
                    probabilities[token] += (Math.Exp(q[token]) - Math.Exp(p[token])) / contexts.Count;
                }
            }
        }

        return new AblationEffect(contexts.Count, divergence, change, probabilities);
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
    private sealed class Passes(Graph graph, Value mask, Value all, Value without, Batch batch, Backend backend)
    {
        private readonly Program _program = backend.Compile(new Objective(graph), batch, keep: [all, without]);
        private readonly float[] _all = new float[batch.Positions * all.Rows], _without = new float[batch.Positions * all.Rows];

        public Batch Batch => batch;

        public Value All => all;

        public void Run(float[] maskValues, params ReadOnlySpan<(Value Input, float[] Values)> inputs)
        {
            if (_program.Plan.Find(mask) is not null) _program.Set(mask, maskValues);
            foreach (var (input, values) in inputs) _program.Set(input, values);
            _program.Run(seed: 0, step: 0);
            _program.Read(all, _all);
            _program.Read(without, _without);
        }

        public ReadOnlySpan<float> RowOfAll(int row) => _all.AsSpan(row * all.Rows, all.Rows);

        public ReadOnlySpan<float> RowWithout(int row) => _without.AsSpan(row * all.Rows, all.Rows);
    }
}
