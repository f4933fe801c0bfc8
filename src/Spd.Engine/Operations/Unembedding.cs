using Spd.Engine.Graphs;

namespace Spd.Engine.Operations;

/// <summary>
/// The mean over positions of the cross-entropy of what follows: <c>log Σ exp(logits_i) − logits_i[token_i+1]</c>, of every position but the last of a sequence;
/// its derivative by the logits times the batch's positions, zero where there is none; and the loss of each position, zero at the last, one row.
/// </summary>
/// <param name="Logits">Logits <c>[vocabulary, lanes]</c>.</param>
/// <param name="Tokens">The tokens of the sequence, one row.</param>
public sealed record CrossEntropy(Value Logits, Value Tokens) : Operation
{
    public override IReadOnlyList<Value> Inputs => [Logits, Tokens];
    public override IReadOnlyList<Shape> Results => Logits.Shape.IsPanel && Tokens.Shape is { IsPanel: true, Rows: 1 }
        ? [Shape.Number, Logits.Shape with { Domain = Domain.Lane }, new(Domain.Lane, 1)]
        : throw new ArgumentException($"{Name} needs logits and one row of tokens, but got {Logits.Shape} and {Tokens.Shape}");
    public override Work Work => new(Entries: 3.0 * Logits.Rows);

    protected internal override void Differentiate(Derivative of, IReadOnlyList<Value?> d)
    {
        ThrowIfAskedFor(d, first: 1);
        of.Add(Logits, of.Graph.Add(new Scale(of.Graph.ResultsOf(this)[1], d[0]!, IsMean: true)));
    }
}

/// <summary>
/// Of P, the softmax of the logits <c>W x</c>: <c>Σ_v P_v W_v</c>, the row of W that it expects, and <c>Σ_v P_v log P_v</c>, one row. No panel of the vocabulary's
/// size is computed.
/// </summary>
/// <param name="W">The unembedding <c>[vocabulary, features]</c>.</param>
/// <param name="X">x <c>[features, lanes]</c>.</param>
public sealed record ExpectedUnembedding(Value W, Value X) : Operation
{
    public override IReadOnlyList<Value> Inputs => [W, X];
    public override IReadOnlyList<Shape> Results => W.Shape.Domain == Domain.Weights && X.Shape.IsPanel && X.Rows == W.Shape.Columns
        ? [X.Shape, X.Shape with { Rows = 1 }]
        : throw new ArgumentException($"an unembedding {W.Shape} takes {W.Shape.Columns} features, but its input has {X.Rows}");
    public override Work Work => new(MultiplyAdds: 2.0 * W.Shape.Count, Entries: 2.0 * W.Rows);
}

/// <summary>
/// <see cref="Divergence"/> where both logits are those of one unembedding, in blocks of the vocabulary: mean over lanes of <c>Σ P (log P − log Q)</c>, with
/// <c>KL = Σ P log P − x · Σ P W + log Σ exp(W x)</c>; and its derivative by x, <c>Σ_v (Q_v − P_v) W_v</c>, zero in padding.
/// </summary>
/// <param name="W">The unembedding <c>[vocabulary, features]</c>, a constant to it.</param>
/// <param name="X">What the logits of Q are of.</param>
/// <param name="Expected"><see cref="ExpectedUnembedding"/>'s first result, of P.</param>
/// <param name="NegativeEntropy">Its second.</param>
public sealed record UnembeddingDivergence(Value W, Value X, Value Expected, Value NegativeEntropy) : Operation
{
    public override IReadOnlyList<Value> Inputs => [W, X, Expected, NegativeEntropy];
    public override IReadOnlyList<Shape> Results =>
        W.Shape.Domain == Domain.Weights && X.Rows == W.Shape.Columns && X.Shape.IsPanel && X.Shape.IsLike(Expected.Shape)
        ? [Shape.Number, X.Shape with { Domain = Domain.Lane }]
        : throw new ArgumentException($"an unembedding {W.Shape} takes {W.Shape.Columns} features, but got {X.Shape} and {Expected.Shape}");
    public override Work Work => new(MultiplyAdds: 2.0 * W.Shape.Count, Entries: 1.0 * W.Rows);

    protected internal override void Differentiate(Derivative of, IReadOnlyList<Value?> d)
    {
        ThrowIfAskedFor(d, first: 1);
        if (of.Wants(W) || of.Wants(Expected))
            throw new NotSupportedException("a gradient through the unembedding or the target of a divergence was asked for, which are constants to it");
        of.Add(X, of.Graph.Add(new Scale(of.Graph.ResultsOf(this)[1], d[0]!, IsMean: true)));
    }
}

/// <summary><see cref="CrossEntropy"/> of the logits of an unembedding, in blocks of the vocabulary; and its derivative by x, zero where no token follows.</summary>
/// <param name="W">The unembedding <c>[vocabulary, features]</c>, a constant to it.</param>
/// <param name="X">What the logits are of.</param>
/// <param name="Tokens">The tokens of the sequence, one row.</param>
public sealed record UnembeddingCrossEntropy(Value W, Value X, Value Tokens) : Operation
{
    public override IReadOnlyList<Value> Inputs => [W, X, Tokens];
    public override IReadOnlyList<Shape> Results =>
        W.Shape.Domain == Domain.Weights && X.Rows == W.Shape.Columns && X.Shape.IsPanel && Tokens.Shape is { IsPanel: true, Rows: 1 }
        ? [Shape.Number, X.Shape with { Domain = Domain.Lane }]
        : throw new ArgumentException($"an unembedding {W.Shape} takes {W.Shape.Columns} features and one row of tokens, but got {X.Shape} and {Tokens.Shape}");
    public override Work Work => new(MultiplyAdds: 2.0 * W.Shape.Count, Entries: 1.0 * W.Rows);

    protected internal override void Differentiate(Derivative of, IReadOnlyList<Value?> d)
    {
        ThrowIfAskedFor(d, first: 1);
        if (of.Wants(W)) throw new NotSupportedException("a gradient through the unembedding of a cross-entropy in blocks was asked for, which is a constant to it");
        of.Add(X, of.Graph.Add(new Scale(of.Graph.ResultsOf(this)[1], d[0]!, IsMean: true)));
    }
}
