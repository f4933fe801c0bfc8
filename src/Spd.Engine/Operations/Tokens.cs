using Spd.Engine.Graphs;

namespace Spd.Engine.Operations;

/// <summary>The position of each lane in its sequence, from 0: one row. Padding has the last position.</summary>
public sealed record Positions : Operation
{
    public override IReadOnlyList<Value> Inputs => [];
    public override IReadOnlyList<Shape> Results => [new(Domain.Lane, 1)];
}

/// <summary>In each lane the row of a table that its token numbers, or the column: an embedding.</summary>
/// <param name="Table">A matrix <c>[vocabulary, features]</c>, or <c>[features, vocabulary]</c> where columns are meant.</param>
/// <param name="Tokens">One row of whole numbers from 0, below the vocabulary's size.</param>
/// <param name="IsTransposed">Whether columns are meant.</param>
public sealed record Lookup(Value Table, Value Tokens, bool IsTransposed = false) : Operation
{
    public override IReadOnlyList<Value> Inputs => [Table, Tokens];
    public override IReadOnlyList<Shape> Results => Table.Shape.Domain == Domain.Weights && Tokens.Shape is { IsPanel: true, Rows: 1 }
        ? [Tokens.Shape with { Rows = IsTransposed ? Table.Rows : Table.Shape.Columns }]
        : throw new ArgumentException($"tokens, one row of them, are looked up in a matrix, but got {Tokens} and {Table}");

    /// <summary>The size of the vocabulary.</summary>
    public int Vocabulary => IsTransposed ? Table.Shape.Columns : Table.Rows;

    protected internal override void Differentiate(Derivative of, IReadOnlyList<Value?> d)
    {
        if (of.Wants(Table)) of.Add(Table, of.Graph.Add(new LookupGradient(this, d[0]!)));
    }
}

/// <summary>The derivative of <see cref="Lookup"/> by its table: each lane's gradient, added to the row of its token.</summary>
public sealed record LookupGradient(Lookup Of, Value Dy) : Operation
{
    public override IReadOnlyList<Value> Inputs => [Dy, Of.Tokens];
    public override IReadOnlyList<Shape> Results => [Of.Table.Shape];
}

/// <summary>What the last position of a sequence has, for the whole sequence.</summary>
public sealed record LastPosition(Value X) : Operation
{
    public override IReadOnlyList<Value> Inputs => [X];
    public override IReadOnlyList<Shape> Results =>
        [X.Shape.IsPanel ? X.Shape with { Domain = Domain.Sequence } : throw new ArgumentException($"{X} has no positions")];

    protected internal override void Differentiate(Derivative of, IReadOnlyList<Value?> d) => of.Add(X, of.Graph.Add(new LastPositionGradient(d[0]!)));
}

/// <summary>The derivative of <see cref="LastPosition"/>: the sum over the lanes of a sequence, in the lane of its last position; zero in the others.</summary>
public sealed record LastPositionGradient(Value Dy) : Operation
{
    public override IReadOnlyList<Value> Inputs => [Dy];
    public override IReadOnlyList<Shape> Results => [ThrowIfNumber(Dy) with { Domain = Domain.Lane }];
}

/// <summary>Some of the rows of a panel or a matrix.</summary>
/// <param name="X">The rows.</param>
/// <param name="First">The first row.</param>
/// <param name="Count">How many.</param>
public sealed record RowRange(Value X, int First, int Count) : Operation
{
    public override IReadOnlyList<Value> Inputs => [X];
    public override IReadOnlyList<Shape> Results => First >= 0 && Count >= 1 && First <= ThrowIfNumber(X).Rows - Count
        ? [X.Shape with { Rows = Count }]
        : throw new ArgumentException($"{X} has no rows {First} to {First + Count - 1}");

    protected internal override void Differentiate(Derivative of, IReadOnlyList<Value?> d) =>
        of.Add(X, of.Graph.Add(new PlacedRows(d[0]!, First, X.Rows)));
}

/// <summary>Rows as some of more rows, the others zero.</summary>
/// <param name="X">The rows.</param>
/// <param name="First">Where the first of them goes.</param>
/// <param name="Total">All rows.</param>
public sealed record PlacedRows(Value X, int First, int Total) : Operation
{
    public override IReadOnlyList<Value> Inputs => [X];
    public override IReadOnlyList<Shape> Results => First >= 0 && First <= Total - ThrowIfNumber(X).Rows
        ? [X.Shape with { Rows = Total }]
        : throw new ArgumentException($"{X} does not fit into {Total} rows from row {First} on");

    protected internal override void Differentiate(Derivative of, IReadOnlyList<Value?> d) =>
        of.Add(X, of.Graph.Add(new RowRange(d[0]!, First, X.Rows)));
}
