using Spd.Engine.Graphs;

namespace Spd.Networks.Targets;

/// <summary>A multi-layer perceptron: linear maps with an activation function after each, as a rule none after the last.</summary>
public sealed class Mlp : Module
{
    private readonly List<Linear> _layers = [];
    private readonly IReadOnlyList<ActivationName> _activations;

    /// <summary>A network of zeros with one activation function between its layers, none after the last, and a bias in all layers or in none.</summary>
    /// <param name="sizes">Inputs, neurons of every hidden layer, outputs: two numbers at least.</param>
    /// <param name="activation">The activation function.</param>
    /// <param name="bias">Whether the layers have biases.</param>
    /// <exception cref="ArgumentException">There are fewer than two sizes.</exception>
    public Mlp(IReadOnlyList<int> sizes, ActivationName activation, bool bias)
        : this(sizes, [.. Enumerable.Repeat(activation, Math.Max(0, sizes.Count - 2))], [.. Enumerable.Repeat(bias, Math.Max(0, sizes.Count - 1))])
    {
    }

    /// <summary>A network of zeros with an activation function and a bias of its own for each layer.</summary>
    /// <param name="sizes">Inputs, neurons of every hidden layer, outputs: two numbers at least.</param>
    /// <param name="activations">The activation function after each hidden layer, and, if there is one more, after the last.</param>
    /// <param name="biases">Whether each layer has a bias, the last one included.</param>
    /// <exception cref="ArgumentException">There are fewer than two sizes, or another number of functions or biases.</exception>
    public Mlp(IReadOnlyList<int> sizes, IReadOnlyList<ActivationName> activations, IReadOnlyList<bool> biases)
    {
        if (sizes.Count < 2) throw new ArgumentException("an MLP needs two sizes at least: its inputs and its outputs", nameof(sizes));
        int layers = sizes.Count - 1;
        if (activations.Count != layers - 1 && activations.Count != layers)
        {
            throw new ArgumentException(
                $"an MLP of {layers} layers needs {layers - 1} activation functions, or {layers} with one after the last layer, but has {activations.Count}",
                nameof(activations));
        }

        if (biases.Count != layers) throw new ArgumentException($"an MLP of {layers} layers needs to know of {layers} biases, but has {biases.Count}", nameof(biases));
        _activations = [.. activations];
        for (int layer = 0; layer < layers; layer++) _layers.Add(Add($"layers.{layer}", new Linear(sizes[layer], sizes[layer + 1], biases[layer])));
    }

    /// <summary>The linear maps <c>layers.0</c>, <c>layers.1</c> and so on.</summary>
    public IReadOnlyList<Linear> Layers => _layers;

    public override Value Forward(ForwardPass pass, Value x)
    {
        for (int layer = 0; layer < _layers.Count; layer++)
        {
            x = _layers[layer].Forward(pass, x);
            if (layer < _activations.Count) x = pass.Graph.Activate(_activations[layer], x);
        }

        return x;
    }
}
