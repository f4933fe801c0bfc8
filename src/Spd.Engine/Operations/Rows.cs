using Spd.Engine.Graphs;

namespace Spd.Engine.Operations;

/// <summary><c>y = scale ∘ x + shift</c>, one scale and one shift per row: a bias, or a linear gate.</summary>
/// <param name="X">x, a panel or a matrix.</param>
/// <param name="Scale">A vector; null for one.</param>
/// <param name="Shift">A vector; null for zero.</param>
public sealed record RowAffine(Value X, Value? Scale, Value? Shift) : Operation
{
    public override IReadOnlyList<Value> Inputs => [X, .. new[] { Scale, Shift }.OfType<Value>()];
    public override IReadOnlyList<Shape> Results =>
        Inputs.Skip(1).FirstOrDefault(vector => vector.Shape.Domain != Domain.Weights || vector.Shape.Count != X.Rows) is { } other
            ? throw new ArgumentException($"{other.Source.Name} has {other.Shape.Count} values, but its input has {X.Rows} features")
            : [ThrowIfNumber(X)];

    protected internal override void Differentiate(Derivative of, IReadOnlyList<Value?> d)
    {
        of.Add(X, Scale is null ? d[0]! : of.Graph.Add(new RowAffine(d[0]!, Scale, null)));
        if (Scale is not null && of.Wants(Scale)) of.Add(Scale, of.Graph.Add(new RowDot(X, d[0]!)));
        if (Shift is not null && of.Wants(Shift)) of.Add(Shift, of.Graph.Add(new RowSum(d[0]!)));
    }
}

/// <summary>The sum of each row over the batch, or over the columns of a matrix: a vector.</summary>
public sealed record RowSum(Value X) : Operation
{
    public override IReadOnlyList<Value> Inputs => [X];
    public override IReadOnlyList<Shape> Results => [new(Domain.Weights, ThrowIfNumber(X).Rows)];

    protected internal override void Differentiate(Derivative of, IReadOnlyList<Value?> d) => of.Add(
        X, X.Shape.IsPanel ? of.Graph.Add(new Broadcast(d[0]!)) : throw new NotSupportedException("a sum over a matrix's columns has no derivative yet"));
}

/// <summary>
/// The dot product of each row of a with that of b, over the batch or over the columns of matrices: a vector. The squared norms of rows are <c>RowDot(a, a)</c>.
/// </summary>
public sealed record RowDot(Value A, Value B) : Operation
{
    public override IReadOnlyList<Value> Inputs => [A, B];
    public override IReadOnlyList<Shape> Results => A.Shape.IsLike(B.Shape)
        ? [new(Domain.Weights, ThrowIfNumber(A).Rows)]
        : throw new ArgumentException($"rows of {A.Shape} and {B.Shape} cannot be multiplied");

    protected internal override void Differentiate(Derivative of, IReadOnlyList<Value?> d)
    {
        of.Add(A, of.Graph.Add(new RowAffine(B, d[0]!, null)));
        of.Add(B, of.Graph.Add(new RowAffine(A, d[0]!, null)));
    }
}

/// <summary>One small MLP per row, nothing shared: <c>y_c = b_out_c + Σ_k w_out_ck gelu(w_in_ck x_c + b_in_ck)</c>, with the exact (erf) GELU.</summary>
/// <param name="X">x <c>[C, lanes]</c>.</param>
/// <param name="WeightIn">w_in <c>[C, K]</c>.</param>
/// <param name="InBias">b_in <c>[C, K]</c>.</param>
/// <param name="WeightOut">w_out <c>[C, K]</c>.</param>
/// <param name="OutBias">b_out <c>[C]</c>.</param>
public sealed record RowMlp(Value X, Value WeightIn, Value InBias, Value WeightOut, Value OutBias) : Operation
{
    public override IReadOnlyList<Value> Inputs => [X, WeightIn, InBias, WeightOut, OutBias];
    public override IReadOnlyList<Shape> Results => Inputs.Skip(1).FirstOrDefault(weight => weight.Shape != ShapeOf(weight)) is { } other
        ? throw new ArgumentException($"{other} is no part of MLPs over {X.Rows} rows, which need {ShapeOf(other)}")
        : [ThrowIfNumber(X)];
    public override Work Work => new(Gelus: (double)X.Rows * WeightIn.Shape.Columns);

    private Shape ShapeOf(Value weight) => new(Domain.Weights, X.Rows, weight == OutBias ? 1 : WeightIn.Shape.Columns);

    protected internal override void Differentiate(Derivative of, IReadOnlyList<Value?> d)
    {
        var gradients = of.Graph.ResultsOf(new RowMlpGradient(this, d[0]!));
        foreach (var (i, input) in Inputs.Index()) of.Add(input, gradients[i]);
    }
}

/// <summary>The derivative of <see cref="RowMlp"/>: <c>dx</c> and the sums over the batch for its four parameters. The hidden values are computed anew.</summary>
public sealed record RowMlpGradient(RowMlp Of, Value Dy) : Operation
{
    public override IReadOnlyList<Value> Inputs => [.. Of.Inputs, Dy];
    public override IReadOnlyList<Shape> Results =>
        [ThrowIfUnlike(Of.X, Dy) with { Domain = Widest(Of.X, Dy) }, .. Of.Inputs.Skip(1).Select(weight => weight.Shape)];
    public override Work Work => new(GeluGradients: Of.Work.Gelus);
}

/// <summary>Every row so many times, one after the other.</summary>
public sealed record RepeatRows(Value X, int Times) : Operation
{
    public override IReadOnlyList<Value> Inputs => [X];
    public override IReadOnlyList<Shape> Results => [ThrowIfNumber(X) with { Rows = checked(X.Rows * Times) }];

    protected internal override void Differentiate(Derivative of, IReadOnlyList<Value?> d) => of.Add(X, of.Graph.Add(new LaneSum(d[0]!, Times)));
}

/// <summary>In each lane the sums of so many rows at a time: of <c>[n · times, lanes]</c> a panel <c>[n, lanes]</c>.</summary>
public sealed record LaneSum(Value X, int Times) : Operation
{
    public override IReadOnlyList<Value> Inputs => [X];
    public override IReadOnlyList<Shape> Results => ThrowIfNumber(X) is { IsPanel: true } shape && Times > 0 && X.Rows % Times == 0
        ? [shape with { Rows = X.Rows / Times }]
        : throw new ArgumentException($"{Name} adds up {Times} rows of a panel at a time, but got {X}");

    protected internal override void Differentiate(Derivative of, IReadOnlyList<Value?> d) => of.Add(X, of.Graph.Add(new RepeatRows(d[0]!, Times)));
}

/// <summary><c>y = factor · x</c> with one factor for each lane.</summary>
/// <param name="X">x, a panel.</param>
/// <param name="Factor">The factors, one row.</param>
public sealed record ScaleLanes(Value X, Value Factor) : Operation
{
    public override IReadOnlyList<Value> Inputs => [X, Factor];
    public override IReadOnlyList<Shape> Results => X.Shape.IsPanel && Factor.Shape is { IsPanel: true, Rows: 1 }
        ? [X.Shape with { Domain = Widest(X, Factor) }]
        : throw new ArgumentException($"{Name} needs a panel and one row of factors, but got {X.Shape} and {Factor.Shape}");

    protected internal override void Differentiate(Derivative of, IReadOnlyList<Value?> d)
    {
        if (of.Wants(X)) of.Add(X, of.Graph.Add(new ScaleLanes(d[0]!, Factor)));
        if (of.Wants(Factor)) of.Add(Factor, of.Graph.Add(new LaneDot(X, d[0]!)));
    }
}

/// <summary>The dot product of two panels in each lane: one row.</summary>
public sealed record LaneDot(Value A, Value B) : Operation
{
    public override IReadOnlyList<Value> Inputs => [A, B];
    public override IReadOnlyList<Shape> Results => ThrowIfOfTwoSizes(A, B).IsPanel
        ? [new(Widest(A, B), 1)]
        : throw new ArgumentException($"{Name} takes panels, but {A} is a matrix");

    protected internal override void Differentiate(Derivative of, IReadOnlyList<Value?> d)
    {
        if (of.Wants(A)) of.Add(A, of.Graph.Add(new ScaleLanes(B, d[0]!)));
        if (of.Wants(B)) of.Add(B, of.Graph.Add(new ScaleLanes(A, d[0]!)));
    }
}
