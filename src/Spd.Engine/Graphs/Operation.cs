namespace Spd.Engine.Graphs;

/// <summary>
/// What is computed, and nothing of where or how: the inputs, the shapes of the results, and attributes. Two equal operations of one graph are one.
/// Derive from it to add an operation, with a kernel for each back end that is to run it; the built-in ones are in <c>Operations/</c>.
/// </summary>
/// <remarks>
/// An operation all of whose results have a smaller <see cref="Domain"/> than one of its inputs is a reduction: a sum (or, where its kernel says so, a
/// maximum) over the batch. A result that nobody reads is not computed, so an operation may offer what its derivative needs as a further result.
/// </remarks>
public abstract record Operation
{
    /// <summary>The values it reads.</summary>
    public abstract IReadOnlyList<Value> Inputs { get; }

    /// <summary>The shapes of what it computes, at least one.</summary>
    /// <exception cref="ArgumentException">The shapes of the inputs do not fit.</exception>
    public abstract IReadOnlyList<Shape> Results { get; }

    /// <summary>
    /// The work of one lane, or of all columns for a computation on weights. As a rule it is the entries of the largest panel that is read or
    /// computed; without panels, those of the largest matrix.
    /// </summary>
    public virtual Work Work => new(Entries: Inputs.Select(input => input.Shape).Concat(Results).Max(shape => (shape.IsPanel, shape.Count)).Count);

    /// <summary>The work where sequences have so many positions, which that of a lane depends on in attention alone.</summary>
    public virtual Work WorkAt(int length) => Work;

    /// <summary>What plans and messages call it.</summary>
    public virtual string Name => GetType().Name;

    /// <summary>
    /// Describes the derivative: adds, with <see cref="Derivative.Add"/>, what <paramref name="d"/> says of the inputs. Not asked where nothing upstream is wanted.
    /// </summary>
    /// <param name="of">What takes the parts, and the graph to add operations to.</param>
    /// <param name="d">The gradient of each result, in their shapes; null where none reaches it.</param>
    protected internal virtual void Differentiate(Derivative of, IReadOnlyList<Value?> d) =>
        throw new NotSupportedException($"{Name} has no derivative, but a gradient through it was asked for");

    public sealed override string ToString() => $"{Name}({string.Join(", ", Inputs.Select(input => input.ToString()))})";

    private protected Shape ThrowIfNumber(Value x) =>
        x.Shape.Domain == Domain.Step ? throw new ArgumentException($"{Name} takes a panel or a matrix, but {x} is a number") : x.Shape;

    private protected Shape ThrowIfOfTwoSizes(Value a, Value b) => a.Shape.IsLike(b.Shape) && a.Shape.Domain != Domain.Step
        ? a.Shape
        : throw new ArgumentException($"{Name} needs two values of one size, but got {a.Shape} and {b.Shape}");

    private protected Shape ThrowIfUnlike(Value x, Value dy) =>
        x.Shape.IsLike(dy.Shape) ? ThrowIfNumber(x) : throw new ArgumentException($"{Name} needs a gradient of the shape of {x}, but got {dy.Shape}");

    private protected void ThrowIfAskedFor(IReadOnlyList<Value?> d, int first)
    {
        for (int i = first; i < d.Count; i++)
            if (d[i] is not null) throw new NotSupportedException($"result {i} of {Name} has no derivative, but a gradient through it was asked for");
    }

    /// <summary>The domain of what is computed entry by entry from these: that of the one computed most often.</summary>
    protected static Domain Widest(params ReadOnlySpan<Value> values)
    {
        var widest = Domain.Step;
        foreach (var value in values) widest = value.Shape.Domain > widest ? value.Shape.Domain : widest;
        return widest;
    }
}

/// <summary>Work of an operation, for one lane, or for all columns of a computation on weights.</summary>
/// <param name="MultiplyAdds">Multiply-adds of a matrix times a panel, or times a matrix.</param>
/// <param name="OuterMultiplyAdds">Multiply-adds of outer products.</param>
/// <param name="Gelus">GELUs of row MLPs, forward, each with the multiply-adds about it.</param>
/// <param name="GeluGradients">GELUs with their derivative, each with the multiply-adds about it.</param>
/// <param name="Uniforms">Random numbers.</param>
/// <param name="Entries">Entries of all else, computed one by one.</param>
public readonly record struct Work(
    double MultiplyAdds = 0, double OuterMultiplyAdds = 0, double Gelus = 0, double GeluGradients = 0, double Uniforms = 0, double Entries = 0)
{
    /// <summary>The sum over all kinds.</summary>
    public double Sum => MultiplyAdds + OuterMultiplyAdds + Gelus + GeluGradients + Uniforms + Entries;

    /// <summary>The sum, kind by kind.</summary>
    public static Work operator +(Work a, Work b) => new(
        a.MultiplyAdds + b.MultiplyAdds, a.OuterMultiplyAdds + b.OuterMultiplyAdds, a.Gelus + b.Gelus, a.GeluGradients + b.GeluGradients,
        a.Uniforms + b.Uniforms, a.Entries + b.Entries);

    /// <summary>The product, kind by kind: how often, times how long each takes.</summary>
    public static Work operator *(Work a, Work b) => new(
        a.MultiplyAdds * b.MultiplyAdds, a.OuterMultiplyAdds * b.OuterMultiplyAdds, a.Gelus * b.Gelus, a.GeluGradients * b.GeluGradients,
        a.Uniforms * b.Uniforms, a.Entries * b.Entries);

    /// <summary>The work of so many lanes.</summary>
    public static Work operator *(Work work, double lanes) => work * new Work(lanes, lanes, lanes, lanes, lanes, lanes);
}
