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
    private readonly List<double> _coefficients = [];
    private readonly List<WeightProductParameter> _weightProducts = [];
    private bool _compiled;

    /// <summary>A graph whose gradients are taken with respect to <paramref name="trainable"/>.</summary>
    public Graph(ParameterSet trainable) => Trainable = WithGradients = trainable;

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

    /// <summary>The coefficients of the losses, in the same order.</summary>
    public IReadOnlyList<double> Coefficients => _coefficients;

    /// <summary>The single number one, as a parameter.</summary>
    internal Parameter OneParameter { get; } = NewOne();

    internal IReadOnlyList<WeightProductParameter> WeightProducts => _weightProducts;

    /// <summary><see cref="Trainable"/>, and behind it the products of weights that depend on them: the layout of gradients.</summary>
    internal ParameterSet WithGradients { get; private set; }

    internal IReadOnlyList<LossNode> Losses => _losses;

    internal IReadOnlyList<WeightLoss> WeightLosses => _weightLosses;

    internal int PanelRows { get; private set; }

    internal int ValueRows { get; private set; }

    /// <summary>Adds an operation, or returns the one that computes the same already.</summary>
    /// <exception cref="ArgumentException">An input is not of this graph.</exception>
    public Node Add(Node node)
    {
        ThrowIfCompiled();
        ThrowIfForeign(node);
        if (node is LossNode) throw new ArgumentException($"{node.GetType().Name} is a loss: add it with AddLoss");
        foreach (var existing in _nodes)
        {
            if (existing.GetType() == node.GetType() && existing.Rows == node.Rows && existing.Inputs.SequenceEqual(node.Inputs)
                && Equals(existing.Attributes, node.Attributes))
                return existing;
        }

        Append(node);
        return node;
    }

    /// <summary>
    /// The product of two weights (or their transposes) as a parameter that is computed once a step, before the panels; what its gradient says of the two is
    /// added to theirs after them. Asked for twice, it is one parameter.
    /// </summary>
    /// <param name="left">The left factor <c>[m, k]</c>.</param>
    /// <param name="right">The right factor <c>[k, n]</c>.</param>
    /// <returns>The product <c>[m, n]</c>.</returns>
    public Parameter WeightProduct(WeightOperand left, WeightOperand right)
    {
        ThrowIfCompiled();
        var product = _weightProducts.Find(existing => existing.Left == left && existing.Right == right);
        if (product is null) _weightProducts.Add(product = new WeightProductParameter(left, right));
        return product.Value;
    }

    /// <summary>Adds a loss; nodes of one <paramref name="name"/> add up.</summary>
    /// <param name="name">The loss.</param>
    /// <param name="node">Its batch mean.</param>
    /// <param name="weight">The node's share in the loss.</param>
    /// <param name="coefficient">The loss's coefficient in the total.</param>
    /// <exception cref="ArgumentException">An input is not of this graph, or the node is part of a graph already.</exception>
    public void AddLoss(string name, LossNode node, double weight = 1, double coefficient = 1)
    {
        ThrowIfCompiled();
        ThrowIfForeign(node);
        int slot = SlotOf(name, coefficient);
        Append(node);
        (node.Name, node.Weight, node.Coefficient, node.Slot) = (name, weight, coefficient, slot);
        _losses.Add(node);
    }

    /// <summary>Adds a loss of the weights alone.</summary>
    public void AddLoss(string name, WeightLoss loss, double coefficient = 1)
    {
        ThrowIfCompiled();
        if (_weightLosses.Contains(loss)) throw new ArgumentException($"the loss '{loss.Name}' of the weights is part of the graph already");
        (loss.Name, loss.Coefficient, loss.Slot) = (name, coefficient, SlotOf(name, coefficient));
        _weightLosses.Add(loss);
    }

    /// <summary>Has the node computed although no loss reads it, so that its values can be looked at.</summary>
    public Node Keep(Node node)
    {
        ThrowIfCompiled();
        if (node.Graph != this) throw new ArgumentException($"the {node.GetType().Name} to keep belongs to another graph", nameof(node));
        _kept.Add(node);
        return node;
    }

    /// <summary>Decides which nodes run forward and backward, and where their panels lie.</summary>
    internal void Compile()
    {
        if (_compiled) return;
        _compiled = true;
        foreach (var product in _weightProducts)
        {
            product.DependsOnTrainable = Trains(product.Left) || Trains(product.Right);
            if (product.DependsOnTrainable) WithGradients = new ParameterSet(WithGradients.Parameters.Append(product.Value));
        }

        foreach (var node in _nodes)
        {
            node.DependsOnTrainable = node.Inputs.Any(input => input.DependsOnTrainable)
                || node.Parameters.Any(parameter => WithGradients.OffsetOf(parameter) >= 0);
        }

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

    private bool Trains(WeightOperand operand) => Trainable.OffsetOf(operand.Weight) >= 0;

    private static Parameter NewOne()
    {
        var one = new Parameter("one", 1);
        one.Values[0] = 1;
        return one;
    }

    private void Append(Node node)
    {
        if (node.Graph is not null) throw new ArgumentException("the node is already part of a graph", nameof(node));
        node.Graph = this;
        _nodes.Add(node);
    }

    private void ThrowIfForeign(Node node)
    {
        foreach (var input in node.Inputs)
        {
            if (input.Graph != this)
            {
                throw new ArgumentException(
                    $"an input of {node.GetType().Name} belongs to another graph; build every node with the graph it is used in", nameof(node));
            }
        }
    }

    private int SlotOf(string name, double coefficient)
    {
        int slot = _lossNames.IndexOf(name);
        if (slot < 0)
        {
            _lossNames.Add(name);
            _coefficients.Add(coefficient);
            return _lossNames.Count - 1;
        }

        if (!_coefficients[slot].Equals(coefficient))
        {
            throw new ArgumentException(
                $"the loss '{name}' has the coefficient {_coefficients[slot]} already and cannot have {coefficient} too: "
                + "parts of one loss share it, and differ by weight");
        }

        return slot;
    }

    private void ThrowIfCompiled()
    {
        if (_compiled) throw new InvalidOperationException("the graph is already running; add every node and loss before the first run");
    }
}
