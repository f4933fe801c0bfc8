using System.Collections.Concurrent;
using Spd.Engine.Cpu;
using Spd.Engine.Graphs;
using Spd.Engine.Operations;
using Spd.Engine.Planning;
using Spd.Tests;
using static Spd.Engine.Tests.Samples;

namespace Spd.Engine.Tests.Execution;

/// <summary>What a kernel may count on, in panels and on matrices, and what plans count on of all built-in ones.</summary>
public sealed class KernelTests
{
    [Theory]
    [InlineData(1, 1)]
    [InlineData(97, 1)]
    [InlineData(2, 37)]
    public void BlocksOfRowsHaveTheBitsOfTheWhole(int sequences, int length)
    {
        double[] whole = Run(1, 48);
        foreach (int rows in new[] { 1, 3, 8, 48 }) SameBits(whole, Run(2, rows));

        // One leaf: a thread alone runs every instruction of the panels whole, and two share it.
        double[] Run(int threads, int blockRows)
        {
            using var backend = new CpuBackend(threads, TestBackend.KernelName) { BlockRows = blockRows };
            var batch = new Batch(sequences, length);
            var (objective, trained, keep) = AllOperations(batch);
            var program = backend.Compile(objective, batch, new ParameterSet(trained), keep);
            Assert.Equal(1, program.Plan.Leaves);
            program.Run(1, 2);
            return [.. program.Losses, .. keep.SelectMany(program.Read), .. trained.SelectMany(parameter => program.Gradients.Of(parameter).ToArray())];
        }
    }

    [Fact]
    public void EveryOperationIsAmongThem()
    {
        var (objective, trained, keep) = AllOperations(10);
        using var backend = TestBackend.Create();
        var planned = backend.Compile(objective, 10, new ParameterSet(trained), keep).Plan.Phases.SelectMany(phase => phase.Operations);
        // What keeps something of one sequence takes no batch of several; CachedAttentionTests has it.
        var seen = planned.Select(operation => Kind(operation.Operation.GetType())).Append(typeof(Input)).Append(typeof(CachedAttention)).ToHashSet();
        Assert.Empty(typeof(Operation).Assembly.GetTypes().Where(type => type.IsSubclassOf(typeof(Operation)) && !type.IsAbstract).Select(Kind).Except(seen));

        // Functions of entries are one kind.
        static Type Kind(Type type) => type.BaseType == typeof(Operation) ? type : type.BaseType!;
    }

    [Theory]
    [InlineData(10, 1)]
    [InlineData(5, 37)]
    public void PaddingIsFinite(int sequences, int length)
    {
        var batch = new Batch(sequences, length);
        var (objective, trained, _) = AllOperations(batch);
        var graph = objective.Graph;
        objective.GradientsBy(trained);
        var values = graph.Operations.SelectMany(graph.ResultsOf).Where(value => value.Shape.Domain != Domain.Step).ToList();
        var kernel = new FiniteKernel();
        using var backend = TestBackend.Create().Add(kernel);
        var program = backend.Compile(new Objective(graph), batch, keep: [.. values.Select(value => graph.Add(new Finite(value)))]);
        program.Run(1, 2);
        Assert.Empty(kernel.Found.Select(value => $"{value.Source}"));
        Assert.Equal(values.Count, kernel.Seen.Distinct().Count());
    }

    [Theory]
    [InlineData(1, 3)]
    [InlineData(70, 1)]
    [InlineData(70, 40)]
    public void OnAMatrixAStrangersKernelRunsAsOnAPanel(int rows, int columns)
    {
        float[] numbers = Numbers(rows * columns, seed: 1);
        var vector = Filled("vector", rows, seed: 2);
        foreach (int threads in new[] { 1, 3 })
        {
            var graph = new Graph();
            using var backend = new CpuBackend(threads, TestBackend.KernelName) { BlockRows = 8 }.Add(new RowsTimesKernel()).Add(new RowsTimesSumKernel());
            foreach (bool isPanel in new[] { true, false })
            {
                // A panel's lanes are the rows of its batch, so that it is given as the transpose.
                var x = graph.Add(new Input(isPanel ? new Shape(Domain.Lane, rows) : new Shape(Domain.Weights, rows, columns)));
                var y = graph.Add(new RowsTimes(x, graph.Weight(vector)));
                var sum = graph.Add(new RowsTimesSum(y, graph.Weight(vector)));
                var program = backend.Compile(new Objective(graph), columns, keep: [y, sum]);
                program.Set(x, isPanel ? Transposed(numbers) : numbers);
                for (int run = 0; run < 2; run++)
                {
                    program.Run(0, 0);
                    float[] read = program.Read(y);
                    double total = 0;
                    for (int row = 0; row < rows; row++)
                    {
                        for (int column = 0; column < columns; column++)
                        {
                            float expected = vector.Values[row] * numbers[row * columns + column];
                            Assert.Equal(expected, read[isPanel ? column * rows + row : row * columns + column]);
                            total += (double)vector.Values[row] * expected;
                        }
                    }

                    Assert.Equal(total, program.Read(sum)[0], 1e-5 * Math.Max(1, Math.Abs(total)));
                }
            }
        }

        float[] Transposed(float[] matrix) => [.. Enumerable.Range(0, matrix.Length).Select(i => matrix[i % rows * columns + i / rows])];
    }

    [Fact]
    public void CountsAndChoicesOnAMatrixAreThoseOfItsColumns()
    {
        var graph = new Graph();
        var matrix = Matrix("matrix", 2, 3, 0.1f, 0.6f, 0.7f, -0.9f, -0.2f, -0.3f);
        var vector = Matrix("vector", 3, 1, 3, 1, 2);
        Value x = graph.Weight(matrix), v = graph.Weight(vector);
        Value[] values =
        [
            graph.Add(new CountAbove(x, 0.5f)), graph.Add(new Maximum(x)), graph.Add(new Histogram(x, 2)), graph.Add(new RowSum(v)), graph.Add(new RowDot(v, v)),
            graph.Add(new Smallest(v, 1)), graph.Add(new GroupMinimum(v, [[0, 2]])), graph.Add(new RepeatRows(v, 2)),
        ];
        using var backend = TestBackend.Create();
        var program = backend.Compile(new Objective(graph), 1, keep: values);
        float[][] expected = [[2, 0], [0.7f, -0.2f], [1, 2, 3, 0], [3, 1, 2], [9, 1, 4], [1, 0, 1], [2, 1, 2], [3, 3, 1, 1, 2, 2]];
        for (int run = 0; run < 2; run++)
        {
            program.Run(0, 0);
            Assert.Equal(expected, values.Select(program.Read));
        }
    }

    [Theory]
    [InlineData(40, 1)]
    [InlineData(40, 3)]
    [InlineData(5, 37)]
    public void ExamplesLieWhereTheirSequencesDo(int sequences, int length)
    {
        var graph = new Graph();
        var examples = graph.Add(new Examples(new CountedExamples(), 2));
        using var backend = TestBackend.Create();
        var program = backend.Compile(new Objective(graph), new Batch(sequences, length), keep: [examples]);
        program.Run(1, 2);
        Assert.Equal(Enumerable.Range(0, sequences * length * 2).Select(i => 2000f + 10 * (i / (2 * length)) + i % (2 * length)), program.Read(examples));
    }

    [Fact]
    public void AKernelKnowsTheLaneOfTheBatchThatItIsAt()
    {
        var graph = new Graph();
        var lanes = graph.Add(new LaneNumber());
        using var backend = TestBackend.Create().Add(new LaneNumberKernel());
        var program = backend.Compile(new Objective(graph), 1000, keep: [lanes]);
        program.Run(0, 0);
        Assert.Equal(Enumerable.Range(0, 1000).Select(lane => (float)lane), program.Read(lanes));
    }

    private static Parameter Matrix(string name, int rows, int columns, params float[] values)
    {
        var parameter = new Parameter(name, rows, columns);
        values.CopyTo(parameter.Values);
        return parameter;
    }

    /// <summary>A graph that has every operation, of panels and of matrices, with rows that are no multiple of anything.</summary>
    private static (Objective Objective, Parameter[] Trained, Value[] Keep) AllOperations(Batch batch)
    {
        const int Rows = 53;
        var graph = new Graph();
        var objective = new Objective(graph);
        Parameter square = Filled("square", Rows, Rows, seed: 1), vector = Filled("vector", Rows, seed: 2), scale = Filled("scale", Rows, seed: 3);
        Parameter[] mlp = [Filled("in", Rows, 5, seed: 4), Filled("in bias", Rows, 5, seed: 5), Filled("out", Rows, 5, seed: 6), Filled("out bias", Rows, seed: 7)];
        Value lane = graph.Uniform(Rows, 3), sequence = graph.Add(new Uniform(Rows, 2, Domain.Sequence));
        var keep = new List<Value>();
        foreach (var (i, x) in new[] { graph.Plus(lane, sequence), graph.Weight(square) }.Index())
        {
            var y = graph.MatMul(square, graph.Multiply(graph.Add(new Gelu(graph.RowMlp(graph.RowAffine(x, scale, vector), mlp[0], mlp[1], mlp[2], mlp[3]))), x));
            objective.Add($"square {i}", graph.SquaredError(y, graph.Scale(x, 0.5)));
            keep.AddRange(
            [
                y, graph.Add(new Outer(x, y)), graph.Add(new RowSum(y)), graph.Add(new RowDot(x, y)), graph.Add(new CountAbove(y, 0.1f)), graph.Add(new Maximum(y)),
                graph.Add(new Histogram(y, 7)), graph.Add(new RepeatRows(y, 2)), graph.Add(new GroupMinimum(y, [[0, 5], [50, 1, 2]])), graph.Add(new Smallest(y, 2)),
            ]);
        }

        var norms = graph.Sum([graph.Add(new RowDot(graph.Weight(square), graph.Weight(square))), graph.Weight(vector)]);
        objective.Add("power", graph.Add(new PowerSum(lane, graph.Number(2), norms)));
        objective.Add("power of itself", graph.Add(new PowerSum(graph.Add(new Sigmoid(graph.MatMul(square, lane))), graph.Number(2), norms)));
        objective.Add("divergence", graph.Divergence(graph.MatMul(square, lane), lane));
        objective.Add("inner", graph.Add(new InnerProduct(norms, graph.Weight(scale))));
        keep.Add(graph.Plus(graph.Broadcast(vector), graph.Add(new SequenceSum(lane))));
        keep.Add(graph.Add(new TableRows(new float[4, 3], graph.Uniform(1, 6))));

        Parameter numbers = Filled("numbers", Rows, batch.Positions, seed: 9), sequenceNumbers = Filled("sequence numbers", Rows, batch.Sequences, seed: 10);
        var routes = graph.Add(new RandomSubset(graph.Uniform(Rows, 7), graph.Uniform(1, 8)));
        var columns = graph.Add(new ScaledGradient(graph.Add(new MatrixColumns(graph.Weight(numbers))), graph.Number(2)));
        var scaled = graph.Add(new ScaleLanes(graph.Multiply(columns, routes), graph.Add(new LaneDot(lane, columns))));
        var counts = graph.Add(new SmoothCount(graph.Plus(scaled, graph.Add(new MatrixColumns(graph.Weight(sequenceNumbers), IsOfPositions: false))), graph.Number(0.7)));
        objective.Add("sums of rows", graph.SquaredError(graph.Add(new LaneSum(graph.Add(new RepeatRows(counts, 2)), 2)), lane));
        keep.Add(graph.Add(new ColumnSum(counts, (MatrixColumns)columns.Source.Inputs[0].Source)));
        keep.Add(graph.Add(new Examples(new CountedExamples(), 2)));
        var tokens = graph.Positions();
        keep.Add(graph.Add(new RotateAt(new Rotate(graph.RowRange(lane, 0, 12), 6, 100), tokens)));
        var embedded = graph.Plus(graph.Lookup(square, tokens), graph.Add(new Lookup(graph.Weight(square), tokens, IsTransposed: true)));
        var normed = graph.Normalise(graph.Normalise(graph.MatMul(square, graph.Plus(embedded, lane)), 0.01), 0.01, isCentred: true);
        var heads = graph.Rotate(graph.RowRange(normed, 2, 48), 6, 100);
        var attended = graph.Attention(heads, graph.Rotate(graph.RowRange(normed, 5, 24), 6, 100, isInterleaved: true), graph.RowRange(normed, 0, 24), 8, 4, 0.4, 20);
        var written = graph.Multiply(graph.Add(new PlacedRows(attended, 3, Rows)), graph.Add(new LastPosition(normed)));
        var residual = graph.Add(new SwiGlu(graph.Plus(written, embedded), lane));
        objective.Add("next", graph.CrossEntropy(graph.MatMul(square, residual), tokens));
        var unembedding = Filled("unembedding", Rows + 20, Rows, seed: 8);
        objective.Add("unembedded", graph.Divergence(graph.MatMul(unembedding, residual), graph.MatMul(unembedding, lane)));
        objective.Add("unembedded next", graph.CrossEntropy(graph.MatMul(unembedding, residual), tokens, isUnembeddingFixed: true));
        return (objective, [square, vector, scale, numbers, sequenceNumbers, .. mlp], [.. keep]);
    }

    private sealed class CountedExamples : IExamples
    {
        public void Fill(ulong seed, long step, int sequences, int sequence, Span<float> values)
        {
            for (int i = 0; i < values.Length; i++) values[i] = 1000 * step + 10 * sequence + i;
        }
    }

    /// <summary>x as it is; notes where a number of it is not finite, padding included.</summary>
    private sealed record Finite(Value X) : Operation
    {
        public override IReadOnlyList<Value> Inputs => [X];

        public override IReadOnlyList<Shape> Results => [X.Shape];
    }

    private sealed class FiniteKernel : CpuKernel<Finite>
    {
        public ConcurrentBag<Value> Found { get; } = [];

        public ConcurrentBag<Value> Seen { get; } = [];

        public override void Run(Finite operation, in Call call)
        {
            var x = call.Input(0);
            Seen.Add(operation.X);
            for (int row = 0; row < call.Rows; row++)
                for (int lane = 0; lane < call.Lanes; lane++) if (!float.IsFinite(x[row * call.Stride + lane])) Found.Add(operation.X);
            x.CopyTo(call.Result(0));
        }
    }

    /// <summary><c>y = v ∘ x</c>, row by row, by way of scratch, as a stranger would write it for panels.</summary>
    private sealed record RowsTimes(Value X, Value Vector) : Operation
    {
        public override IReadOnlyList<Value> Inputs => [X, Vector];

        public override IReadOnlyList<Shape> Results => [X.Shape];
    }

    private sealed class RowsTimesKernel : CpuKernel<RowsTimes>
    {
        public override Traits TraitsOf(RowsTimes operation) => new() { WeightInputs = 0b10, SplitsByRows = true, Scratch = 2 };

        public override void Run(RowsTimes operation, in Call call)
        {
            ReadOnlySpan<float> x = call.Input(0), vector = call.Input(1);
            Span<float> y = call.Result(0), scratch = call.Scratch(2 * call.Rows);
            scratch.Fill(float.NaN);
            for (int row = 0; row < call.Rows; row++)
            {
                for (int lane = 0; lane < call.Lanes; lane++) scratch[2 * row * call.Stride + lane] = x[(call.FirstRow + row) * call.Stride + lane];
                for (int lane = 0; lane < call.Lanes; lane++)
                    y[(call.FirstRow + row) * call.Stride + lane] = vector[(call.FirstRow + row) * call.RowStepOf(1)] * scratch[2 * row * call.Stride + lane];
            }
        }
    }

    /// <summary><c>Σ v ∘ x</c> over all rows and lanes: one number, as a matrix.</summary>
    private sealed record RowsTimesSum(Value X, Value Vector) : Operation
    {
        public override IReadOnlyList<Value> Inputs => [X, Vector];

        public override IReadOnlyList<Shape> Results => [new(Domain.Weights, 1)];
    }

    private sealed class RowsTimesSumKernel : CpuKernel<RowsTimesSum>
    {
        public override Traits TraitsOf(RowsTimesSum operation) => new() { WeightInputs = 0b10, Reduces = 1 };

        public override void Run(RowsTimesSum operation, in Call call)
        {
            ReadOnlySpan<float> x = call.Input(0), vector = call.Input(1), mask = call.LaneMask;
            double sum = 0;
            for (int row = 0; row < call.Rows; row++)
                for (int lane = 0; lane < call.Lanes; lane++) sum += (double)mask[lane] * vector[row] * x[row * call.Stride + lane];
            call.Result(0)[0] += (float)sum;
        }
    }

    private sealed record LaneNumber : Operation
    {
        public override IReadOnlyList<Value> Inputs => [];

        public override IReadOnlyList<Shape> Results => [new(Domain.Lane, 1)];
    }

    private sealed class LaneNumberKernel : CpuKernel<LaneNumber>
    {
        public override void Run(LaneNumber operation, in Call call)
        {
            for (int lane = 0; lane < call.Lanes; lane++) call.Result(0)[lane] = call.FirstLane + lane;
        }
    }
}
