using Spd.Engine.Operations;
using Spd.Engine.Graphs;
using Spd.Engine.Kernels;

namespace Spd.Networks;

/// <summary>An activation function, entry by entry: <c>Activation&lt;Relu&gt;</c>, <c>Activation&lt;Gelu&gt;</c>, or one of the caller's own.</summary>
/// <typeparam name="TFunction">The function.</typeparam>
/// <param name="function">Its parameters, where it has any.</param>
public sealed class Activation<TFunction>(TFunction function = default) : Module
    where TFunction : struct, IUnaryFunction
{
    public override Value Forward(ForwardPass pass, Value x) => pass.Graph.Map(function, x);
}
