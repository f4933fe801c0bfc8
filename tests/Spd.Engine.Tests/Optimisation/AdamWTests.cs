using Spd.Engine.Execution;
using Spd.Engine.Graphs;
using Spd.Engine.Operations;
using Spd.Engine.Optimisation;

namespace Spd.Engine.Tests.Optimisation;

public sealed class AdamWTests
{
    [Theory]
    [InlineData(0.0)]
    [InlineData(0.01)]
    [InlineData(0.5)]
    public void ManyStepsFollowTheReferenceForEverySize(double decay)
    {
        Parameter[] parameters =
        [
            .. new[] { (1, 1), (3, 1), (5, 3), (16, 1), (31, 1), (4, 16), (7, 19) }
                .Select(shape => new Parameter($"p{shape.Item1}", shape.Item1, shape.Item2)),
        ];
        var reference = parameters.Select(parameter => new Reference(parameter.Count)).ToArray();
        var random = new Random(4);
        for (int p = 0; p < parameters.Length; p++)
        {
            for (int i = 0; i < parameters[p].Count; i++)
            {
                float value = 2 * random.NextSingle() - 1;
                parameters[p].Values[i] = value;
                reference[p].Values[i] = value;
            }
        }

        using var gradients = new GivenGradients(parameters);
        var optimiser = new AdamW(gradients.Set, decay);
        for (int step = 1; step <= 300; step++)
        {
            double lr = 0.01 * (1 - step / 400.0);
            for (int p = 0; p < parameters.Length; p++)
            {
                var gradient = gradients.Of(parameters[p]);
                // Magnitudes from 1e-6 to 10, and zeros, as in a network whose parts train at different speeds.
                for (int i = 0; i < gradient.Length; i++) gradient[i] = i % 5 == 4 ? 0 : (float)((random.NextDouble() - 0.4) * Math.Pow(10, i % 8 - 6));
                reference[p].Step(gradient, step, lr, decay);
            }

            optimiser.Step(gradients.Gradients, lr);
        }

        Assert.Equal(300, optimiser.Steps);
        for (int p = 0; p < parameters.Length; p++)
            for (int i = 0; i < parameters[p].Count; i++)
                Assert.Equal(reference[p].Values[i], parameters[p].Values[i], 3e-5);
    }

    [Fact]
    public void TheFirstStepMovesByTheLearningRate()
    {
        var parameter = new Parameter("parameter", 3);
        using var gradients = new GivenGradients([parameter]);
        var optimiser = new AdamW(gradients.Set);
        new[] { 5f, -0.001f, 0f }.CopyTo(gradients.Of(parameter));
        optimiser.Step(gradients.Gradients, 0.25);
        Assert.Equal(-0.25, parameter.Values[0], 1e-6);
        Assert.Equal(0.25, parameter.Values[1], 1e-5);
        Assert.Equal(0, parameter.Values[2]);
    }

    [Fact]
    public void ParametersThatShareMemoryAreSteppedEachWithItsOwnMoments()
    {
        var owner = new Parameter("owner", 5, 3);
        var tied = Parameter.SharingMemoryWith(owner, "tied");
        Reference first = new(15), second = new(15);
        using var gradients = new GivenGradients([owner, tied]);
        var optimiser = new AdamW(gradients.Set, 0.1);
        var random = new Random(8);
        for (int step = 1; step <= 50; step++)
        {
            for (int i = 0; i < 15; i++)
            {
                gradients.Of(owner)[i] = random.NextSingle() - 0.3f;
                gradients.Of(tied)[i] = 10 * (random.NextSingle() - 0.8f);
            }

            optimiser.Step(gradients.Gradients, 0.01);
            first.Step(gradients.Of(owner), step, 0.01, 0.1);
            first.Values.CopyTo(second.Values, 0);
            second.Step(gradients.Of(tied), step, 0.01, 0.1);
            second.Values.CopyTo(first.Values, 0);
        }

        for (int i = 0; i < 15; i++)
        {
            Assert.Equal(first.Values[i], owner.Values[i], 1e-5);
            Assert.Equal(owner.Values[i], tied.Values[i]);
        }
    }

    [Fact]
    public void ThreadsChangeNoBit()
    {
        using var pool = new WorkerPool(3);
        var results = new[] { null, pool }.Select(threads =>
        {
            var owner = new Parameter("owner", 300, 211);
            Parameter[] parameters = [owner, new Parameter("between", 77, 3), Parameter.SharingMemoryWith(owner, "tied")];
            var random = new Random(9);
            using var gradients = new GivenGradients(parameters);
            var optimiser = new AdamW(gradients.Set, 0.01);
            for (int step = 0; step < 5; step++)
            {
                foreach (var parameter in parameters)
                    foreach (ref float value in gradients.Of(parameter)) value = random.NextSingle() - 0.5f;
                optimiser.Step(gradients.Gradients, 0.01, threads);
            }

            return parameters.SelectMany(parameter => parameter.Values.ToArray()).ToArray();
        }).ToList();
        Assert.Equal(results[0], results[1]);
        Assert.DoesNotContain(0f, results[0]);
    }

    [Fact]
    public void AParameterNamedTwiceIsSteppedOnce()
    {
        var parameter = new Parameter("parameter", 2);
        using var gradients = new GivenGradients([parameter, parameter]);
        var optimiser = new AdamW(gradients.Set);
        gradients.Of(parameter).Fill(1);
        optimiser.Step(gradients.Gradients, 0.5);
        Assert.Equal(-0.5, parameter.Values[0], 1e-6);
    }

    [Fact]
    public void NoParametersAreNoWork()
    {
        using var gradients = new GivenGradients([]);
        var optimiser = new AdamW(gradients.Set);
        optimiser.Step(gradients.Gradients, 0.5);
        Assert.Equal(1, optimiser.Steps);
    }

    /// <summary>AdamW in double precision, as PyTorch documents it.</summary>
    private sealed class Reference(int count)
    {
        private readonly double[] _first = new double[count], _second = new double[count];

        public double[] Values { get; } = new double[count];

        public void Step(ReadOnlySpan<float> gradient, int step, double lr, double decay)
        {
            for (int i = 0; i < count; i++)
            {
                Values[i] *= 1 - lr * decay;
                _first[i] = 0.9 * _first[i] + 0.1 * gradient[i];
                _second[i] = 0.999 * _second[i] + 0.001 * gradient[i] * gradient[i];
                Values[i] -= lr * (_first[i] / (1 - Math.Pow(0.9, step))) / (Math.Sqrt(_second[i] / (1 - Math.Pow(0.999, step))) + 1e-8);
            }
        }
    }

    /// <summary>Gradients written by the test.</summary>
    private sealed class GivenGradients : IDisposable
    {
        private readonly WorkerPool _pool = new(1);
        private readonly PanelRunner _runner;

        public GivenGradients(Parameter[] parameters)
        {
            Set = new ParameterSet(parameters);
            var graph = new Graph(Set);
            graph.Keep(graph.Uniform(1, new StreamId(StreamPurpose.FeatureValues)));
            _runner = new PanelRunner(graph, 1, _pool);
        }

        public ParameterSet Set { get; }

        public ParameterGradients Gradients => _runner.Gradients;

        public Span<float> Of(Parameter parameter) => Gradients.Of(parameter);

        public void Dispose() => _pool.Dispose();
    }
}
