using Spd.Engine.Graphs;
using Spd.Engine.Operations;

namespace Spd.Networks;

/// <summary>Activation functions by name. In configurations the names are in snake case: <c>gelu_tanh</c>.</summary>
public enum ActivationName
{
    /// <summary><c>max(x, 0)</c>.</summary>
    Relu,

    /// <summary>The exact (erf) GELU, PyTorch's default.</summary>
    Gelu,

    /// <summary>The GELU with a tanh in place of the error function, PyTorch's <c>approximate='tanh'</c>.</summary>
    GeluTanh,

    /// <summary>The hyperbolic tangent.</summary>
    Tanh,

    /// <summary>The SiLU, or swish: <c>x σ(x)</c>.</summary>
    Silu,

    /// <summary>The logistic function.</summary>
    Sigmoid,

    /// <summary>x itself: no activation.</summary>
    Identity,
}

/// <summary>Activation functions by name.</summary>
public static class ActivationOperations
{
    /// <summary>The function of that name, entry by entry.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is no name of the enumeration.</exception>
    public static Value Activate(this Graph graph, ActivationName name, Value x) => name switch
    {
        ActivationName.Relu => graph.Relu(x),
        ActivationName.Gelu => graph.Add(new Gelu(x)),
        ActivationName.GeluTanh => graph.Add(new GeluTanh(x)),
        ActivationName.Tanh => graph.Add(new Tanh(x)),
        ActivationName.Silu => graph.Add(new Silu(x)),
        ActivationName.Sigmoid => graph.Add(new Sigmoid(x)),
        ActivationName.Identity => x,
        _ => throw new ArgumentOutOfRangeException(nameof(name), name, "there is no such activation function"),
    };
}
