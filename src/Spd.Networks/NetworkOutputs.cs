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
    /// <returns>Row-major <c>[rows, outputs]</c>.</returns>
    public static float[] Of(Module network, float[] inputs, int rows)
    {
        var graph = new Graph();
        var x = graph.Input(inputs.Length / rows);
        var y = graph.Keep(network.Forward(new ForwardPass(graph), x));
        x.Set(inputs);
        float[] outputs = new float[rows * y.Rows];
        using var pool = new WorkerPool(1);
        var runner = new PanelRunner(graph, rows, pool);
        runner.Run(seed: 0, step: 0, backward: false, observer: workspace => workspace.CopyTo(outputs, y));
        return outputs;
    }
}
