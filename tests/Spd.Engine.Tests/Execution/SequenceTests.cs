using Spd.Engine.Graphs;
using Spd.Engine.Operations;
using Spd.Engine.Planning;
using Spd.Tests;
using static Spd.Engine.Tests.Samples;

namespace Spd.Engine.Tests.Execution;

/// <summary>Batches of sequences, and what is counted over a batch.</summary>
public sealed class SequenceTests
{
    private const int Features = 3;
    private static readonly int[] Threads = [1, 2, 3, 8];

    public static TheoryData<int, int> Shapes => new() { { 1, 1 }, { 40, 3 }, { 5, 37 }, { 70, 32 }, { 3, 200 } };

    [Theory]
    [MemberData(nameof(Shapes))]
    public void SumsAndMeansAreThoseOfEachSequence(int sequences, int length)
    {
        float[] x = Numbers(sequences * length * Features, seed: 1);
        foreach (int threads in Threads)
        {
            var graph = new Graph();
            var input = graph.Input(Features);
            Value sum = graph.Add(new SequenceSum(input)), mean = graph.Add(new SequenceSum(input, IsMean: true));
            using var backend = TestBackend.Create(threads);
            var program = backend.Compile(new Objective(graph), new Batch(sequences, length), keep: [sum, mean]);
            program.Set(input, x);
            program.Run(0, 0);
            double[] expected = [.. Enumerable.Range(0, x.Length).Select(i => Enumerable.Range(0, length)
                .Sum(position => (double)x[(i / Features / length * length + position) * Features + i % Features]))];
            Close(expected, program.Read(sum));
            Close(expected.Select(value => value / length), program.Read(mean));
        }
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void UniformNumbersOfASequenceAreOneInAllOfItsLanes(int sequences, int length)
    {
        const uint stream = 1;
        float[] perRow = Drawn(sequences, new Uniform(Features, stream), threads: 1);
        foreach (int threads in Threads)
        {
            // Sequence s has the numbers that row s of a batch of rows has.
            float[] drawn = Drawn(new Batch(sequences, length), new Uniform(Features, stream, Domain.Sequence), threads);
            for (int i = 0; i < drawn.Length; i++) Assert.Equal(perRow[i / Features / length * Features + i % Features], drawn[i]);
        }

        Assert.Equal(perRow.Length, perRow.Distinct().Count());

        static float[] Drawn(Batch batch, Uniform uniform, int threads)
        {
            var graph = new Graph();
            var numbers = graph.Add(uniform);
            using var backend = TestBackend.Create(threads);
            var program = backend.Compile(new Objective(graph), batch, keep: [numbers]);
            program.Run(seed: 5, step: 2);
            return program.Read(numbers);
        }
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void TheNumberOfThreadsChangesNoBitOfAStepOverSequences(int sequences, int length)
    {
        double[]? expected = null;
        foreach (int threads in Threads)
        {
            var weight = Filled("weight", Features, Features, seed: 2);
            var graph = new Graph();
            var x = graph.Input(Features);
            var mixed = graph.Multiply(graph.MatMul(weight, x), graph.Add(new Uniform(Features, 3, Domain.Sequence)));
            var objective = new Objective(graph);
            objective.Add("error", graph.SquaredError(graph.Plus(mixed, graph.Add(new SequenceSum(graph.Relu(mixed), IsMean: true))), x));
            using var backend = TestBackend.Create(threads);
            var program = backend.Compile(objective, new Batch(sequences, length), new ParameterSet([weight]));
            program.Set(x, Numbers(sequences * length * Features, seed: 3));
            program.Run(seed: 1, step: 0);
            double[] results = [program.TotalLoss, .. program.Gradients.Of(weight).ToArray().Select(value => (double)value)];
            expected ??= results;
            Assert.All(results, value => Assert.True(value != 0 && double.IsFinite(value)));
            SameBits(expected, results);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(8)]
    public void AMaximumIsTheLargestNumberAndNaNWhereThereIsOne(int threads)
    {
        const int Rows = 5000;
        foreach (int at in new[] { 0, 1, 127, 128, 2600, Rows - 1 })
        {
            // All numbers are negative, so that neither padding nor a sum's zero may count; only the second feature has a NaN.
            float[] x = Numbers(Rows * Features, seed: 6, low: -2, high: -1);
            x[at * Features + 1] = float.NaN;
            var graph = new Graph();
            var input = graph.Input(Features);
            using var backend = TestBackend.Create(threads);
            float[] largest = backend.Compute(graph, input, x, [graph.Add(new Maximum(input))])[0];
            Assert.True(float.IsNaN(largest[1]), $"the NaN of row {at} is lost");
            foreach (int feature in new[] { 0, 2 }) Assert.Equal(Enumerable.Range(0, Rows).Max(row => x[row * Features + feature]), largest[feature]);
        }
    }
}
