using Spd.Runs.Results;

namespace Spd.Runs.Tests.Results;

public sealed class ResultTableTests
{
    [Theory]
    [InlineData(0.98765, NumberFormat.Ratio, "0.9877")]
    [InlineData(0.00001234, NumberFormat.Error, "1.23e-5")]
    [InlineData(0.98765, NumberFormat.Share, "98.77%")]
    [InlineData(7, NumberFormat.Count, "7")]
    [InlineData(0.25, NumberFormat.Mean, "0.250")]
    [InlineData(1, NumberFormat.YesNo, "yes")]
    [InlineData(0, NumberFormat.YesNo, "no")]
    [InlineData(double.NaN, NumberFormat.Ratio, "–")]
    [InlineData(1e300, NumberFormat.Seconds, "1.00e+300")]
    [InlineData(-2e9, NumberFormat.Count, "-2.00e+9")]
    public void NumbersFitIntoTheirColumn(double value, NumberFormat format, string expected) => Assert.Equal(expected, Metric.Write(value, format).Replace(" ", ""));

    [Fact]
    public void EveryMetricHasOneEntryWithItsMeaning()
    {
        Assert.Equal(Metric.All.Count, Metric.All.Select(metric => metric.Key).Distinct().Count());
        Assert.Equal(Metric.All.Count, Metric.All.Select(metric => metric.Label).Distinct().Count());
        Assert.All(Metric.All, metric => Assert.NotEmpty(metric.Meaning));
        Assert.All(Metric.All.Where(metric => metric.Whole is not null), metric => Assert.Contains(Metric.All, other => other.Key == metric.Whole));
    }

    [Fact]
    public void NormsAreShownOnlyWhereEachSubcomponentIsAKnownMechanism()
    {
        var norms = new MetricValue(new Dictionary<string, double> { ["a"] = 3 });
        Assert.Equal(["significant subcomponents, a"], Quantities(("mmcs", new(1)), ("significant_subcomponents", norms)).Where(Is("significant")));
        Assert.Equal(["significant subcomponents, a"], Quantities(("features", new(1)), ("significant_subcomponents", norms)).Where(Is("significant")));
        Assert.DoesNotContain(Quantities(("accuracy_target", new(1)), ("significant_subcomponents", norms)), quantity => Is("significant")(quantity));
        Assert.Empty(Quantities(("significant_subcomponents", norms)));
    }

    [Fact]
    public void FeaturesOfResidualMlpsAreToldOnceUnlessTheLayersDiffer()
    {
        Assert.Equal(
            ["features with one subcomponent, mlp_in"],
            Quantities(("features", new(5)), (Metric.FeaturesInEveryLayer, new(3)), (Metric.Features, new(3)), ("features_sharing_subcomponent", new(0))));
        Assert.Equal(
            ["features with one subcomponent, mlp_in", "features with one in all layers together", "features sharing a subcomponent, mlp_in"],
            Quantities(("features_sharing_subcomponent", new(2)), (Metric.Features, new(4)), (Metric.FeaturesInEveryLayer, new(3)), ("features", new(5))));
        Assert.Equal("3 of 5", ResultTable.Rows(Summary(("features", new(5)), (Metric.FeaturesInEveryLayer, new(3))))[0].Value);
    }

    [Fact]
    public void WhereNothingIsInUseNoColumnHasASubcomponentOfItsOwn()
    {
        var summary = Summary((Metric.OneToOne, new(true)));
        Assert.Equal((true, "yes"), (summary.IsOneToOne, ResultTable.Rows(summary)[0].Value));
        summary = summary with { Sites = new Dictionary<string, SiteUse> { ["a"] = new(5, 0.3, 0), ["b"] = new(5, 0, 0) } };
        Assert.Equal((false, "no"), (summary.IsOneToOne, ResultTable.Rows(summary)[0].Value));
        Assert.Null(Summary().IsOneToOne);
    }

    [Fact]
    public void InUseCarriesItsThresholds()
    {
        var rows = ResultTable.Rows(Summary() with { Sites = new Dictionary<string, SiteUse> { ["a"] = new(5, 0.261, 0) } });
        Assert.Equal([("L0 (importance above 0.01), a", "0.261"), ("alive (ever above 0.1), a", "0 of 5")], rows.Select(row => (row.Quantity, row.Value)));
        Assert.Equal("mean number of subcomponents in use on an input", rows[0].Meaning);
        Assert.Equal((0.01f, 0.1f), (Spd.Decomposition.Evaluator.ActiveThreshold, Spd.Decomposition.Evaluator.AliveThreshold));
    }

    [Fact]
    public void WhatAPaperReportsStandsBesideIt()
    {
        var norms = new MetricValue(new Dictionary<string, double> { ["a"] = 3, ["b"] = 4 });
        var published = new Dictionary<string, string> { ["mmcs"] = "1.000 ± 0.000", ["significant_subcomponents.b"] = "5" };
        Assert.Equal(
            ["1.000 ± 0.000", "", "5"], ResultTable.Rows(Summary(("mmcs", new(1)), ("significant_subcomponents", norms)) with { Published = published }).Select(row => row.Paper));
        Assert.Equal("", ResultTable.Rows(Summary(("mmcs", new(1))))[0].Paper);
    }

    private static Func<string, bool> Is(string start) => text => text.StartsWith(start, StringComparison.Ordinal);

    private static IEnumerable<string> Quantities(params (string, MetricValue)[] metrics) => ResultTable.Rows(Summary(metrics)).Select(row => row.Quantity);

    private static RunSummary Summary(params (string Key, MetricValue Value)[] metrics) => new()
    {
        Experiment = "own",
        Seed = 0,
        Steps = 1,
        Status = RunStatus.Finished,
        WallSeconds = 1,
        Metrics = metrics.ToDictionary(entry => entry.Key, entry => entry.Value),
    };
}
