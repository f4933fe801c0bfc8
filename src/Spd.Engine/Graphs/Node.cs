namespace Spd.Engine.Graphs;

/// <summary>
/// One operation of a <see cref="Graph"/> and the panel <c>[Rows, lanes]</c> it computes, its forward and its derivative side by side.
/// Derive from it to add an operation; the built-in ones are in <c>Operations/</c>.
/// </summary>
public abstract class Node
{
    private readonly Node[] _inputs;

    /// <summary>A node of <paramref name="rows"/> features over the given inputs.</summary>
    protected Node(int rows, params Node[] inputs)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(rows);
        Rows = rows;
        _inputs = inputs;
    }

    /// <summary>Features of the panel it computes.</summary>
    public int Rows { get; }

    /// <summary>The nodes it reads.</summary>
    public IReadOnlyList<Node> Inputs => _inputs;

    /// <summary>The parameters it reads.</summary>
    protected internal virtual IEnumerable<Parameter> Parameters => [];

    /// <summary>
    /// What, besides type and inputs, distinguishes this operation: two nodes alike in all three are one node of the graph.
    /// By default the node itself, so that it is never merged with another.
    /// </summary>
    protected internal virtual object? Attributes => this;

    internal Graph? Graph { get; set; }

    internal int ValueRow { get; set; } = -1;

    internal int GradientRow { get; set; } = -1;

    internal bool DependsOnTrainable { get; set; }

    /// <summary>Whether a loss, or <see cref="Graph.Keep"/>, needs its panel; decided when the graph first runs.</summary>
    public bool IsComputed { get; internal set; }

    internal bool RunsBackward { get; set; }

    /// <summary>Computes the node's panel in <paramref name="workspace"/>.</summary>
    protected internal abstract void Forward(Workspace workspace);

    /// <summary>Adds the derivative to the gradients of the inputs and parameters that have one. Not called when nothing upstream trains.</summary>
    protected internal virtual void Backward(Workspace workspace) =>
        throw new NotSupportedException($"{GetType().Name} has no derivative, but a trainable parameter lies upstream of it.");
}
