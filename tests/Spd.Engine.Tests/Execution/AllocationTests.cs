using Spd.Engine.Execution;
using Spd.Engine.Graphs;
using Spd.Engine.Operations;
using Spd.Engine.Optimisation;

namespace Spd.Engine.Tests.Execution;

/// <summary>Runs alone, so that nobody else's allocations are counted.</summary>
[CollectionDefinition(nameof(AllocationTests), DisableParallelization = true)]
public sealed class RunsAlone;

[Collection(nameof(AllocationTests))]
public sealed class AllocationTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void ASteadyTrainingStepAllocatesNothing(int threads)
    {
        Parameter weight = new("weight", 8, 6),
            gateIn = new("in", 8, 4), gateInBias = new("in bias", 8, 4), gateOut = new("out", 8, 4), gateOutBias = new("out bias", 8),
            v = new("v", 5, 3), u = new("u", 5, 2);
        var parameters = new ParameterSet([weight, gateIn, gateInBias, gateOut, gateOutBias, v, u]);
        foreach (var parameter in parameters.Parameters) parameter.Values.Fill(0.1f);
        var graph = new Graph(parameters);
        var given = graph.Input(6);
        given.Set(new float[6 * 600]);
        var x = graph.Sum(given, graph.Uniform(6, new StreamId(StreamPurpose.FeatureValues)));
        var hidden = graph.Product(weight, x);
        var gate = graph.Add(new GateNode(hidden, gateIn, gateInBias, gateOut, gateOutBias));
        var output = graph.Product(weight, graph.Map(default(Gelu), graph.Multiply(hidden, gate)), transposed: true);
        graph.AddLoss("square", new SquaredErrorLoss(output, x));
        graph.AddLoss("divergence", new KullbackLeiblerLoss(output, x));
        graph.AddLoss("power", new PowerSumLoss(graph.Relu(hidden), 0.9f, weight));
        graph.AddLoss("weights", new FactorizationError(new float[6], v, u, 6));
        using var pool = new WorkerPool(threads);
        var runner = new PanelRunner(graph, 600, pool);
        var optimiser = new Optimiser(
        [
            new ParameterGroup("weights", new ParameterSet([weight, v, u]), new AdamW(0.01), _ => 1e-3, ClipNorm: 1e-3),
            new ParameterGroup("gate in", new ParameterSet([gateIn, gateInBias]), new Ascent(new Sgd(0.9), 0, 1), _ => 1e-3),
            new ParameterGroup("gate out", new ParameterSet([gateOut, gateOutBias]), new Ascent(new SignSgd(), 0, 1), _ => 1e-3),
        ]);
        int step = 0;
        long fewest = long.MaxValue;
        // Other threads of the test host may allocate once in a while; a step that allocates does so every time.
        for (int round = 0; round < 6 && fewest > 0; round++)
        {
            long before = GC.GetTotalAllocatedBytes(true), beforeHere = GC.GetAllocatedBytesForCurrentThread();
            for (int i = 0; i < 100; i++)
            {
                runner.Run(1, step);
                optimiser.Step(step++, runner.Gradients, pool);
            }

            long here = GC.GetAllocatedBytesForCurrentThread() - beforeHere;
            fewest = Math.Min(fewest, GC.GetTotalAllocatedBytes(true) - before);
            if (round > 0) Assert.Equal(0, here);
        }

        Assert.True(double.IsFinite(runner.TotalLoss));
        Assert.Equal(0, fewest);
    }
}
