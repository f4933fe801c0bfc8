using Spd.Engine.Graphs;

namespace Spd.Engine.Operations;

/// <summary><c>W x</c>, or <c>Wᵀ x</c>: of a matrix and a panel, or of two matrices.</summary>
/// <param name="W">W, a matrix.</param>
/// <param name="X">x, with as many rows as W (or its transpose) has columns.</param>
/// <param name="IsTransposed">Whether the transpose is meant.</param>
public sealed record MatMul(Value W, Value X, bool IsTransposed = false) : Operation
{
    public override IReadOnlyList<Value> Inputs => [W, X];
    public override IReadOnlyList<Shape> Results => W.Shape.Domain == Domain.Weights && X.Shape.Domain >= Domain.Weights && X.Rows == Columns
        ? [X.Shape with { Rows = IsTransposed ? W.Shape.Columns : W.Rows }]
        : throw new ArgumentException($"{W}{(IsTransposed ? " transposed" : "")} takes {Columns} features, but its input has {X.Rows}");
    public override Work Work => new(MultiplyAdds: (double)W.Shape.Rows * W.Shape.Columns * X.Shape.Columns);

    private int Columns => IsTransposed ? W.Rows : W.Shape.Columns;

    protected internal override void Differentiate(Derivative of, IReadOnlyList<Value?> d)
    {
        if (of.Wants(X)) of.Add(X, of.Graph.Add(new MatMul(W, d[0]!, !IsTransposed)));
        if (of.Wants(W)) of.Add(W, of.Graph.Add(IsTransposed ? new Outer(X, d[0]!) : new Outer(d[0]!, X)));
    }
}

/// <summary><c>A Bᵀ</c>: the sum over the batch of two panels' outer products, <c>Σ_lane a bᵀ</c>, or the product of two matrices.</summary>
/// <param name="A">A, a row for each row of the result.</param>
/// <param name="B">B, a row for each column of the result.</param>
public sealed record Outer(Value A, Value B) : Operation
{
    public override IReadOnlyList<Value> Inputs => [A, B];
    public override IReadOnlyList<Shape> Results => (A.Shape.IsPanel ? B.Shape.IsPanel : A.Shape.Domain == B.Shape.Domain) && A.Shape.Columns == B.Shape.Columns && A.Shape.Domain != Domain.Step
        ? [new(Domain.Weights, A.Rows, B.Rows)]
        : throw new ArgumentException($"{A.Shape} and {B.Shape} have no columns or lanes in common to be summed over");
    public override Work Work => new(OuterMultiplyAdds: (double)A.Rows * B.Rows * A.Shape.Columns);

    protected internal override void Differentiate(Derivative of, IReadOnlyList<Value?> d)
    {
        if (of.Wants(A)) of.Add(A, of.Graph.Add(new MatMul(d[0]!, B)));
        if (of.Wants(B)) of.Add(B, of.Graph.Add(new MatMul(d[0]!, A, IsTransposed: true)));
    }
}
