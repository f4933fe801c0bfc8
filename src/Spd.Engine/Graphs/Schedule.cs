namespace Spd.Engine.Graphs;

/// <summary>A number that depends on the step: it changes what a graph computes with, never the graph.</summary>
public abstract record Schedule
{
    /// <summary>The number at a step, counted from 0.</summary>
    public abstract double At(long step);

    /// <summary>The same number at every step.</summary>
    public static implicit operator Schedule(double value) => new Constant(value);

    /// <summary>Whether it is zero at every step.</summary>
    internal virtual bool IsZero => false;
}

/// <summary>The same number at every step.</summary>
public sealed record Constant(double Value) : Schedule
{
    public override double At(long step) => Value;

    public override string ToString() => FormattableString.Invariant($"{Value}");

    internal override bool IsZero => Value == 0;
}

/// <summary>Straight lines between numbers at given steps; before the first and behind the last, their numbers.</summary>
public sealed record Knots : Schedule
{
    private readonly (long Step, double Value)[] _knots;

    /// <summary>A schedule through the given points.</summary>
    /// <exception cref="ArgumentException">There is none, or their steps do not ascend.</exception>
    public Knots(params (long Step, double Value)[] knots)
    {
        if (knots.Length == 0) throw new ArgumentException("a schedule of knots needs one knot at least", nameof(knots));
        for (int i = 1; i < knots.Length; i++)
            if (knots[i].Step <= knots[i - 1].Step) throw new ArgumentException($"the knot at step {knots[i].Step} follows one at {knots[i - 1].Step}", nameof(knots));
        _knots = [.. knots];
    }

    public override double At(long step)
    {
        int next = 0;
        while (next < _knots.Length && _knots[next].Step <= step) next++;
        if (next == 0) return _knots[0].Value;
        if (next == _knots.Length) return _knots[^1].Value;
        var (from, to) = (_knots[next - 1], _knots[next]);
        return from.Value + (to.Value - from.Value) * (step - from.Step) / (to.Step - from.Step);
    }

    public bool Equals(Knots? other) => other is not null && _knots.AsSpan().SequenceEqual(other._knots);

    public override int GetHashCode() => _knots.Aggregate(_knots.Length, HashCode.Combine);
}
