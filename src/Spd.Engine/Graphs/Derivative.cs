namespace Spd.Engine.Graphs;

/// <summary>
/// Derivatives as descriptions: every operation has a rule that adds operations (<see cref="Operation.Differentiate"/>), so that gradients are values
/// like any other, which can be planned, kept and read.
/// </summary>
public sealed class Derivative
{
    private readonly Dictionary<Value, List<Value>> _parts = [];
    private readonly HashSet<Value> _wanted;

    private Derivative(Graph graph, IEnumerable<Value> wanted) => (Graph, _wanted) = (graph, [.. wanted]);

    /// <summary>The graph.</summary>
    public Graph Graph { get; }

    /// <summary><c>d Σ ⟨cotangent, of⟩ / d</c> each of <paramref name="by"/>.</summary>
    /// <param name="graph">The graph; the operations of the derivative are added to it.</param>
    /// <param name="of">What is differentiated, each with a value of its shape, which may come from outside: the coefficient of a loss, for example.</param>
    /// <param name="by">Parameters, or any other values of the graph.</param>
    /// <returns>For each of <paramref name="by"/> a value of its shape; null where nothing depends on it.</returns>
    /// <exception cref="ArgumentException">A cotangent has another shape.</exception>
    /// <exception cref="NotSupportedException">An operation on the way has no derivative.</exception>
    public static IReadOnlyDictionary<Value, Value?> Of(Graph graph, IReadOnlyList<(Value Of, Value Cotangent)> of, IReadOnlyCollection<Value> by)
    {
        foreach (var value in of.SelectMany(entry => new[] { entry.Of, entry.Cotangent }).Concat(by)) graph.ThrowIfForeign(value, "a derivative");
        var derivative = new Derivative(graph, by);
        var operations = graph.Operations.ToArray();
        foreach (var operation in operations)
            if (operation.Inputs.Any(derivative.Wants)) derivative._wanted.UnionWith(graph.ResultsOf(operation));
        foreach (var (value, cotangent) in of) derivative.Add(value, cotangent);
        foreach (var operation in Enumerable.Reverse(operations))
        {
            if (!operation.Inputs.Any(derivative.Wants)) continue;
            var d = graph.ResultsOf(operation).Select(derivative.Total).ToArray();
            if (Array.Exists(d, part => part is not null)) operation.Differentiate(derivative, d);
        }

        return by.Distinct().ToDictionary(value => value, value => derivative.Total(value) is { } total && value.Shape.Domain == Domain.Sequence
            ? graph.Add(new SequenceSum(total))
            : derivative.Total(value));
    }

    /// <summary>Whether something that is differentiated by lies upstream of the value, or is the value.</summary>
    public bool Wants(Value value) => _wanted.Contains(value);

    /// <summary>
    /// Adds a part to a value's gradient; nothing happens where none is wanted. On the way back every lane of a sequence has an even share of the gradient of
    /// what is the same in all of them, so that sums over lanes are sums over sequences too.
    /// </summary>
    /// <exception cref="ArgumentException">The part has another shape.</exception>
    public void Add(Value to, Value part)
    {
        if (!Wants(to)) return;
        if (to.Shape.Domain == Domain.Sequence && part.Shape.Domain == Domain.Lane) part = Graph.Add(new SequenceSum(part, IsMean: true));
        if (!part.Shape.IsLike(to.Shape)) throw new ArgumentException($"a gradient {part.Shape} does not fit {to}");
        (_parts.TryGetValue(to, out var parts) ? parts : _parts[to] = []).Add(part);
    }

    private Value? Total(Value value) => !_parts.TryGetValue(value, out var parts) ? null : parts.Count == 1 ? parts[0] : Graph.Add(new Sum(parts));
}
