using Spd.Engine;
using Spd.Engine.Graphs;
using Spd.Engine.Operations;

namespace Spd.Networks;

/// <summary>
/// A vector for each token, or for each position: the linear map of a one-hot vector that is given by its number, so that a row is looked up and nothing
/// multiplied. It can be replaced as any linear map can.
/// </summary>
/// <param name="count">Tokens of the vocabulary, or positions.</param>
/// <param name="features">Features of a vector.</param>
public sealed class Embedding(int count, int features) : Linear(count, features, bias: false, isTransposed: true)
{
    /// <summary>Draws the vectors from N(0, 1), as PyTorch does.</summary>
    public override void Initialise(RandomSequence random) => random.FillNormal(Weight.Values);

    /// <summary>The column of a matrix <c>[features, count]</c> that each lane's number names; the row of one <c>[count, features]</c> where it is transposed.</summary>
    public override Value Apply(Graph graph, Parameter matrix, Value x, bool transposed = false) =>
        graph.Add(new Lookup(graph.Weight(matrix), x, IsTransposed: !transposed));
}
