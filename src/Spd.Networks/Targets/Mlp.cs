using Spd.Engine.Graphs;
using Spd.Engine.Operations;

namespace Spd.Networks.Targets;

/// <summary>A multi-layer perceptron: linear maps with an activation function between them, none after the last.</summary>
public sealed class Mlp : Module
{
    private readonly List<Linear> _layers = [];
    private readonly ActivationName _activation;

    /// <summary>A network of zeros.</summary>
    /// <param name="sizes">Inputs, neurons of every hidden layer, outputs: two numbers at least.</param>
    /// <param name="activation">The activation function.</param>
    /// <param name="bias">Whether the layers have biases.</param>
    /// <exception cref="ArgumentException">There are fewer than two sizes.</exception>
    public Mlp(IReadOnlyList<int> sizes, ActivationName activation, bool bias)
    {
        if (sizes.Count < 2) throw new ArgumentException("an MLP needs two sizes at least: its inputs and its outputs", nameof(sizes));
        _activation = activation;
        for (int layer = 0; layer + 1 < sizes.Count; layer++) _layers.Add(Add($"layers.{layer}", new Linear(sizes[layer], sizes[layer + 1], bias)));
    }

    /// <summary>The linear maps <c>layers.0</c>, <c>layers.1</c> and so on.</summary>
    public IReadOnlyList<Linear> Layers => _layers;

    /// <inheritdoc/>
    public override Node Forward(ForwardPass pass, Node x)
    {
        for (int layer = 0; layer < _layers.Count; layer++)
        {
            x = _layers[layer].Forward(pass, x);
            if (layer + 1 < _layers.Count) x = _activation == ActivationName.Relu ? pass.Graph.Relu(x) : pass.Graph.Map(default(Gelu), x);
        }

        return x;
    }
}
