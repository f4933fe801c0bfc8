using Spd.Engine;
using Spd.Engine.Cpu;
using Spd.Engine.Graphs;
using Spd.Engine.Operations;
using Spd.Engine.Optimisation;

namespace Spd.Extension.Tests;

/// <summary>An update rule of its own, Lion (Chen et al., 2023), written against the public surface alone.</summary>
public sealed class LionTests
{
    private const int Features = 200, Outputs = 100, Rows = 256, Steps = 1500;

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void ItTrainsToTheKnownMatrix(int threads)
    {
        var (parameter, target, optimiser) = Train(threads, Steps);
        // The rate falls from 0.02 to 1e-5, while the momentum forgets within hundreds of steps: it ends within a few of the last ones.
        Assert.True(Distance(parameter, target) < 1e-3, $"{Distance(parameter, target)}");
        var momentum = Assert.Single(optimiser.State, array => array.Name == "0000.weight.momentum").Values;
        Assert.Equal(parameter.Count, momentum.Length);
        Assert.NotEqual(0, momentum.Span[^1]);
    }

    [Fact]
    public void ThreadsChangeNoBit() => Assert.Equal(Train(1, 20).Parameter.Values.ToArray(), Train(3, 20).Parameter.Values.ToArray());

    /// <summary>One step in numbers: values ← values − rate (sign(β₁ m + (1 − β₁) g) + decay · values), m ← β₂ m + (1 − β₂) g, with m zero at first.</summary>
    [Fact]
    public void ItsFirstStepIsAsLongAsTheRate()
    {
        var (parameter, target, optimiser) = Train(1, 1);
        for (int i = 0; i < parameter.Count; i++) Assert.Equal(0.02f * MathF.Sign(target.Values[i]), parameter.Values[i]);
        Assert.All(optimiser.State[1].Values.ToArray(), momentum => Assert.NotEqual(0, momentum));
    }

    private static (Parameter Parameter, Parameter Target, Optimiser Optimiser) Train(int threads, int steps)
    {
        Parameter weight = new("weight", Outputs, Features), target = new("target", Outputs, Features);
        new RandomSequence(3, stream: 1).FillUniform(target.Values, 0.1, 0.5);
        for (int i = 0; i < target.Count; i += 2) target.Values[i] *= -1;
        var graph = new Graph();
        var objective = new Objective(graph);
        objective.Add("error", graph.SquaredError(graph.Weight(weight), graph.Weight(target)));
        using var backend = new CpuBackend(threads);
        var trained = new ParameterSet([weight]);
        var program = backend.Compile(objective, Rows, trained);
        var optimiser = new Optimiser([new ParameterGroup("all", trained, new Lion(), step => 0.02 * Math.Pow(5e-4, step / (Steps - 1.0)))], backend);
        for (int step = 0; step < steps; step++)
        {
            program.Run(seed: 1, step);
            optimiser.Step(step, program.Gradients);
        }

        return (weight, target, optimiser);
    }

    private static double Distance(Parameter a, Parameter b) =>
        a.Values.ToArray().Zip(b.Values.ToArray(), (x, y) => Math.Abs((double)x - y)).Max();

    private sealed record Lion(double Beta1 = 0.9, double Beta2 = 0.99, double WeightDecay = 0) : IUpdateRule
    {
        public IReadOnlyList<string> State { get; } = ["momentum"];

        public void Step(long step, double rate, Stretch stretch)
        {
            Span<float> values = stretch.Values, momentum = stretch.State(0);
            for (int i = 0; i < stretch.Length; i++)
            {
                double gradient = stretch.Gradient[i];
                int sign = Math.Sign(Beta1 * momentum[i] + (1 - Beta1) * gradient);
                values[i] -= (float)(rate * (sign + WeightDecay * values[i]));
                momentum[i] = (float)(Beta2 * momentum[i] + (1 - Beta2) * gradient);
            }
        }
    }
}
