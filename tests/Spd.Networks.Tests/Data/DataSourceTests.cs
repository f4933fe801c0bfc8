using Spd.Engine.Graphs;
using Spd.Engine.Operations;
using Spd.Networks.Data;

namespace Spd.Networks.Tests.Data;

public sealed class DataSourceTests
{
    private const int Rows = 20_000;

    [Theory]
    [InlineData(0.05)]
    [InlineData(0.5)]
    [InlineData(1)]
    public void IndependentFeaturesAreActiveWithTheirProbability(double probability)
    {
        float[] data = Draw(new SparseFeatures(7, probability), 7);
        for (int i = 0; i < 7; i++) AssertShare(probability, Column(data, 7, i).Count(value => value != 0), Rows);
        // Pairs are independent of one another.
        AssertShare(probability * probability, data.Chunk(7).Count(row => row[0] != 0 && row[3] != 0), Rows);
        AssertUniform(data.Where(value => value != 0), 0, 1);
    }

    [Theory]
    [InlineData(DataGenerationType.ExactlyOneActive, 1, 1)]
    [InlineData(DataGenerationType.ExactlyOneActive, 1, 6)]
    [InlineData(DataGenerationType.ExactlyTwoActive, 2, 6)]
    [InlineData(DataGenerationType.ExactlyThreeActive, 3, 17)]
    [InlineData(DataGenerationType.ExactlyFourActive, 4, 5)]
    [InlineData(DataGenerationType.ExactlyFiveActive, 5, 5)]
    [InlineData(DataGenerationType.ExactlyFiveActive, 5, 9)]
    public void ExactlySoManyFeaturesAreActiveAndAllEquallyOften(DataGenerationType type, int active, int features)
    {
        float[] data = Draw(new SparseFeatures(features, 0.01, type, 0.5, 2), features);
        Assert.All(data.Chunk(features), row => Assert.Equal(active, row.Count(value => value != 0)));
        for (int i = 0; i < features; i++) AssertShare((double)active / features, Column(data, features, i).Count(value => value != 0), Rows);
        AssertUniform(data.Where(value => value != 0), 0.5, 2);
    }

    [Fact]
    public void SyncedFeaturesAreActiveTogetherWithValuesOfTheirOwn()
    {
        const double P = 0.1;
        float[] data = Draw(new SparseFeatures(8, P, low: -1, syncedGroups: [[1, 4, 6], [0, 7]]), 8);
        var rows = data.Chunk(8).ToList();
        Assert.All(rows, row =>
        {
            Assert.Equal(row[1] != 0, row[4] != 0);
            Assert.Equal(row[1] != 0, row[6] != 0);
            Assert.Equal(row[0] != 0, row[7] != 0);
        });
        AssertShare(1 - Math.Pow(1 - P, 3), rows.Count(row => row[1] != 0), Rows);
        AssertShare(1 - Math.Pow(1 - P, 2), rows.Count(row => row[0] != 0), Rows);
        AssertShare(P, rows.Count(row => row[2] != 0), Rows);
        AssertShare((1 - Math.Pow(1 - P, 3)) * P, rows.Count(row => row[1] != 0 && row[2] != 0), Rows);
        var active = rows.Where(row => row[1] != 0).ToList();
        AssertUniform(active.Select(row => row[4]), -1, 1);
        Assert.Equal(0, active.Average(row => (double)row[1] * row[4]), 5 / 3.0 / Math.Sqrt(active.Count));
        Assert.DoesNotContain(active, row => row[1] == row[4]);
    }

    [Fact]
    public void EmptyAndSingleGroupsChangeNothing() =>
        Assert.Equal(Draw(new SparseFeatures(5, 0.3), 5), Draw(new SparseFeatures(5, 0.3, syncedGroups: [[], [2]]), 5));

    [Fact]
    public void BatchesRepeatByStepAndDifferBetweenSteps()
    {
        var data = new SparseFeatures(5, 0.4);
        Assert.Equal(Draw(data, 5, step: 3), Draw(data, 5, step: 3));
        Assert.NotEqual(Draw(data, 5, step: 3), Draw(data, 5, step: 4));
        Assert.NotEqual(Draw(data, 5, step: 3), Draw(data, 5, step: 3, seed: 2));
    }

    [Fact]
    public void ImpossibleRequestsAreRefusedInASentence()
    {
        string Message(Func<object> create) => Assert.ThrowsAny<ArgumentException>(create).Message;
        foreach (double p in new[] { 0, -0.1, 1.1, double.NaN, double.PositiveInfinity })
            Assert.StartsWith($"feature_probability is {p}", Message(() => new SparseFeatures(5, p)), StringComparison.Ordinal);
        Assert.Equal(
            "data_generation_type asks for exactly 4 active features, but there are only 3",
            Message(() => new SparseFeatures(3, 0.1, DataGenerationType.ExactlyFourActive)));
        Assert.Contains("two groups", Message(() => new SparseFeatures(5, 0.1, syncedGroups: [[0, 1], [1, 2]])), StringComparison.Ordinal);
        Assert.Contains("two groups", Message(() => new SparseFeatures(5, 0.1, syncedGroups: [[0, 0]])), StringComparison.Ordinal);
        Assert.Equal("synced_inputs names feature 5, but features are 0 to 4", Message(() => new SparseFeatures(5, 0.1, syncedGroups: [[0, 5]])));
        Assert.Equal("synced_inputs names feature -1, but features are 0 to 4", Message(() => new SparseFeatures(5, 0.1, syncedGroups: [[-1]])));
        Assert.Contains(
            "at_least_zero_active",
            Message(() => new SparseFeatures(5, 0.1, DataGenerationType.ExactlyOneActive, syncedGroups: [[0, 1]])),
            StringComparison.Ordinal);
        Assert.Contains("empty", Message(() => new TableData(new float[0, 3])), StringComparison.Ordinal);
    }

    [Fact]
    public void ATableGivesItsRowsEquallyOften()
    {
        float[,] table = { { 1, 10 }, { 2, 20 }, { 3, 30 } };
        var data = new TableData(table);
        Assert.Equal(2, data.Features);
        var rows = Draw(data, 2).Chunk(2).ToList();
        Assert.All(rows, row => Assert.Equal(10 * row[0], row[1]));
        for (int example = 1; example <= 3; example++) AssertShare(1 / 3.0, rows.Count(row => row[0] == example), Rows);
        Assert.All(Draw(new TableData(new float[,] { { 7 } }), 1), value => Assert.Equal(7, value));
    }

    [Theory]
    [InlineData("independent")]
    [InlineData("exactly")]
    [InlineData("synced")]
    [InlineData("table")]
    public void DrawingAllocatesNothing(string kind)
    {
        DataSource data = kind switch
        {
            "independent" => new SparseFeatures(6, 0.1),
            "exactly" => new SparseFeatures(6, 0.1, DataGenerationType.ExactlyThreeActive),
            "synced" => new SparseFeatures(6, 0.1, syncedGroups: [[0, 1], [2, 3, 4]]),
            _ => new TableData(new float[4, 6]),
        };
        var graph = new Graph();
        using var backend = TestBackend.Create(1);
        var program = backend.Compile(new Objective(graph), 500, keep: [data.Build(graph)]);
        for (int step = 0; step < 30; step++) program.Run(0, step);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int step = 0; step < 20; step++) program.Run(0, step);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    private static float[] Draw(DataSource data, int features, long step = 0, ulong seed = 1)
    {
        var graph = new Graph();
        var x = data.Build(graph);
        Assert.Equal(features, data.Features);
        Assert.Equal(features, x.Rows);
        using var backend = TestBackend.Create();
        var program = backend.Compile(new Objective(graph), Rows, keep: [x]);
        program.Run(seed, step);
        return program.Read(x);
    }

    private static IEnumerable<float> Column(float[] data, int features, int column) => data.Where((_, i) => i % features == column);

    private static void AssertShare(double probability, int count, int of) => Assert.InRange(
        count,
        of * probability - 5 * Math.Sqrt(of * probability * (1 - probability)),
        of * probability + 5 * Math.Sqrt(of * probability * (1 - probability)));

    private static void AssertUniform(IEnumerable<float> values, double low, double high)
    {
        var all = values.ToList();
        Assert.All(all, value => Assert.InRange(value, low, high));
        double range = high - low;
        Assert.Equal((low + high) / 2, all.Average(value => (double)value), 5 * range / Math.Sqrt(12.0 * all.Count));
        for (int quarter = 0; quarter < 4; quarter++)
            AssertShare(0.25, all.Count(value => value >= low + range * quarter / 4 && value < low + range * (quarter + 1) / 4), all.Count);
    }
}
