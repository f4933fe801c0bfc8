using Spd.Engine.Graphs;
using Spd.Engine.Kernels;
using Spd.Engine.Operations;
using Spd.Tests;

namespace Spd.Engine.Tests.Randomness;

public sealed unsafe class RandomTests
{
    public static TheoryData<string> Sets => [.. KernelSet.Available];

    [Theory]
    [InlineData(0x00000000, 0x00000000, 0x00000000, 0x00000000, 0x00000000, 0x00000000, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8)]
    [InlineData(0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd)]
    [InlineData(0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0, 0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1)]
    public void PhiloxGivesTheKnownAnswersOfRandom123(uint c0, uint c1, uint c2, uint c3, uint k0, uint k1, uint x0, uint x1, uint x2, uint x3) =>
        Assert.Equal((x0, x1, x2, x3), RandomBlock.Words((ulong)k1 << 32 | k0, c0, c1, c2, c3));

    [Theory]
    [MemberData(nameof(Sets))]
    public void EveryKernelSetDrawsTheSameNumbersInTheSameOrder(string set)
    {
        const int Rows = 5, Lanes = 96, Stride = 128, FirstNumber = 3;
        var kernels = KernelSet.Create(set);
        var random = new Random(3);
        for (int trial = 0; trial < 20; trial++)
        {
            var key = new RandomKey((ulong)random.NextInt64(long.MinValue, long.MaxValue), (uint)random.NextInt64(1L << 32), (uint)random.NextInt64(1L << 32));
            long firstRow = trial switch { 0 => 0, 1 => 4L * uint.MaxValue - 31 - (4L * uint.MaxValue - 31) % 32, _ => 32 * random.NextInt64(1 << 26) };
            float[] values = new float[Rows * Stride];
            fixed (float* pointer = values) kernels.Uniform(key, firstRow, Rows, Lanes, pointer, Stride, FirstNumber);
            for (int row = 0; row < Rows; row++)
            {
                for (int lane = 0; lane < Lanes; lane++)
                {
                    // As documented: batch row i takes word i % 2 + 2 (i / 16) of counter 8 (row / 32) + (i % 16) / 2, i within 32 rows.
                    long batchRow = firstRow + lane;
                    int i = (int)(batchRow % 32);
                    var (x0, x1, x2, x3) = RandomBlock.Words(key.Seed, (uint)(8 * (batchRow / 32) + i % 16 / 2), (uint)(FirstNumber + row), key.Step, key.Stream);
                    uint word = (i % 2 + 2 * (i / 16)) switch { 0 => x0, 1 => x1, 2 => x2, _ => x3 };
                    Assert.Equal((word >> 8) / 16777216f, values[row * Stride + lane]);
                }

                Assert.All(values[(row * Stride + Lanes)..((row + 1) * Stride)], value => Assert.Equal(0, value));
            }
        }
    }

    [Fact]
    public void UniformNumbersFillTheIntervalEvenly()
    {
        float[] numbers = Draw(seed: 11, step: 5, 3, rows: 16, batch: 16384);
        Assert.InRange(numbers.Min(), 0, 1e-4);
        Assert.InRange(numbers.Max(), 0.9999f, 0.99999994f);
        double n = numbers.Length;
        Assert.Equal(0.5, numbers.Average(value => (double)value), 5 / Math.Sqrt(12 * n));
        Assert.Equal(1 / 3.0, numbers.Average(value => (double)value * value), 5 * Math.Sqrt(4 / 45.0 / n));
        AssertEven(numbers.Select(value => (double)value), bins: 256);
        // Neighbouring rows of the batch, and neighbouring rows of the panel, are unrelated.
        AssertUnrelated(numbers[..^1], numbers[1..]);
        AssertUnrelated(numbers[..^16], numbers[16..]);
    }

    [Fact]
    public void TheRowsOfABatchDoNotDependOnItsSizeOrPanels()
    {
        const uint Stream = 2;
        float[] large = Draw(seed: 1, step: 2, Stream, rows: 3, batch: 3000), small = Draw(seed: 1, step: 2, Stream, rows: 3, batch: 77);
        Assert.Equal(small, large[..small.Length]);
    }

    [Fact]
    public void SeedsStepsAndStreamsAreIndependent()
    {
        const uint Stream = 1;
        float[] numbers = Draw(7, 9, Stream);
        Assert.Equal(numbers, Draw(7, 9, Stream));
        float[][] others =
        [
            Draw(8, 9, Stream), Draw(7UL + (1UL << 32), 9, Stream), Draw(7, 10, Stream), Draw(9, 7, Stream),
            Draw(7, 9, 0), Draw(7, 9, 2), Draw(7, 9, 1 << 14), Draw(7, 9, 1 << 24), Draw(7, 9, uint.MaxValue),
        ];
        foreach (float[] other in others)
        {
            Assert.InRange(numbers.Zip(other).Count(pair => pair.First == pair.Second), 0, 5);
            AssertUnrelated(numbers, other);
        }
    }

    [Fact]
    public void SequencesRepeatAndDiffer()
    {
        double[] Sequence(ulong seed, uint stream, uint step = 0)
        {
            var random = new RandomSequence(seed, stream, step);
            return [.. Enumerable.Range(0, 1000).Select(_ => random.NextUniform())];
        }

        double[] first = Sequence(1, 0);
        Assert.Equal(first, Sequence(1, 0));
        Assert.Equal(1000, first.Distinct().Count());
        Assert.Empty(first.Intersect(Sequence(2, 0)));
        Assert.Empty(first.Intersect(Sequence(1, 5)));
        Assert.Empty(first.Intersect(Sequence(1, 0, 1)));
    }

    [Fact]
    public void NormalNumbersHaveTheMomentsAndTheShape()
    {
        const int Count = 200_000;
        float[] numbers = new float[Count];
        new RandomSequence(3, 4).FillNormal(numbers);
        double Moment(int power) => numbers.Average(value => Math.Pow(value, power));
        double root = Math.Sqrt(Count);
        Assert.Equal(0, Moment(1), 5 / root);
        Assert.Equal(1, Moment(2), 5 * Math.Sqrt(2) / root);
        Assert.Equal(0, Moment(3), 5 * Math.Sqrt(15) / root);
        Assert.Equal(3, Moment(4), 5 * Math.Sqrt(96) / root);
        AssertEven(numbers.Select(value => NormalDistribution(value)), bins: 100);
        // Box and Muller's pairs share a radius; their members are unrelated all the same.
        AssertUnrelated([.. numbers.Where((_, i) => i % 2 == 0)], [.. numbers.Where((_, i) => i % 2 == 1)]);
    }

    [Fact]
    public void FillsKeepTheirRangeAndDeviation()
    {
        float[] numbers = new float[50_000];
        var random = new RandomSequence(5, 0);
        random.FillUniform(numbers, -0.25, 0.75);
        Assert.All(numbers, value => Assert.InRange(value, -0.25f, 0.75f));
        Assert.Equal(0.25, numbers.Average(value => (double)value), 5 / Math.Sqrt(12 * 50_000.0));
        random.FillNormal(numbers, 3);
        Assert.Equal(9, numbers.Average(value => (double)value * value), 5 * 9 * Math.Sqrt(2 / 50_000.0));
    }

    private static float[] Draw(ulong seed, long step, uint stream, int rows = 4, int batch = 10_000)
    {
        var graph = new Graph();
        var numbers = graph.Uniform(rows, stream);
        using var backend = TestBackend.Create(threads: 1);
        var program = backend.Compile(new Objective(graph), batch, keep: [numbers]);
        program.Run(seed, step);
        return program.Read(numbers);
    }

    private static void AssertEven(IEnumerable<double> numbers, int bins)
    {
        int[] counts = new int[bins];
        int total = 0;
        foreach (double number in numbers)
        {
            counts[(int)(number * bins)]++;
            total++;
        }

        double expected = (double)total / bins, chiSquare = counts.Sum(count => (count - expected) * (count - expected) / expected);
        double deviation = Math.Sqrt(2.0 * (bins - 1));
        Assert.InRange(chiSquare, bins - 1 - 5 * deviation, bins - 1 + 5 * deviation);
    }

    private static void AssertUnrelated(float[] a, float[] b)
    {
        double meanA = a.Average(value => (double)value), meanB = b.Average(value => (double)value);
        double covariance = 0, varianceA = 0, varianceB = 0;
        for (int i = 0; i < a.Length; i++)
        {
            covariance += (a[i] - meanA) * (b[i] - meanB);
            varianceA += (a[i] - meanA) * (a[i] - meanA);
            varianceB += (b[i] - meanB) * (b[i] - meanB);
        }

        Assert.InRange(covariance / Math.Sqrt(varianceA * varianceB), -5 / Math.Sqrt(a.Length), 5 / Math.Sqrt(a.Length));
    }

    // Φ(x) by its Taylor series; |x| stays below 7 here.
    private static double NormalDistribution(double x)
    {
        double term = x, sum = x;
        for (int i = 1; Math.Abs(term) > 1e-15 * Math.Abs(sum) && i < 500; i++)
        {
            term *= x * x / (2 * i + 1);
            sum += term;
        }

        return Math.Clamp(0.5 + sum * Math.Exp(-x * x / 2) / Math.Sqrt(2 * Math.PI), 0, 1 - 1e-12);
    }
}
