using Spd.Engine.Execution;
using Spd.Engine.Graphs;
using Spd.Engine.Operations;

namespace Spd.Networks;

/// <summary>A network as a plain function.</summary>
public static class NetworkOutputs
{
    /// <summary>The outputs for given inputs.</summary>
    /// <param name="network">The network.</param>
    /// <param name="inputs">Row-major <c>[rows, features]</c>.</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="backend">What computes them.</param>
    /// <returns>Row-major <c>[rows, outputs]</c>.</returns>
    public static float[] Of(Module network, float[] inputs, int rows, Backend backend)
    {
        var graph = new Graph();
        var x = graph.Input(inputs.Length / rows);
        return backend.Compute(graph, x, inputs, [network.Forward(new ForwardPass(graph), x)])[0];
    }
}
