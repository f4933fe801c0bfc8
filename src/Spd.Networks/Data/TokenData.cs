using Spd.Engine.Graphs;
using Spd.Engine.Operations;

namespace Spd.Networks.Data;

/// <summary>Sequences of tokens, of which each step has its own; see <see cref="IExamples"/>.</summary>
/// <param name="sequences">Where they come from.</param>
/// <param name="length">Tokens of a sequence.</param>
public sealed class TokenData(IExamples sequences, int length) : DataSource
{
    public override int Features => 1;

    public override int Length => length;

    public override Value Build(Graph graph) => graph.Add(new Examples(sequences, Features));
}
