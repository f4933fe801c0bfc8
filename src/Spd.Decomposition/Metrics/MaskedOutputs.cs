using Spd.Engine.Execution;
using Spd.Engine.Graphs;
using Spd.Engine.Operations;

namespace Spd.Decomposition;

/// <summary>The outputs of a decomposed network on chosen inputs.</summary>
public static class MaskedOutputs
{
    /// <summary>The outputs with all sites masked, one array for each source of masks.</summary>
    /// <param name="model">The components.</param>
    /// <param name="inputs">Row-major <c>[rows, features]</c>.</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="seed">Seed of random masks.</param>
    /// <param name="backend">What computes them.</param>
    /// <param name="masks">The sources of masks.</param>
    /// <returns>Row-major <c>[rows, outputs]</c> each, in the order of <paramref name="masks"/>.</returns>
    public static IReadOnlyList<float[]> Of(ComponentModel model, float[] inputs, int rows, ulong seed, Backend backend, params IReadOnlyList<MaskSource> masks)
    {
        var graph = new Graph();
        var x = graph.Input(inputs.Length / rows);
        var target = CausalImportance.Build(graph, model, x);
        var outputs = masks.Select(source => model.MaskedForward(graph, x, target.Sites, source)).ToList();
        return backend.Compute(graph, x, inputs, outputs, seed);
    }

    /// <summary>The outputs of the network with some subcomponents scaled in place, everything else whole; see <see cref="ComponentModel.ScaledPass"/>.</summary>
    /// <param name="model">The components.</param>
    /// <param name="inputs">Row-major <c>[rows, features]</c>.</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="backend">What computes them.</param>
    /// <param name="scaled">The subcomponents.</param>
    /// <returns>Row-major <c>[rows, outputs]</c>.</returns>
    /// <exception cref="ArgumentException">A site has no such subcomponent, or one comes twice.</exception>
    public static float[] With(ComponentModel model, float[] inputs, int rows, Backend backend, params IReadOnlyList<ScaledSubcomponents> scaled)
    {
        var graph = new Graph();
        var x = graph.Input(inputs.Length / rows);
        return backend.Compute(graph, x, inputs, [model.Network.Forward(model.ScaledPass(graph, scaled), x)])[0];
    }
}
