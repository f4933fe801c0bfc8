using Spd.Engine.Graphs;

namespace Spd.Engine.Operations;

/// <summary>Rows of a table, chosen by a number in [0, 1) in each lane.</summary>
/// <param name="Table">The table <c>[examples, features]</c>, compared by reference.</param>
/// <param name="Choice">The numbers, one row.</param>
public sealed record TableRows(float[,] Table, Value Choice) : Operation
{
    public override IReadOnlyList<Value> Inputs => [Choice];
    public override IReadOnlyList<Shape> Results =>
        [ThrowIfNumber(Choice).Rows == 1 ? Choice.Shape with { Rows = Table.GetLength(1) } : throw new ArgumentException("one number chooses a row")];
}

/// <summary>Gives every row of a group the smallest number of the group, lane by lane.</summary>
/// <param name="X">The numbers.</param>
/// <param name="Groups">Rows, no row twice; compared by reference.</param>
public sealed record GroupMinimum(Value X, IReadOnlyList<IReadOnlyList<int>> Groups) : Operation
{
    public override IReadOnlyList<Value> Inputs => [X];
    public override IReadOnlyList<Shape> Results => [ThrowIfNumber(X)];
}

/// <summary>0 for the <paramref name="N"/> smallest numbers of a lane, 1 for the others; the first of equal ones counts as smaller.</summary>
public sealed record Smallest(Value X, int N) : Operation
{
    public override IReadOnlyList<Value> Inputs => [X];
    public override IReadOnlyList<Shape> Results => [ThrowIfNumber(X)];
    public override Work Work => new(Entries: (double)X.Rows * N);
}

/// <summary>
/// A subset of the rows in each lane, of every size equally often: 1 for the rows of the k smallest numbers of <paramref name="Noise"/>, 0 for the others, with
/// <c>k = 1 + ⌊choice · rows⌋</c>; the first of equal ones counts as smaller (VPD §2, routing).
/// </summary>
/// <param name="Noise">Uniform numbers <c>[rows, lanes]</c>.</param>
/// <param name="Choice">Uniform numbers in [0, 1), one row.</param>
public sealed record RandomSubset(Value Noise, Value Choice) : Operation
{
    public override IReadOnlyList<Value> Inputs => [Noise, Choice];
    public override IReadOnlyList<Shape> Results => Noise.Shape.IsPanel && Choice.Shape is { IsPanel: true, Rows: 1 }
        ? [Noise.Shape with { Domain = Widest(Noise, Choice) }]
        : throw new ArgumentException($"{Name} takes panels, the second of one row, but got {Noise.Shape} and {Choice.Shape}");
    public override Work Work => new(Entries: (double)Noise.Rows * Noise.Rows);
}

/// <summary>For each row in how many lanes it exceeds a threshold.</summary>
public sealed record CountAbove(Value X, float Threshold) : Operation
{
    public override IReadOnlyList<Value> Inputs => [X];
    public override IReadOnlyList<Shape> Results => [new(Domain.Weights, ThrowIfNumber(X).Rows)];
}

/// <summary>For each row its largest number in any lane; NaN where there is one.</summary>
public sealed record Maximum(Value X) : Operation
{
    public override IReadOnlyList<Value> Inputs => [X];
    public override IReadOnlyList<Shape> Results => [new(Domain.Weights, ThrowIfNumber(X).Rows)];
}

/// <summary>For each row how many lanes lie in each of equal bins of [0, 1]; what lies outside counts in the bin next to it.</summary>
public sealed record Histogram(Value X, int Bins) : Operation
{
    public override IReadOnlyList<Value> Inputs => [X];
    public override IReadOnlyList<Shape> Results => [new(Domain.Weights, ThrowIfNumber(X).Rows, Bins)];
}
