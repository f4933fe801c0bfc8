using System.Diagnostics;
using Spd.Engine.Cpu;
using Spd.Engine.Execution;
using Spd.Engine.Graphs;
using Spd.Engine.Operations;
using Spd.Engine.Planning;
using Spd.Tests;
using static Spd.Engine.Tests.Samples;

namespace Spd.Engine.Tests.Planning;

public sealed class PlanTests
{
    [Fact]
    public void PhasesTakeTurns()
    {
        var weight = Filled("weight", 4, 3, seed: 1);
        var graph = new Graph();
        var x = graph.Input(3);
        var objective = new Objective(graph);
        objective.Add("loss", graph.SquaredError(graph.MatMul(graph.MatMul(weight, graph.Weight(weight), transposed: true), x), x));
        using var backend = TestBackend.Create();
        Assert.Equal([false, true], backend.Compile(objective, 10).Plan.Phases.Select(phase => phase.IsPanels));
        var plan = backend.Compile(objective, 10, new ParameterSet([weight])).Plan;
        Assert.Equal([false, true, false], plan.Phases.Select(phase => phase.IsPanels));
        Assert.Contains(plan.Phases[0].Operations, operation => operation.Operation is MatMul);
        Assert.Contains(plan.Phases[1].Operations, operation => operation.Operation is Outer);
        Assert.Contains(plan.Phases[2].Operations, operation => operation.Operation is MatMul { IsTransposed: false });
        Assert.All(plan.Phases.Index(), phase => Assert.All(phase.Item.Operations, operation => Assert.Equal(phase.Index, operation.Phase)));
        Assert.Equal(10 * 3 * 3 + 4 * 3 * 3, backend.Compile(objective, 10).Plan.Work.MultiplyAdds);
        Assert.Contains("panels", plan.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(5, 1, 1)]
    [InlineData(300, 1, 1)]
    [InlineData(300, 1, 40)]
    [InlineData(5000, 1, 2)]
    [InlineData(5, 37, 3)]
    public void WhatALaneReadsOfTheWholeBatchIsComplete(int sequences, int length, int threads)
    {
        var batch = new Batch(sequences, length);
        int n = batch.Positions;
        float[] values = Numbers(2 * n, seed: 1);
        var bias = Filled("bias", 2, seed: 2);
        var graph = new Graph();
        var x = graph.Input(2);
        var shifted = graph.AddBias(x, bias);
        // Each lane less the mean of the batch, times a loss, and the deviation again summed over the batch and read once more.
        var centred = graph.Add(new RowAffine(shifted, null, graph.Scale(graph.Add(new RowSum(shifted)), -1.0 / n)));
        var loss = graph.SquaredError(centred, graph.Add(new Scale(centred, null, 0)));
        var scaled = graph.Scale(centred, loss);
        var covariance = graph.Add(new Outer(scaled, shifted));
        var final = graph.MatMul(covariance, x);
        var objective = new Objective(graph);
        objective.Add("variance", loss);
        objective.Add("final", graph.SquaredError(final, x));
        using var backend = TestBackend.Create(threads);
        var program = backend.Compile(objective, batch, keep: [centred, scaled, covariance, final]);
        Assert.Equal([false, true, false, true, false, true], program.Plan.Phases.Select(phase => phase.IsPanels).Take(6));
        program.Set(x, values);

        double[,] y = new double[n, 2], c = new double[n, 2];
        double[] mean = new double[2];
        double variance = 0;
        for (int i = 0; i < n; i++) for (int k = 0; k < 2; k++) mean[k] += (y[i, k] = values[2 * i + k] + bias.Values[k]) / n;
        for (int i = 0; i < n; i++) for (int k = 0; k < 2; k++) variance += Math.Pow(c[i, k] = y[i, k] - mean[k], 2) / (2 * n);
        double[] moments = new double[4];
        for (int i = 0; i < n; i++) for (int k = 0; k < 4; k++) moments[k] += variance * c[i, k / 2] * y[i, k % 2];
        double[] results = [.. Enumerable.Range(0, 2 * n).Select(at => moments[at % 2 * 2] * values[at / 2 * 2] + moments[at % 2 * 2 + 1] * values[at / 2 * 2 + 1])];
        for (int run = 0; run < 3; run++)
        {
            program.Run(0, run);
            Assert.Equal(variance, program.Loss("variance"), 1e-5 * variance);
            Close(c.Cast<double>(), program.Read(centred), what: "centred");
            Close(c.Cast<double>().Select(value => value * variance), program.Read(scaled), what: "scaled");
            Close(moments, program.Read(covariance), 1e-4, "moments");
            Close(results, program.Read(final), 1e-4, "final");
        }
    }

    [Fact]
    public void ALossOfAGradientComesBehindTheLossThatItIsTheGradientOf()
    {
        const int Batch = 300;
        float[] batch = Numbers(3 * Batch, seed: 3);
        Parameter first = Filled("first", 4, 3, seed: 4), second = Filled("second", 3, 4, seed: 5);
        var graph = new Graph();
        var x = graph.Input(3);
        var objective = new Objective(graph);
        var error = graph.SquaredError(graph.MatMul(second, graph.MatMul(first, x)), x);
        var gradient = Derivative.Of(graph, [(error, graph.Number(1))], [x])[x]!;
        objective.Add("error", error);
        objective.Add("gradient", graph.SquaredError(graph.MatMul(first, gradient), graph.MatMul(first, x)));
        objective.Add("power", graph.PowerSum(graph.Add(new Absolute(gradient)), 1));
        using var backend = TestBackend.Create();
        var together = backend.Compile(objective, Batch, new ParameterSet([first]), keep: [gradient]);
        var alone = backend.Compile(new Objective(graph), Batch, keep: [gradient]);
        foreach (var program in new[] { together, alone })
        {
            program.Set(x, batch);
            program.Run(0, 0);
        }

        float[] values = alone.Read(gradient);
        Assert.Contains(values, value => value != 0);
        Assert.Equal(values, together.Read(gradient));
        Assert.Equal(values.Sum(value => Math.Abs((double)value)) / Batch, together.Loss("power"), 1e-6);
        double expected = 0;
        for (int i = 0; i < Batch; i++)
            for (int row = 0; row < 4; row++)
                expected += Math.Pow(Enumerable.Range(0, 3).Sum(k => first[row, k] * ((double)values[3 * i + k] - batch[3 * i + k])), 2) / (4 * Batch);
        Assert.Equal(expected, together.Loss("gradient"), 1e-5 * expected);
    }

    [Theory]
    [InlineData(300, 1)]
    [InlineData(3, 37)]
    public void WhatOneProgramKeepsAnotherTakes(int sequences, int length)
    {
        var batch = new Batch(sequences, length);
        Parameter frozen = Filled("frozen", 6, 3, seed: 1), trained = Filled("trained", 6, 3, seed: 2), wide = Filled("wide", 6, 6, seed: 3);
        var graph = new Graph();
        var x = graph.Input(3);
        var target = graph.Add(new Gelu(graph.MatMul(graph.MatMul(wide, graph.Weight(frozen)), x)));
        var mask = graph.Uniform(6, 3);
        var norms = graph.Scale(graph.Add(new RowSum(target)), 0.01);
        var objective = new Objective(graph);
        objective.Add("error", graph.SquaredError(graph.Multiply(graph.MatMul(trained, x), mask), target), coefficient: new Knots((0, 1), (2, 3)));
        objective.Add("norms", graph.SquaredError(graph.Add(new RowSum(graph.MatMul(trained, x))), norms), coefficient: 0.01);
        var frontier = objective.FrontierOf([trained]);
        Assert.Contains(target, frontier);
        Assert.Contains(norms, frontier);
        Assert.Contains(mask, frontier);
        Assert.DoesNotContain(frontier, value => value.Source is Weight || value.Shape.Domain == Domain.Step);
        using var backend = TestBackend.Create();
        var set = new ParameterSet([trained]);
        var whole = backend.Compile(objective, batch, set, keep: [target]);
        var before = backend.Compile(new Objective(graph), batch, keep: frontier);
        var after = backend.Compile(objective, batch, set, keep: [target], given: before);
        Assert.True(after.Plan.Work.Entries < whole.Plan.Work.Entries && after.Plan.Work.MultiplyAdds < whole.Plan.Work.MultiplyAdds);
        Assert.True(after.Plan.Find(target)!.IsGiven);
        Assert.Equal(0, after.Plan.Work.Uniforms);
        float[] values = Numbers(3 * batch.Positions, seed: 4);
        whole.Set(x, values);
        before.Set(x, values);
        for (int step = 0; step < 3; step++)
        {
            trained.Values.Fill(0.1f * step);
            whole.Run(5, 0);
            if (step == 0) before.Run(5, 0);
            after.Run(5, 0);
            Assert.Equal(whole.Losses.ToArray(), after.Losses.ToArray());
            Assert.Equal(whole.TotalLoss, after.TotalLoss);
            Assert.Equal(whole.Gradients.Of(trained).ToArray(), after.Gradients.Of(trained).ToArray());
            Assert.Equal(whole.Read(target), after.Read(target));
        }
    }

    [Theory]
    [InlineData(300, 1)]
    [InlineData(3, 37)]
    public void WhereAPanelIsTooLargeWhatIsCheapIsComputedAgainWithTheSameBits(int sequences, int length)
    {
        var batch = new Batch(sequences, length);
        var graph = new Graph();
        var x = graph.Input(4);
        var y = x;
        var trained = new List<Parameter>();
        var counted = new List<Value>();
        for (int layer = 0; layer < 4; layer++)
        {
            Parameter v = Filled("v", 20, 4, seed: 4 * layer + 1), u = Filled("u", 20, 4, seed: 4 * layer + 2), w = Filled("w", 20, seed: 4 * layer + 3);
            trained.AddRange([v, u, w]);
            var inner = graph.MatMul(v, y);
            var importance = graph.Add(new LowerLeakyHardSigmoid(graph.RowAffine(inner, w, w)));
            counted.AddRange([graph.Add(new Relu(importance)), importance]);
            var mask = graph.Add(new Interpolate(importance, graph.Uniform(20, (uint)layer)));
            y = graph.MatMul(u, graph.Multiply(inner, mask), transposed: true);
        }

        var objective = new Objective(graph);
        objective.Add("error", graph.SquaredError(y, x));
        using var roomy = TestBackend.Create();
        using var sparing = new CpuBackend(roomy.Threads, TestBackend.KernelName) { LargestPanel = 0 };
        var set = new ParameterSet(trained);
        // Described in front of the gradients, and read behind them.
        _ = objective.GradientsBy(trained);
        var counts = counted.ConvertAll(value => graph.Add(new CountAbove(value, 0.1f)));
        var (kept, again) = (roomy.Compile(objective, batch, set, counts), sparing.Compile(objective, batch, set, counts));
        Assert.True(again.Plan.PanelRows < 0.6 * kept.Plan.PanelRows, $"{again.Plan.PanelRows} rows, {kept.Plan.PanelRows} where nothing is computed again");
        foreach (var kind in new[] { typeof(Uniform), typeof(Interpolate), typeof(Multiply), typeof(RowAffine), typeof(LowerLeakyHardSigmoid) })
            Assert.True(Count(again, kind) > Count(kept, kind), kind.Name);
        Assert.All(again.Plan.Phases.SelectMany(phase => phase.Operations), operation => Assert.Contains(operation.Results, result => result.IsWanted));
        float[] values = Numbers(4 * batch.Positions, seed: 30);
        foreach (var program in new[] { kept, again })
        {
            program.Set(x, values);
            program.Run(5, 0);
        }

        Assert.Equal(kept.Losses.ToArray(), again.Losses.ToArray());
        foreach (var count in counts) Assert.Equal(kept.Read(count), again.Read(count));
        foreach (var parameter in trained) Assert.Equal(kept.Gradients.Of(parameter).ToArray(), again.Gradients.Of(parameter).ToArray());

        static int Count(Program program, Type kind) =>
            program.Plan.Phases.SelectMany(phase => phase.Operations).Count(operation => operation.Operation.GetType() == kind);
    }

    [Fact]
    public void ThreeThousandOperationsArePlannedInFarLessThanSeconds()
    {
        var graph = new Graph();
        var objective = new Objective(graph);
        var parameters = new List<Parameter>();
        var x = graph.Input(8);
        while (graph.Operations.Count < 1100)
        {
            // Passes of two products each, which branch off a trunk that goes on, so that rows live long.
            parameters.Add(new Parameter("trunk", 8, 8));
            x = graph.Plus(x, graph.Relu(graph.MatMul(parameters[^1], x)));
            parameters.Add(new Parameter("branch", 8, 8));
            objective.Add("loss", graph.SquaredError(graph.MatMul(parameters[^1], graph.Add(new Gelu(x))), x));
        }

        objective.GradientsBy(parameters);
        using var backend = TestBackend.Create(threads: 1);
        // Each time a graph that is there; the shortest of three, since others may be at work here.
        double seconds = Enumerable.Range(0, 3).Min(_ =>
        {
            long start = Stopwatch.GetTimestamp();
            var plan = Plan.Of(objective, 4096, backend.TraitsOf, parameters);
            Assert.InRange(plan.Phases.Sum(phase => phase.Operations.Count), 3000, 4000);
            return Stopwatch.GetElapsedTime(start).TotalSeconds;
        });
        Assert.InRange(seconds, 0, 1);
    }

    [Fact]
    public void AProgramOfAnotherBatchGivesNothing()
    {
        var graph = new Graph();
        var x = graph.Input(3);
        var y = graph.Relu(x);
        using var backend = TestBackend.Create();
        var before = backend.Compile(new Objective(graph), 50, keep: [y]);
        var exception = Assert.Throws<ArgumentException>(() => backend.Compile(new Objective(graph), 500, keep: [graph.Scale(y, 2)], given: before));
        Assert.Contains("batch", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ScheduledNumbersChangeTheNumbersAndNotThePlan()
    {
        var scale = new Parameter("scale", 1);
        scale.Values[0] = 2;
        var graph = new Graph();
        var x = graph.Input(1);
        var objective = new Objective(graph);
        var y = graph.RowAffine(x, scale, null);
        objective.Add("power", graph.PowerSum(y, new Knots((0, 2), (10, 1))), coefficient: new Knots((0, 0), (10, 5)));
        using var backend = TestBackend.Create();
        var program = backend.Compile(objective, 1, new ParameterSet([scale]));
        program.Set(x, [3]);
        int operations = graph.Operations.Count;
        foreach (int step in new[] { 0, 1, 5, 10, 100 })
        {
            program.Run(0, step);
            double p = Math.Max(2 - step / 10.0, 1), coefficient = Math.Min(step / 2.0, 5), loss = Math.Pow(6, p);
            Assert.Equal(loss, program.Loss("power"), 1e-5 * loss);
            Assert.Equal(coefficient * loss, program.TotalLoss, 1e-5 * loss);
            Assert.Equal(coefficient * p * Math.Pow(6, p - 1) * 3, program.Gradients.Of(scale)[0], 1e-4 * loss);
        }

        Assert.Equal(operations, graph.Operations.Count);
    }

    [Fact]
    public void KnotsAreStraightLinesThatEndLevel()
    {
        Schedule schedule = new Knots((10, 1), (20, 3), (21, 0));
        Assert.Equal([1, 1, 1.2, 2, 3, 0, 0], new long[] { 0, 10, 11, 15, 20, 21, 1_000_000_000_000 }.Select(schedule.At));
        Assert.Equal(schedule, new Knots((10, 1), (20, 3), (21, 0)));
        Assert.Equal(schedule.GetHashCode(), new Knots((10, 1), (20, 3), (21, 0)).GetHashCode());
        Assert.NotEqual(schedule, new Knots((10, 1), (20, 3)));
        Assert.Equal(7, new Knots((5, 7)).At(0));
        Assert.Equal((Schedule)2.5, new Constant(2.5));
        Assert.Equal(2.5, ((Schedule)2.5).At(long.MaxValue));
        Assert.Equal("2.5", ((Schedule)2.5).ToString());
        Assert.Contains("at step 3 follows one at 4", Assert.Throws<ArgumentException>(() => new Knots((4, 1), (3, 2))).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => new Knots());
        var graph = new Graph();
        Assert.Same(graph.Number(new Knots((0, 1), (1, 2))), graph.Number(new Knots((0, 1), (1, 2))));
        Assert.NotSame(graph.Number(new Knots((0, 1), (1, 2))), graph.Number(new Knots((0, 1), (1, 3))));
    }
}
