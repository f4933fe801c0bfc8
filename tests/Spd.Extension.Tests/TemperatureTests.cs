using Spd.Engine;
using Spd.Engine.Cpu;
using Spd.Engine.Graphs;
using Spd.Engine.Operations;
using Spd.Engine.Planning;

namespace Spd.Extension.Tests;

/// <summary>An operation of its own, <c>y = x · exp(t)</c> with t learnt, written against the public surface alone.</summary>
public sealed class TemperatureTests
{
    private const int Features = 3, Rows = 300;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(40)]
    public void ItTrainsToTheKnownTemperature(int threads)
    {
        var (program, t) = Compile(threads, Rows);
        for (int step = 0; step < 300; step++)
        {
            program.Run(seed: 1, step);
            t.Values[0] -= 0.2f * program.Gradients.Of(t)[0];
        }

        Assert.Equal(Math.Log(2.5), t.Values[0], 1e-4);
        Assert.True(program.TotalLoss < 1e-6);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(37)]
    [InlineData(300)]
    public void ItsGradientIsThatOfFiniteDifferences(int rows)
    {
        var (program, t) = Compile(threads: 2, rows);
        program.Run(1, 0);
        double gradient = program.Gradients.Of(t)[0];
        const float Step = 1f / 128;
        t.Values[0] = 0.3f + Step;
        program.Run(1, 0);
        double above = program.TotalLoss;
        t.Values[0] = 0.3f - Step;
        program.Run(1, 0);
        Assert.Equal((above - program.TotalLoss) / (2 * Step), gradient, 2e-3 * Math.Abs(gradient));
    }

    [Fact]
    public void EqualOnesAreOneAndThePlanTellsOfIt()
    {
        var graph = new Graph();
        var t = graph.Weight(new Parameter("t", 1));
        var x = graph.Input(Features);
        Assert.Same(graph.Add(new Temperature(x, t)), graph.Add(new Temperature(x, t)));
        Assert.Equal(3, graph.Operations.Count);
        var (program, _) = Compile(1, Rows);
        Assert.Contains(program.Plan.Phases.SelectMany(phase => phase.Operations), operation => operation.Operation is TemperatureGradient);
        Assert.Contains("panels", program.Plan.ToString(), StringComparison.Ordinal);
    }

    private static (Engine.Execution.Program Program, Parameter T) Compile(int threads, int rows)
    {
        var t = new Parameter("t", 1);
        t.Values[0] = 0.3f;
        var graph = new Graph();
        var x = graph.Uniform(Features, 2);
        var objective = new Objective(graph);
        objective.Add("error", graph.SquaredError(graph.Add(new Temperature(x, graph.Weight(t))), graph.Scale(x, 2.5)));
        var backend = new CpuBackend(threads).Add(new TemperatureKernel()).Add(new TemperatureGradientKernel());
        return (backend.Compile(objective, rows, new ParameterSet([t])), t);
    }

    private sealed record Temperature(Value X, Value T) : Operation
    {
        public override IReadOnlyList<Value> Inputs => [X, T];

        public override IReadOnlyList<Shape> Results => [X.Shape];

        protected override void Differentiate(Derivative of, IReadOnlyList<Value?> d)
        {
            of.Add(X, of.Graph.Add(new Temperature(d[0]!, T)));
            if (of.Wants(T)) of.Add(T, of.Graph.Add(new TemperatureGradient(of.Graph.Add(this), d[0]!)));
        }
    }

    /// <summary><c>dt = Σ y dy</c>.</summary>
    private sealed record TemperatureGradient(Value Y, Value Dy) : Operation
    {
        public override IReadOnlyList<Value> Inputs => [Y, Dy];

        public override IReadOnlyList<Shape> Results => [new(Domain.Weights, 1)];
    }

    private sealed class TemperatureKernel : CpuKernel<Temperature>
    {
        public override Traits TraitsOf(Temperature operation) => new() { Overwrites = 0b1, SplitsByRows = true };

        public override void Run(Temperature operation, in Call call)
        {
            float factor = MathF.Exp(call.Input(1)[0]);
            var x = call.Input(0);
            var y = call.Result(0);
            for (int row = call.FirstRow; row < call.FirstRow + call.Rows; row++)
                for (int lane = row * call.Stride; lane < row * call.Stride + call.Lanes; lane++) y[lane] = factor * x[lane];
        }
    }

    private sealed class TemperatureGradientKernel : CpuKernel<TemperatureGradient>
    {
        public override void Run(TemperatureGradient operation, in Call call)
        {
            ReadOnlySpan<float> y = call.Input(0), dy = call.Input(1), mask = call.LaneMask;
            double sum = 0;
            for (int row = 0; row < call.Rows; row++)
                for (int lane = 0; lane < call.Lanes; lane++) sum += (double)mask[lane] * y[row * call.Stride + lane] * dy[row * call.Stride + lane];
            call.Result(0)[0] += (float)sum;
        }
    }
}
