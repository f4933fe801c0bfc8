namespace Spd.Engine.Graphs;

/// <summary>
/// A description of what is computed. An operation that equals one already there is that one, so what two forward passes have in common is computed once.
/// Plans are made of it, for training, measuring or attributing; it does not change by that, but for operations that derivatives add.
/// </summary>
/// <remarks>
/// A masked forward of a network that is the target's own up to its first replaced site thereby starts at that site, and since frozen parameters need no
/// gradient, the backward pass stops there too.
/// </remarks>
public sealed class Graph
{
    private readonly Dictionary<Operation, Value[]> _results = [];
    private readonly List<Operation> _operations = [];

    /// <summary>The operations; each comes behind those that it reads.</summary>
    public IReadOnlyList<Operation> Operations => _operations;

    /// <summary>Adds an operation, unless an equal one is there, and returns its first result.</summary>
    /// <exception cref="ArgumentException">An input is of another graph, or the shapes of the inputs do not fit.</exception>
    public Value Add(Operation operation) => ResultsOf(operation)[0];

    /// <summary>Adds an operation, unless an equal one is there, and returns all of its results.</summary>
    /// <inheritdoc cref="Add"/>
    public IReadOnlyList<Value> ResultsOf(Operation operation)
    {
        if (_results.TryGetValue(operation, out var results)) return results;
        foreach (var input in operation.Inputs) ThrowIfForeign(input, operation.Name);
        var shapes = operation.Results;
        foreach (var empty in shapes.Where(shape => shape.Rows < 1 || shape.Columns < 1))
            throw new ArgumentException($"a result of {operation.Name} has the shape {empty}, but rows and columns are at least 1");
        _results[operation] = results = [.. shapes.Select((shape, i) => new Value(operation, i, shape))];
        _operations.Add(operation);
        return results;
    }

    /// <summary>Whether the value is of this graph.</summary>
    internal bool Holds(Value value) => _results.TryGetValue(value.Source, out var results) && results[value.Index] == value;

    internal void ThrowIfForeign(Value value, string user)
    {
        if (!Holds(value)) throw new ArgumentException($"an input of {user} belongs to another graph; build every value with the graph it is used in");
    }
}
