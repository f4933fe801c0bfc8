using FsCheck;
using FsCheck.Fluent;
using Spd.Engine.Kernels;

namespace Spd.Engine.Tests.Kernels;

public sealed unsafe class GateKernelTests
{
    private static readonly int[] Counts = [1, 2, 3, 5];
    private static readonly int[] Widths = [1, 2, 5, 16, 17];
    private static readonly int[] LaneCounts = [32, 64, 96, 160];

    public static TheoryData<string> Sets => [.. TriedKernels.Names];

    [Theory]
    [MemberData(nameof(Sets))]
    public void ForwardMatchesDoublePrecision(string set) => CheckRandomly(seed => CheckForward(set, new Random(seed)));

    [Theory]
    [MemberData(nameof(Sets))]
    public void BackwardMatchesDoublePrecision(string set) => CheckRandomly(seed => CheckBackward(set, new Random(seed)));

    [Fact]
    public void TheOracleMatchesCentralDifferences()
    {
        Gates gates = new(new Random(4), 2, 5);
        const double Step = 1e-5;
        foreach (double h in new[] { -3.1, -0.4, 0.0, 0.7, 2.9 })
        {
            for (int c = 0; c < 2; c++)
            {
                double[] exact = gates.Gradient(c, h);
                Assert.Equal((gates.Output(c, h + Step) - gates.Output(c, h - Step)) / (2 * Step), exact[0], 1e-8);
                for (int parameter = 0; parameter < exact.Length - 1; parameter++)
                {
                    double above = gates.Output(c, h, parameter, Step);
                    double below = gates.Output(c, h, parameter, -Step);
                    Assert.Equal((above - below) / (2 * Step), exact[1 + parameter], 1e-8);
                }
            }
        }
    }

    [Theory]
    [MemberData(nameof(Sets))]
    public void ANaNStaysInItsLaneButReachesTheGradients(string set)
    {
        const int Lanes = 64;
        Gates gates = new(new Random(5), 2, 3);
        Gates gradient = new(new Random(6), 2, 3);
        PinnedFloats h = PinnedFloats.Random(new Random(7), 2 * Lanes);
        PinnedFloats dg = PinnedFloats.Random(new Random(8), 2 * Lanes);
        PinnedFloats g = new(2 * Lanes, _ => 0f);
        PinnedFloats dh = new(2 * Lanes, _ => 0f);
        h[Lanes + 37] = float.NaN;
        KernelSet kernels = KernelSet.Create(set);
        kernels.GateForward(gates.Parameters, Lanes, h.Pointer, g.Pointer, Lanes);
        kernels.GateBackward(gates.Parameters, gradient.Parameters, Lanes, h.Pointer, dg.Pointer, dh.Pointer, Lanes);
        for (int i = 0; i < g.Length; i++)
        {
            Assert.Equal(i == Lanes + 37, float.IsNaN(g[i]));
            Assert.Equal(i == Lanes + 37, float.IsNaN(dh[i]));
        }
        for (int i = 0; i < 6; i++)
        {
            Assert.Equal(i >= 3, float.IsNaN(gradient.In[i]));
            Assert.Equal(i >= 3, float.IsNaN(gradient.InBias[i]));
            Assert.Equal(i >= 3, float.IsNaN(gradient.Out[i]));
        }
    }

    private static void CheckRandomly(Action<int> check) =>
        Prop.ForAll(ArbMap.Default.ArbFor<int>(), check).Check(Config.QuickThrowOnFailure.WithMaxTest(40));

    private static void CheckForward(string set, Random random)
    {
        (Gates gates, int lanes, int stride) = Draw(random);
        int count = gates.Parameters.Subcomponents;
        PinnedFloats h = PinnedFloats.Random(random, count * stride, scale: 4f);
        PinnedFloats g = PinnedFloats.Random(random, count * stride);
        PinnedFloats before = g.Copy();

        KernelSet.Create(set).GateForward(gates.Parameters, lanes, h.Pointer, g.Pointer, stride);

        for (int c = 0; c < count; c++)
        {
            double size = gates.Size(c, 4);
            for (int lane = 0; lane < stride; lane++)
            {
                int i = c * stride + lane;
                if (lane < lanes) Assert.Equal(gates.Output(c, h[i]), g[i], 5e-7 * size);
                else Assert.Equal(before[i], g[i]);
            }
        }
        g.AssertGuards();
    }

    private static void CheckBackward(string set, Random random)
    {
        (Gates gates, int lanes, int stride) = Draw(random);
        int count = gates.Parameters.Subcomponents;
        int width = gates.Parameters.Width;
        Gates gradient = new(random, count, width);
        PinnedFloats h = PinnedFloats.Random(random, count * stride, scale: 4f);
        PinnedFloats dg = PinnedFloats.Random(random, count * stride);
        PinnedFloats dh = PinnedFloats.Random(random, count * stride);
        PinnedFloats before = dh.Copy();
        double[][] expected = [.. Enumerable.Range(0, count).Select(gradient.Values)];

        KernelSet.Create(set).GateBackward(gates.Parameters, gradient.Parameters, lanes, h.Pointer, dg.Pointer, dh.Pointer, stride);

        for (int c = 0; c < count; c++)
        {
            double size = 10 + gates.Size(c, 4);
            for (int lane = 0; lane < stride; lane++)
            {
                int i = c * stride + lane;
                if (lane >= lanes)
                {
                    Assert.Equal(before[i], dh[i]);
                    continue;
                }
                double[] exact = gates.Gradient(c, h[i]);
                Assert.Equal(before[i] + dg[i] * exact[0], dh[i], 1e-6 * size);
                for (int parameter = 0; parameter < expected[c].Length; parameter++) expected[c][parameter] += dg[i] * exact[1 + parameter];
            }
            double[] actual = gradient.Values(c);
            for (int parameter = 0; parameter < actual.Length; parameter++)
                Assert.Equal(expected[c][parameter], actual[parameter], 2e-7 * size * lanes);
        }
        dh.AssertGuards();
        gradient.AssertGuards();
    }

    private static (Gates Gates, int Lanes, int Stride) Draw(Random random)
    {
        int lanes = LaneCounts[random.Next(LaneCounts.Length)];
        Gates gates = new(random, Counts[random.Next(Counts.Length)], Widths[random.Next(Widths.Length)]);
        return (gates, lanes, lanes + KernelSet.LaneBlock * random.Next(2));
    }

    // The gates of a site, evaluated in double precision one value at a time. A gate's parameters are numbered w_in, b_in, w_out, b_out.
    private sealed class Gates(Random random, int count, int width)
    {
        public PinnedFloats In { get; } = PinnedFloats.Random(random, count * width, scale: 1.5f);

        public PinnedFloats InBias { get; } = PinnedFloats.Random(random, count * width);

        public PinnedFloats Out { get; } = PinnedFloats.Random(random, count * width);

        public PinnedFloats OutBias { get; } = PinnedFloats.Random(random, count);

        public GateParameters Parameters => new(count, width, In.Pointer, InBias.Pointer, Out.Pointer, OutBias.Pointer);

        public double[] Values(int c) =>
        [
            .. Enumerable.Range(c * width, width).Select(i => (double)In[i]),
            .. Enumerable.Range(c * width, width).Select(i => (double)InBias[i]),
            .. Enumerable.Range(c * width, width).Select(i => (double)Out[i]),
            OutBias[c],
        ];

        // g(h), with one parameter moved by `change`.
        public double Output(int c, double h, int parameter = -1, double change = 0)
        {
            double[] values = Values(c);
            if (parameter >= 0) values[parameter] += change;
            double sum = values[3 * width];
            for (int k = 0; k < width; k++) sum += values[2 * width + k] * GeluTests.Gelu(values[k] * h + values[width + k]);
            return sum;
        }

        // ∂g/∂h, then ∂g by every parameter.
        public double[] Gradient(int c, double h)
        {
            double[] values = Values(c);
            double[] result = new double[2 + 3 * width];
            result[^1] = 1;
            for (int k = 0; k < width; k++)
            {
                double z = values[k] * h + values[width + k];
                double slope = values[2 * width + k] * GeluTests.Derivative(z);
                result[0] += slope * values[k];
                result[1 + k] = slope * h;
                result[1 + width + k] = slope;
                result[1 + 2 * width + k] = GeluTests.Gelu(z);
            }
            return result;
        }

        // A bound on the sum of the magnitudes that make up a gate output.
        public double Size(int c, double largestInput) => 1 + Enumerable.Range(c * width, width)
            .Sum(i => Math.Abs(Out[i]) * (1 + Math.Abs(In[i]) * largestInput + Math.Abs(InBias[i])));

        public void AssertGuards()
        {
            foreach (PinnedFloats values in new[] { In, InBias, Out, OutBias }) values.AssertGuards();
        }
    }
}
