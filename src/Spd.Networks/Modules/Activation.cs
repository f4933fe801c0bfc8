using Spd.Engine.Graphs;

namespace Spd.Networks;

/// <summary>An activation function, entry by entry.</summary>
/// <param name="name">The function.</param>
public sealed class Activation(ActivationName name) : Module
{
    /// <summary>The function.</summary>
    public ActivationName Name => name;

    public override Value Forward(ForwardPass pass, Value x) => pass.Graph.Activate(name, x);
}
