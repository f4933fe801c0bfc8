using Spd.Engine.Graphs;

namespace Spd.Engine.Operations;

/// <summary>x as it is, or, where a plan says so, added to a sum.</summary>
internal sealed record Copy(Value X) : Operation
{
    public override IReadOnlyList<Value> Inputs => [X];

    public override IReadOnlyList<Shape> Results => [X.Shape];

    public override Work Work => new(Entries: X.Shape.Count);
}

/// <summary><c>y = times · factor · x</c>, and with <paramref name="IsMean"/> divided by the batch's positions.</summary>
/// <param name="X">x.</param>
/// <param name="Factor">A number; null for one.</param>
/// <param name="Times">A constant.</param>
/// <param name="IsMean">Whether it is divided by the positions that a mean over the batch is over.</param>
public sealed record Scale(Value X, Value? Factor, double Times = 1, bool IsMean = false) : Operation
{
    public override IReadOnlyList<Value> Inputs => Factor is null ? [X] : [X, Factor];

    public override IReadOnlyList<Shape> Results => Factor is null || Factor.Shape == Shape.Number
        ? [X.Shape]
        : throw new ArgumentException($"a factor is a number, but {Factor} is none");

    public override Work Work => new(Entries: X.Shape.Count);

    protected internal override void Differentiate(Derivative of, IReadOnlyList<Value?> d)
    {
        of.Add(X, of.Graph.Add(this with { X = d[0]! }));
        if (Factor is not null && of.Wants(Factor)) throw new NotSupportedException("a gradient by the factor of a scaling was asked for, which has no rule");
    }
}

