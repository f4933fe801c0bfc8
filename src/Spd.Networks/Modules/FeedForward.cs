using Spd.Engine.Graphs;
using Spd.Engine.Operations;

namespace Spd.Networks;

/// <summary>The MLP of a transformer's block: <c>W_out f(W_in x)</c>, each with its bias.</summary>
public sealed class FeedForward : Module
{
    private readonly Linear _input, _output;
    private readonly ActivationName _activation;

    /// <summary>An MLP of two linear maps under their names.</summary>
    public FeedForward((string Name, Linear Module) input, ActivationName activation, (string Name, Linear Module) output)
    {
        _input = Add(input.Name, input.Module);
        _output = Add(output.Name, output.Module);
        _activation = activation;
    }

    /// <summary>What the neurons give, <c>f(W_in x)</c>.</summary>
    public Value Hidden(ForwardPass pass, Value x) => pass.Graph.Activate(_activation, _input.Forward(pass, x));

    public override Value Forward(ForwardPass pass, Value x) => _output.Forward(pass, Hidden(pass, x));
}

/// <summary>An MLP whose neurons have a gate: <c>W_down (f(W_gate x) ∘ W_up x)</c>; SwiGLU with the SiLU.</summary>
public sealed class GatedMlp : Module
{
    private readonly Linear _gate, _up, _down;
    private readonly ActivationName _activation;

    /// <summary>An MLP of zeros, whose linear maps are called as in Llama.</summary>
    /// <param name="features">Features of its input and output.</param>
    /// <param name="neurons">Neurons.</param>
    /// <param name="activation">f.</param>
    /// <param name="bias">Whether the linear maps have biases.</param>
    public GatedMlp(int features, int neurons, ActivationName activation = ActivationName.Silu, bool bias = false)
    {
        _gate = Add("gate_proj", new Linear(features, neurons, bias));
        _up = Add("up_proj", new Linear(features, neurons, bias));
        _down = Add("down_proj", new Linear(neurons, features, bias));
        _activation = activation;
    }

    /// <summary>What the neurons give, <c>f(W_gate x) ∘ W_up x</c>.</summary>
    public Value Hidden(ForwardPass pass, Value x)
    {
        Value gate = _gate.Forward(pass, x), up = _up.Forward(pass, x);
        return _activation == ActivationName.Silu
            ? pass.Graph.Add(new SwiGlu(gate, up))
            : pass.Graph.Multiply(pass.Graph.Activate(_activation, gate), up);
    }

    public override Value Forward(ForwardPass pass, Value x) => _down.Forward(pass, Hidden(pass, x));
}
