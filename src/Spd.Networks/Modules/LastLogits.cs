using Spd.Engine.Graphs;
using Spd.Engine.Operations;

namespace Spd.Networks;

/// <summary>A transformer of which only the last position of a sequence is asked: its output there is that of the whole sequence. Its parts keep their names.</summary>
public sealed class LastLogits : Module
{
    /// <summary>A transformer, whose parts become those of this module.</summary>
    public LastLogits(Transformer transformer)
    {
        Transformer = transformer;
        foreach (var (name, module) in transformer.Children) Add(name, module);
    }

    /// <summary>The transformer.</summary>
    public Transformer Transformer { get; }

    /// <inheritdoc/>
    public override void Initialise(ulong seed) => Transformer.Initialise(seed);

    /// <summary>The logits <c>[vocabulary, sequences]</c>.</summary>
    /// <param name="pass">The pass it is part of.</param>
    /// <param name="x">Tokens, one row.</param>
    public override Value Forward(ForwardPass pass, Value x) => pass.Graph.Add(new LastPosition(Transformer.Forward(pass, x)));

    /// <summary>The cross-entropy of what follows a sequence. The head reads what is left of the stream then.</summary>
    /// <param name="graph">Where it is described.</param>
    /// <param name="x">Tokens, one row.</param>
    /// <param name="answers">What follows each sequence, the same at all of its positions, as the logits are.</param>
    public Value CrossEntropy(Graph graph, Value x, IExamples answers)
    {
        var pass = new ForwardPass(graph);
        var last = graph.Add(new LastPosition(Transformer.Hidden(pass, x)));
        return graph.CrossEntropy(Transformer.Head.Forward(pass, last), graph.Add(new Examples(answers, Features: 1)));
    }
}
