using Spd.Engine.Execution;
using Spd.Engine.Graphs;
using Spd.Engine.Operations;
using Spd.Networks;
using Spd.Networks.Data;

namespace Spd.Runs.Targets;

/// <summary>What induction heads do.</summary>
internal sealed record InductionReport
{
    // Sequences that training does not draw: its seeds are far from this one.
    private const ulong Seed = 0x1D0C_7105;
    private const int BatchSize = 256, Batches = 16;

    /// <summary>Sequences that are measured.</summary>
    public const int Sequences = BatchSize * Batches;

    /// <summary>The share of fresh sequences that a network answers rightly.</summary>
    public static double AccuracyOf(Module network, InductionSequences sequences, Backend backend)
    {
        var graph = new Graph();
        var x = sequences.Build(graph);
        var answers = graph.Add(new Examples(sequences.Labels, Features: 1));
        var logits = network.Forward(new ForwardPass(graph), x);
        var program = backend.Compile(new Objective(graph), sequences.BatchOf(BatchSize), keep: [logits, answers]);
        return Enumerable.Range(0, Batches).Average(batch =>
        {
            program.Run(Seed, batch);
            int[] labels = [.. program.Read(answers).Select(answer => (int)answer)];
            return Accuracy.Of(program.Read(logits), labels);
        });
    }
}
