using Spd.Engine.Graphs;
using Spd.Engine.Operations;
using Spd.Networks.Data;
using Spd.Text;

namespace Spd.Runs.Targets;

/// <summary>Pairs of residues as sequences <c>a b =</c>; in an epoch each comes once, in an order of that epoch, and batches go on from one into the next.</summary>
/// <param name="modulus">p: residues are the tokens below it, and it is the token <c>=</c>.</param>
/// <param name="some">The pairs, each as a · p + b; null for all.</param>
internal sealed class ModularPairs(int modulus, IReadOnlyList<int>? some = null) : DataSource, IExamples
{
    /// <summary>Tokens of a sequence.</summary>
    public const int Tokens = 3;

    /// <summary>p.</summary>
    public int Modulus => modulus;

    public override int Features => 1;

    public override int Length => Tokens;

    /// <summary>The sum of each sequence, modulo p, the same at all of its positions.</summary>
    public IExamples Sums => new Answers(this);

    public override Value Build(Graph graph) => graph.Add(new Examples(this, Features));

    public void Fill(ulong seed, long step, int sequences, int sequence, Span<float> values)
    {
        int pair = Pair(seed, step, sequences, sequence);
        Write(pair / modulus, pair % modulus, values);
    }

    /// <summary>The sequences of one first residue and every second, one after the other.</summary>
    public float[] With(int first)
    {
        float[] tokens = new float[modulus * Tokens];
        for (int second = 0; second < modulus; second++) Write(first, second, tokens.AsSpan(second * Tokens));
        return tokens;
    }

    private int Pair(ulong seed, long step, int sequences, int sequence)
    {
        int count = some?.Count ?? modulus * modulus;
        long draw = step * sequences + sequence;
        int place = (int)new Permutation(count, seed, (ulong)(draw / count))[draw % count];
        return some?[place] ?? place;
    }

    private void Write(int first, int second, Span<float> values) => (values[0], values[1], values[2]) = (first, second, modulus);

    private sealed class Answers(ModularPairs of) : IExamples
    {
        public void Fill(ulong seed, long step, int sequences, int sequence, Span<float> values)
        {
            int pair = of.Pair(seed, step, sequences, sequence);
            values.Fill((pair / of.Modulus + pair % of.Modulus) % of.Modulus);
        }
    }
}
