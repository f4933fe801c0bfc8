using FsCheck;
using FsCheck.Fluent;
using Spd.Engine.Kernels;

namespace Spd.Engine.Tests.Kernels;

public sealed unsafe class MatrixKernelTests
{
    private static readonly int[] Sizes = [1, 2, 3, 4, 5, 6, 7, 11, 12, 13, 17, 29];
    private static readonly int[] LaneCounts = [32, 64, 96, 160];

    public static TheoryData<string> Sets => [.. TriedKernels.Names];

    [Theory]
    [MemberData(nameof(Sets))]
    public void ProductMatchesDoublePrecision(string set) =>
        Prop.ForAll(ArbMap.Default.ArbFor<int>(), seed =>
        {
            Random random = new(seed);
            CheckProduct(KernelSet.Create(set), random, Pick(random, Sizes), Pick(random, Sizes), Pick(random, LaneCounts));
        }).QuickCheckThrowOnFailure();

    [Theory]
    [MemberData(nameof(Sets))]
    public void ProductOfEveryRowCountAndALongSum(string set)
    {
        for (int m = 1; m <= 20; m++) CheckProduct(KernelSet.Create(set), new Random(m), m, m == 20 ? 1000 : 3, 32);
    }

    [Theory]
    [MemberData(nameof(Sets))]
    public void OuterProductMatchesDoublePrecision(string set) =>
        Prop.ForAll(ArbMap.Default.ArbFor<int>(), seed =>
        {
            Random random = new(seed);
            CheckOuterProduct(KernelSet.Create(set), random, Pick(random, Sizes), Pick(random, Sizes), Pick(random, LaneCounts));
        }).QuickCheckThrowOnFailure();

    [Theory]
    [MemberData(nameof(Sets))]
    public void OuterProductOfEveryTileRemainder(string set)
    {
        for (int m = 1; m <= 9; m++)
            for (int n = 1; n <= 9; n++)
                CheckOuterProduct(KernelSet.Create(set), new Random(10 * m + n), m, n, 32);
    }

    [Theory]
    [MemberData(nameof(Sets))]
    public void ProductKeepsANaNInItsLane(string set)
    {
        const int Lanes = 64;
        PinnedFloats w = PinnedFloats.Random(new Random(1), 7 * 3);
        PinnedFloats x = PinnedFloats.Random(new Random(2), 3 * Lanes);
        PinnedFloats y = new(7 * Lanes, _ => 0f);
        x[Lanes + 9] = float.NaN;
        KernelSet.Create(set).MatrixProduct(7, 3, Lanes, w.Pointer, 3, 1, x.Pointer, Lanes, y.Pointer, Lanes, accumulate: false);
        for (int i = 0; i < y.Length; i++) Assert.Equal(i % Lanes == 9, float.IsNaN(y[i]));
    }

    [Theory]
    [MemberData(nameof(Sets))]
    public void OuterProductKeepsANaNInItsRow(string set)
    {
        const int Lanes = 64;
        PinnedFloats a = PinnedFloats.Random(new Random(1), 6 * Lanes);
        PinnedFloats b = PinnedFloats.Random(new Random(2), 5 * Lanes);
        PinnedFloats c = new(6 * 5, _ => 0f);
        a[4 * Lanes + 33] = float.NaN;
        KernelSet.Create(set).AccumulateOuterProduct(6, 5, Lanes, a.Pointer, b.Pointer, Lanes, c.Pointer, 5);
        for (int i = 0; i < c.Length; i++) Assert.Equal(i / 5 == 4, float.IsNaN(c[i]));
    }

    [Theory]
    [MemberData(nameof(Sets))]
    public void TheSameInputsGiveTheSameBits(string set)
    {
        const int Lanes = 96;
        PinnedFloats a = PinnedFloats.Random(new Random(1), 17 * Lanes);
        PinnedFloats b = PinnedFloats.Random(new Random(2), 11 * Lanes);
        PinnedFloats first = new(17 * 11, _ => 0f);
        PinnedFloats second = new(17 * 11, _ => 0f);
        KernelSet kernels = KernelSet.Create(set);
        kernels.AccumulateOuterProduct(17, 11, Lanes, a.Pointer, b.Pointer, Lanes, first.Pointer, 11);
        kernels.AccumulateOuterProduct(17, 11, Lanes, a.Pointer, b.Pointer, Lanes, second.Pointer, 11);
        for (int i = 0; i < first.Length; i++) Assert.Equal(BitConverter.SingleToInt32Bits(first[i]), BitConverter.SingleToInt32Bits(second[i]));
    }

    private static void CheckProduct(KernelSet kernels, Random random, int m, int k, int lanes)
    {
        int stride = lanes + KernelSet.LaneBlock * random.Next(2);
        bool transposed = random.Next(2) == 0;
        bool accumulate = random.Next(2) == 0;
        int padding = random.Next(3); // unused floats at the end of a row of the stored matrix
        int rowStep = transposed ? 1 : k + padding;
        int columnStep = transposed ? m + padding : 1;
        PinnedFloats w = PinnedFloats.Random(random, transposed ? k * columnStep : m * rowStep);
        PinnedFloats x = PinnedFloats.Random(random, k * stride);
        PinnedFloats y = PinnedFloats.Random(random, m * stride);
        PinnedFloats before = y.Copy();

        kernels.MatrixProduct(m, k, lanes, w.Pointer, rowStep, columnStep, x.Pointer, stride, y.Pointer, stride, accumulate);

        for (int i = 0; i < m; i++)
        {
            for (int lane = 0; lane < lanes; lane++)
            {
                double sum = accumulate ? before[i * stride + lane] : 0;
                double size = Math.Abs(sum);
                for (int j = 0; j < k; j++)
                {
                    double term = (double)w[i * rowStep + j * columnStep] * x[j * stride + lane];
                    sum += term;
                    size += Math.Abs(term);
                }
                Assert.Equal(sum, y[i * stride + lane], 1e-6 * size);
            }
            for (int lane = lanes; lane < stride; lane++) Assert.Equal(before[i * stride + lane], y[i * stride + lane]);
        }
        y.AssertGuards();
    }

    private static void CheckOuterProduct(KernelSet kernels, Random random, int m, int n, int lanes)
    {
        int stride = lanes + KernelSet.LaneBlock * random.Next(2);
        int rowStep = n + random.Next(3);
        PinnedFloats a = PinnedFloats.Random(random, m * stride);
        PinnedFloats b = PinnedFloats.Random(random, n * stride);
        PinnedFloats c = PinnedFloats.Random(random, m * rowStep);
        PinnedFloats before = c.Copy();

        kernels.AccumulateOuterProduct(m, n, lanes, a.Pointer, b.Pointer, stride, c.Pointer, rowStep);

        for (int i = 0; i < m; i++)
        {
            for (int j = 0; j < n; j++)
            {
                double sum = before[i * rowStep + j];
                double size = Math.Abs(sum);
                for (int lane = 0; lane < lanes; lane++)
                {
                    double term = (double)a[i * stride + lane] * b[j * stride + lane];
                    sum += term;
                    size += Math.Abs(term);
                }
                Assert.Equal(sum, c[i * rowStep + j], 1e-6 * size);
            }
            for (int j = n; j < rowStep; j++) Assert.Equal(before[i * rowStep + j], c[i * rowStep + j]);
        }
        c.AssertGuards();
    }

    private static int Pick(Random random, int[] values) => values[random.Next(values.Length)];
}
