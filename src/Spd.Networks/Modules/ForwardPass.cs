using Spd.Engine.Graphs;

namespace Spd.Networks;

/// <summary>One forward pass of a network through a graph, in which linear maps may be replaced by something else.</summary>
/// <param name="Graph">The graph that the pass adds its operations to.</param>
/// <param name="Replace">What a linear map computes instead, or null to leave that map as it is.</param>
public sealed record ForwardPass(Graph Graph, Func<Linear, Value, Value?>? Replace = null);
