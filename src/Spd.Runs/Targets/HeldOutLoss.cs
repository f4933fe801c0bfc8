using Spd.Engine.Execution;
using Spd.Engine.Graphs;
using Spd.Engine.Operations;
using Spd.Networks;
using Spd.Text;

namespace Spd.Runs.Targets;

/// <summary>A language model's cross-entropy on sequences that it was not trained on.</summary>
internal sealed class HeldOutLoss
{
    private readonly Program _program;
    private readonly int _batches;

    /// <summary>Prepares the measurement, always of the same sequences.</summary>
    /// <param name="network">The model, measured with the weights that it has by then.</param>
    /// <param name="heldOut">The sequences.</param>
    /// <param name="most">How many are measured at most.</param>
    /// <param name="atOnce">How many at a time; of the others there are as many as make whole batches.</param>
    /// <param name="backend">What computes.</param>
    public HeldOutLoss(Transformer network, TokenSequences heldOut, int most, int atOnce, Backend backend)
    {
        int tried = (int)Math.Min(heldOut.Count, most), batch = Math.Min(tried, atOnce);
        (_batches, Sequences) = (tried / batch, tried / batch * batch);
        var data = TextSequences.DataOf(heldOut);
        var graph = new Graph();
        var tokens = data.Build(graph);
        var objective = new Objective(graph);
        objective.Add("cross-entropy", graph.CrossEntropy(network.Forward(new ForwardPass(graph), tokens), tokens, isUnembeddingFixed: true));
        _program = backend.Compile(objective, data.BatchOf(batch));
    }

    /// <summary>How many sequences are measured.</summary>
    public int Sequences { get; }

    /// <summary>Measures.</summary>
    /// <returns>Nats a token.</returns>
    public double Measure()
    {
        double sum = 0;
        for (int i = 0; i < _batches; i++)
        {
            _program.Run(seed: 0, step: i);
            sum += _program.TotalLoss;
        }

        return sum / _batches;
    }
}
