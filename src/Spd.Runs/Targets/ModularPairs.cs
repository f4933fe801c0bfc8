using Spd.Engine.Graphs;
using Spd.Engine.Operations;
using Spd.Networks.Data;
using Spd.Text;

namespace Spd.Runs.Targets;

/// <summary>All pairs of residues as sequences <c>a b =</c>; in an epoch each comes once, in an order of that epoch, and batches go on from one into the next.</summary>
/// <param name="modulus">p: residues are the tokens below it, and it is the token <c>=</c>.</param>
internal sealed class ModularPairs(int modulus) : DataSource, IExamples
{
    /// <summary>Tokens of a sequence.</summary>
    public const int Tokens = 3;

    /// <summary>p.</summary>
    public int Modulus => modulus;

    public override int Features => 1;

    public override int Length => Tokens;

    public override Value Build(Graph graph) => graph.Add(new Examples(this, Features));

    public void Fill(ulong seed, long step, int sequences, int sequence, Span<float> values)
    {
        int count = modulus * modulus;
        long draw = step * sequences + sequence;
        int pair = (int)new Permutation(count, seed, (ulong)(draw / count))[draw % count];
        Write(pair / modulus, pair % modulus, values);
    }

    /// <summary>The sequences of one first residue and every second, one after the other.</summary>
    public float[] With(int first)
    {
        float[] tokens = new float[modulus * Tokens];
        for (int second = 0; second < modulus; second++) Write(first, second, tokens.AsSpan(second * Tokens));
        return tokens;
    }

    private void Write(int first, int second, Span<float> values) => (values[0], values[1], values[2]) = (first, second, modulus);
}
