using Spd.Engine.Graphs;

namespace Spd.Engine.Operations;

/// <summary>
/// Mean over all entries of <c>(a − b)²</c>, of two panels or two matrices, and the residual <c>a − b</c>, zero in padding.
/// </summary>
public sealed record SquaredError(Value A, Value B) : Operation
{
    public override IReadOnlyList<Value> Inputs => [A, B];
    public override IReadOnlyList<Shape> Results =>
        [Shape.Number, ThrowIfOfTwoSizes(A, B).IsPanel ? A.Shape with { Domain = Domain.Lane } : A.Shape];

    protected internal override void Differentiate(Derivative of, IReadOnlyList<Value?> d)
    {
        double factor = 2 * (1.0 / A.Rows) / (A.Shape.IsPanel ? 1 : A.Shape.Columns);
        var residual = of.Graph.ResultsOf(this)[1];
        foreach (var (input, sign) in new[] { (A, 1), (B, -1) })
        {
            if (!of.Wants(input)) continue;
            if (d[0] is { } ofLoss) of.Add(input, of.Graph.Add(new Scale(residual, ofLoss, sign * factor, IsMean: A.Shape.IsPanel)));
            if (d[1] is { } ofResidual) of.Add(input, of.Graph.Scale(ofResidual, sign));
        }
    }
}

/// <summary>
/// Mean over lanes of the Kullback–Leibler divergence <c>Σ P (log P − log Q)</c>, P the softmax of <paramref name="Target"/>, Q of
/// <paramref name="Prediction"/>, and <c>Q − P</c>, zero in padding.
/// </summary>
/// <param name="Prediction">The logits of Q.</param>
/// <param name="Target">The logits of P, a constant to it.</param>
public sealed record Divergence(Value Prediction, Value Target) : Operation
{
    public override IReadOnlyList<Value> Inputs => [Prediction, Target];
    public override IReadOnlyList<Shape> Results => Prediction.Rows == Target.Rows && Prediction.Shape.IsPanel && Target.Shape.IsPanel
        ? [Shape.Number, Prediction.Shape with { Domain = Domain.Lane }]
        : throw new ArgumentException($"{Name} needs two panels of one size, but got {Prediction.Shape} and {Target.Shape}");
    public override Work Work => new(Entries: 4.0 * Prediction.Rows);

    protected internal override void Differentiate(Derivative of, IReadOnlyList<Value?> d)
    {
        ThrowIfAskedFor(d, first: 1);
        if (of.Wants(Target)) throw new NotSupportedException("a gradient through the target of a divergence was asked for, which is a constant to it");
        of.Add(Prediction, of.Graph.Add(new Scale(of.Graph.ResultsOf(this)[1], d[0]!, IsMean: true)));
    }
}

/// <summary>
/// Mean over lanes of <c>Σ_c n_c x_c^p</c> for <c>x ≥ 0</c>; <c>n_c x_c^(p−1)</c>, zero in padding; and the sum over lanes of <c>x_c^p</c>, a vector.
/// </summary>
/// <param name="X">x.</param>
/// <param name="P">p, a number above 0.</param>
/// <param name="RowWeights">n, a vector; null for ones.</param>
public sealed record PowerSum(Value X, Value P, Value? RowWeights = null) : Operation
{
    public override IReadOnlyList<Value> Inputs => RowWeights is null ? [X, P] : [X, P, RowWeights];
    public override IReadOnlyList<Shape> Results =>
        P.Shape == Shape.Number && X.Shape.IsPanel && (RowWeights is null || RowWeights.Shape == new Shape(Domain.Weights, X.Rows))
        ? [Shape.Number, X.Shape with { Domain = Domain.Lane }, new(Domain.Weights, X.Rows)]
        : throw new ArgumentException($"a sum of powers over {X.Shape} needs a number p and as many row weights, but got {P} and {RowWeights}");
    public override Work Work => new(Entries: 2.0 * X.Shape.Count);

    protected internal override void Differentiate(Derivative of, IReadOnlyList<Value?> d)
    {
        ThrowIfAskedFor(d, first: 1);
        var results = of.Graph.ResultsOf(this);
        if (of.Wants(X)) of.Add(X, of.Graph.Add(new Scale(results[1], of.Graph.Scale(d[0]!, P), IsMean: true)));
        if (RowWeights is not null && of.Wants(RowWeights)) of.Add(RowWeights, of.Graph.Add(new Scale(results[2], d[0]!, IsMean: true)));
        if (of.Wants(P)) throw new NotSupportedException("a gradient by the power of a sum of powers was asked for, which has no rule");
    }
}

/// <summary>The sum of the products of the entries of two matrices or vectors.</summary>
public sealed record InnerProduct(Value A, Value B) : Operation
{
    public override IReadOnlyList<Value> Inputs => [A, B];
    public override IReadOnlyList<Shape> Results => A.Shape == B.Shape && A.Shape.Domain == Domain.Weights
        ? [Shape.Number]
        : throw new ArgumentException($"{Name} needs two matrices of one size, but got {A.Shape} and {B.Shape}");

    protected internal override void Differentiate(Derivative of, IReadOnlyList<Value?> d)
    {
        of.Add(A, of.Graph.Scale(B, d[0]!));
        of.Add(B, of.Graph.Scale(A, d[0]!));
    }
}
