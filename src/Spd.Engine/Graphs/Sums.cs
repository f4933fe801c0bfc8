namespace Spd.Engine.Graphs;

/// <summary>
/// <c>Σ_t part_t</c>. A plan has the parts computed where the sum lies, the first stored and the others added, so that a sum costs nothing of its own.
/// </summary>
/// <param name="Parts">The parts, at least one, of one size.</param>
/// <param name="IsStream">Whether weights read it part by part; see <see cref="Operations.GraphOperations.Stream"/>.</param>
public sealed record Sum(IReadOnlyList<Value> Parts, bool IsStream = false) : Operation
{
    /// <summary>The parts, compared one by one.</summary>
    public IReadOnlyList<Value> Parts { get; } = [.. Parts];

    public override IReadOnlyList<Value> Inputs => Parts;
    public override IReadOnlyList<Shape> Results => Parts.FirstOrDefault(part => !part.Shape.IsLike(Parts[0].Shape)) is { } other
        ? throw new ArgumentException($"a sum of {Parts[0].Shape} cannot take {other.Shape}")
        : [Parts[0].Shape with { Domain = Widest([.. Parts]) }];
    public override Work Work => default;

    public bool Equals(Sum? other) => other is not null && IsStream == other.IsStream && Parts.SequenceEqual(other.Parts);

    public override int GetHashCode() => Parts.Aggregate(Parts.Count, HashCode.Combine);

    protected internal override void Differentiate(Derivative of, IReadOnlyList<Value?> d)
    {
        foreach (var part in Parts) of.Add(part, d[0]!);
    }
}

/// <summary>The sum, or the mean, over the lanes of each sequence, in all of its lanes.</summary>
public sealed record SequenceSum(Value X, bool IsMean = false) : Operation
{
    public override IReadOnlyList<Value> Inputs => [X];
    public override IReadOnlyList<Shape> Results =>
        [X.Shape.IsPanel ? X.Shape with { Domain = Domain.Sequence } : throw new ArgumentException($"{X} has no sequences")];

    protected internal override void Differentiate(Derivative of, IReadOnlyList<Value?> d) => of.Add(X, of.Graph.Add(this with { X = d[0]! }));
}
