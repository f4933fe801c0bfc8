using Spd.Engine.Graphs;

namespace Spd.Networks;

/// <summary>One forward pass of a network through a graph, in which linear maps may be replaced by something else.</summary>
/// <param name="Graph">The graph that the pass adds its operations to.</param>
/// <param name="Replace">What a linear map computes instead, or null to leave that map as it is.</param>
/// <param name="Continued">The text that the pass computes a part of, or null where its sequences are whole.</param>
public sealed record ForwardPass(Graph Graph, Func<Linear, Value, Value?>? Replace = null, ContinuedText? Continued = null);

/// <summary>A text that a transformer computes part by part: a pass reads keys and values of earlier positions, which are kept from run to run.</summary>
/// <param name="Positions">The position of each lane in the text, one row: one after the other.</param>
/// <param name="Longest">Positions that keys and values are kept of.</param>
public sealed record ContinuedText(Value Positions, int Longest);
