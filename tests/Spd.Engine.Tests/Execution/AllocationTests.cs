using Spd.Engine.Graphs;
using Spd.Engine.Operations;
using Spd.Engine.Optimisation;
using Spd.Tests;

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
    [InlineData(5)]
    public void ASteadyTrainingStepAllocatesNothing(int threads)
    {
        Parameter weight = new("weight", 8, 6),
            gateIn = new("in", 8, 4), gateInBias = new("in bias", 8, 4), gateOut = new("out", 8, 4), gateOutBias = new("out bias", 8),
            v = new("v", 5, 3), u = new("u", 5, 2);
        var parameters = new ParameterSet([weight, gateIn, gateInBias, gateOut, gateOutBias, v, u]);
        foreach (var parameter in parameters.Parameters) parameter.Values.Fill(0.1f);
        var graph = new Graph();
        var given = graph.Input(6);
        var grouped = graph.Add(new GroupMinimum(graph.Uniform(6, 1), [[0, 1], [2, 5, 3]]));
        var chosen = graph.Add(new TableRows(new float[9, 6], graph.Uniform(1, 6)));
        var x = graph.Sum([given, graph.Uniform(6, 2), graph.Add(new Smallest(grouped, 2)), chosen]);
        var hidden = graph.MatMul(weight, x);
        var gate = graph.RowMlp(hidden, gateIn, gateInBias, gateOut, gateOutBias);
        var output = graph.MatMul(weight, graph.Add(new Gelu(graph.Multiply(hidden, gate))), transposed: true);
        var objective = new Objective(graph);
        objective.Add("square", graph.SquaredError(output, x), coefficient: new Knots((0, 1), (100, 2), (1000, 3)));
        objective.Add("divergence", graph.Divergence(output, x));
        objective.Add("power", graph.PowerSum(graph.Relu(hidden), new Knots((0, 2), (500, 0.9)), weight));
        objective.Add("weights", graph.SquaredError(graph.MatMul(u, graph.Weight(v), transposed: true), graph.Weight(new Parameter("target", 2, 3))));
        using var backend = TestBackend.Create(threads);
        var program = backend.Compile(objective, 300, parameters, keep: [output, graph.Add(new Maximum(hidden)), graph.Add(new Histogram(gate, 4))]);
        program.Set(given, new float[6 * 300]);
        float[] outputs = new float[6 * 300];
        var optimiser = new Optimiser(
        [
            new ParameterGroup("weights", new ParameterSet([weight, v, u]), new AdamW(0.01), _ => 1e-3, ClipNorm: 1e-3),
            new ParameterGroup("gate in", new ParameterSet([gateIn, gateInBias]), new Ascent(new Sgd(0.9), 0, 1), _ => 1e-3),
            new ParameterGroup("gate out", new ParameterSet([gateOut, gateOutBias]), new Ascent(new SignSgd(), 0, 1), _ => 1e-3),
        ], backend);
        int step = 0;
        long fewest = long.MaxValue;
        // Other threads of the test host may allocate once in a while; a step that allocates does so every time.
        for (int round = 0; round < 6 && fewest > 0; round++)
        {
            long before = GC.GetTotalAllocatedBytes(true), beforeHere = GC.GetAllocatedBytesForCurrentThread();
            for (int i = 0; i < 100; i++)
            {
                program.Run(1, step);
                program.Read(output, outputs);
                optimiser.Step(step++, program.Gradients);
            }

            long here = GC.GetAllocatedBytesForCurrentThread() - beforeHere;
            fewest = Math.Min(fewest, GC.GetTotalAllocatedBytes(true) - before);
            if (round > 0) Assert.Equal(0, here);
        }

        Assert.True(double.IsFinite(program.TotalLoss));
        Assert.Equal(0, fewest);
    }
}
