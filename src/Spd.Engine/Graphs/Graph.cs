namespace Spd.Engine.Graphs;

/// <summary>
/// The computation of one step on one panel of the batch: built once, run for every panel of every step. Operations are nodes; a node that equals
/// one already there is that node, so what two forward passes have in common is computed once.
/// </summary>
/// <remarks>
/// A masked forward of a network that is the target's own up to its first replaced site thereby starts at that site, and since frozen parameters need no
/// gradient, the backward pass stops there too.
/// </remarks>
public sealed class Graph
{
    private readonly List<Node> _nodes = [];
    private readonly List<LossNode> _losses = [];
    private readonly List<WeightLoss> _weightLosses = [];
    private readonly List<Node> _kept = [];
    private readonly List<string> _lossNames = [];
    private bool _compiled;

    /// <summary>A graph whose gradients are taken with respect to <paramref name="trainable"/>.</summary>
    public Graph(ParameterSet trainable) => Trainable = trainable;

    /// <summary>A graph that is only evaluated.</summary>
    public Graph()
        : this(new ParameterSet([]))
    {
    }

    /// <summary>The parameters whose gradients are computed.</summary>
    public ParameterSet Trainable { get; }

    /// <summary>The nodes in the order in which they are computed.</summary>
    public IReadOnlyList<Node> Nodes => _nodes;

    /// <summary>The names of the losses, in the order in which they were added.</summary>
    public IReadOnlyList<string> LossNames => _lossNames;

    internal IReadOnlyList<LossNode> Losses => _losses;

    internal IReadOnlyList<WeightLoss> WeightLosses => _weightLosses;

    internal int PanelRows { get; private set; }

    internal int ValueRows { get; private set; }

    /// <summary>Adds an operation, or returns the one that computes the same already.</summary>
    /// <exception cref="ArgumentException">An input is not of this graph.</exception>
    public Node Add(Node node)
    {
        ThrowIfCompiled();
        foreach (var input in node.Inputs)
        {
            if (input.Graph != this) throw new ArgumentException($"an input of {node.GetType().Name} belongs to another graph; build every node with the graph it is used in", nameof(node));
        }

        foreach (var existing in _nodes)
        {
            if (existing.GetType() == node.GetType() && existing.Rows == node.Rows && existing.Inputs.SequenceEqual(node.Inputs)
                && Equals(existing.Attributes, node.Attributes))
                return existing;
        }

        Append(node);
        return node;
    }

    /// <summary>Adds a loss; nodes of one <paramref name="name"/> add up.</summary>
    /// <param name="name">The loss.</param>
    /// <param name="node">Its batch mean.</param>
    /// <param name="weight">The node's share in the loss.</param>
    /// <param name="coefficient">The loss's coefficient in the total.</param>
    public void AddLoss(string name, LossNode node, double weight = 1, double coefficient = 1)
    {
        ThrowIfCompiled();
        node.Name = name;
        node.Weight = weight;
        node.Coefficient = coefficient;
        node.Slot = SlotOf(name);
        Append(node);
        _losses.Add(node);
    }

    /// <summary>Adds a loss of the weights alone.</summary>
    public void AddLoss(string name, WeightLoss loss, double coefficient = 1)
    {
        ThrowIfCompiled();
        loss.Name = name;
        loss.Coefficient = coefficient;
        loss.Slot = SlotOf(name);
        _weightLosses.Add(loss);
    }

    /// <summary>Has the node computed although no loss reads it, so that its values can be looked at.</summary>
    public Node Keep(Node node)
    {
        ThrowIfCompiled();
        _kept.Add(node);
        return node;
    }

    /// <summary>Decides which nodes run forward and backward, and where their panels lie.</summary>
    internal void Compile()
    {
        if (_compiled) return;
        _compiled = true;
        foreach (var node in _nodes)
            node.DependsOnTrainable = node.Inputs.Any(input => input.DependsOnTrainable) || node.Parameters.Any(parameter => Trainable.OffsetOf(parameter) >= 0);
        foreach (var node in _kept) node.IsComputed = true;
        foreach (var loss in _losses)
        {
            loss.IsComputed = true;
            loss.RunsBackward = loss.Coefficient != 0 && loss.DependsOnTrainable;
        }

        foreach (var node in Enumerable.Reverse(_nodes))
        {
            foreach (var input in node.Inputs)
            {
                input.IsComputed |= node.IsComputed;
                input.RunsBackward |= node.RunsBackward && input.DependsOnTrainable;
            }
        }

        foreach (var node in _nodes.Where(node => node.IsComputed))
        {
            node.ValueRow = PanelRows;
            PanelRows += node.Rows;
        }

        ValueRows = PanelRows;
        foreach (var node in _nodes.Where(node => node.RunsBackward))
        {
            node.GradientRow = PanelRows;
            PanelRows += node.Rows;
        }
    }

    private void Append(Node node)
    {
        if (node.Graph is not null) throw new ArgumentException("the node is already part of a graph", nameof(node));
        node.Graph = this;
        _nodes.Add(node);
    }

    private int SlotOf(string name)
    {
        int slot = _lossNames.IndexOf(name);
        if (slot >= 0) return slot;
        _lossNames.Add(name);
        return _lossNames.Count - 1;
    }

    private void ThrowIfCompiled()
    {
        if (_compiled) throw new InvalidOperationException("the graph is already running; add every node and loss before the first run");
    }
}
