namespace Spd.Engine.Graphs;

/// <summary>A scalar at the end of a graph: a sum over batch rows, turned into the batch mean, weighted and added to the total.</summary>
public abstract class LossNode : Node
{
    /// <summary>A loss over the given inputs; it has no panel.</summary>
    protected LossNode(params Node[] inputs)
        : base(0, inputs)
    {
    }

    /// <summary>The loss it is part of; several nodes may share a name, and their weighted means add up.</summary>
    public string Name { get; internal set; } = "";

    /// <summary>Share of this node in the loss of its <see cref="Name"/>: 1 / samples, for example.</summary>
    public double Weight { get; internal set; } = 1;

    /// <summary>Coefficient of the loss in the total; at zero it is computed but trains nothing.</summary>
    public double Coefficient { get; internal set; } = 1;

    internal int Slot { get; set; }

    /// <summary>What turns the sum over one row's entries into that row's loss: 1 / outputs for a mean over outputs.</summary>
    protected internal virtual double RowScale => 1;

    /// <summary>Sums the loss over the workspace's rows and reports it with <see cref="Workspace.AddLoss"/>.</summary>
    protected internal abstract override void Forward(Workspace workspace);

    /// <summary>The two panels that a loss compares.</summary>
    /// <exception cref="ArgumentException">They differ in rows.</exception>
    protected static Node[] OfOneSize(string loss, Node a, Node b) =>
        a.Rows == b.Rows ? [a, b] : throw new ArgumentException($"{loss} needs two panels of one size, but got {a.Rows} and {b.Rows} rows");

    /// <summary>d total / d (sum over rows), the factor that <see cref="Node.Backward"/> applies.</summary>
    protected float GradientFactor(Workspace workspace) => (float)(Coefficient * Weight * RowScale / workspace.BatchSize);
}
