using System.Text.Json;
using Spd.Runs.Configuration;
using Spd.Runs.Plans;
using Spd.Runs.Results;
using Spd.Runs.Sweeps;

namespace Spd.Runs.Tests.Sweeps;

public sealed class SweepPlanTests
{
    private static ExperimentCatalog Catalog { get; } = ExperimentCatalog.BesideProgram();

    [Fact]
    public void AKeyHasItsValuesAndACommaInBracketsPartsNothing()
    {
        AssertAxis("C", ["10", "20"], GridAxis.Parse("C=10, 20"));
        AssertAxis("C", ["{linear1: 5, linear2: 6}", "7"], GridAxis.Parse("C={linear1: 5, linear2: 6},7"));
        AssertAxis("target_module_patterns", ["[linear1, linear2]", "[linear1]"], GridAxis.Parse("target_module_patterns=[linear1, linear2],[linear1]"));
        AssertAxis("task_config.x", ["'a,b'"], GridAxis.Parse("task_config.x='a,b'"));

        static void AssertAxis(string key, string[] values, GridAxis axis)
        {
            Assert.Equal(key, axis.Key);
            Assert.Equal(values, axis.Values);
        }
    }

    [Theory]
    [InlineData("--grid C: this is not of the form key=a,b,c", "C")]
    [InlineData("--grid =1: this is not of the form key=a,b,c", "=1")]
    [InlineData("--grid C=1,,2: a value is empty", "C=1,,2")]
    [InlineData("--grid C=: a value is empty", "C=")]
    [InlineData("--grid C=1,2,1: the value 1 comes twice", "C=1,2,1")]
    [InlineData("--grid seed=1,2: seeds are not a part of the grid", "seed=1,2")]
    [InlineData("--grid name=a,b: name changes nothing that is computed", "name=a,b")]
    [InlineData("--grid C=0: C is 0, but it must be from 1", "C=5,0")]
    [InlineData("--grid importance_minimalty_coeff=1: unknown key 'importance_minimalty_coeff'", "importance_minimalty_coeff=1,2")]
    [InlineData("--grid has 1e-3 and 0.001, which are one and the same configuration", "lr=1e-3,0.001")]
    [InlineData("--grid names 'C' twice", "C=5", "C=6")]
    [InlineData("--steps 7 and --grid both set 'steps'", "steps=5,6")]
    [InlineData("the sweep has 20000 runs, but 10000 are the most", "C=1,2", "n_ci_mlp_neurons=1,2,3,4,5", "batch_size=1,2,3,4,5,6,7,8,9,10", "pnorm=1,2")]
    public void WhatCannotBeUsedIsToldBeforeAnythingRuns(string sentence, params string[] grid)
    {
        int seeds = sentence.Contains("20000", StringComparison.Ordinal) ? 100 : 1;
        var exception = Assert.Throws<ConfigException>(() =>
            SweepPlan.Create(Catalog, "tms_5-2", [ConfigOverride.Option("--steps", "steps", "7")], [.. grid.Select(GridAxis.Parse)], seeds));
        Assert.StartsWith(sentence, exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void EveryCombinationHasEverySeedInAFolderOfItsOwn()
    {
        var plan = Plan(["C=5,20", "target_module_patterns=[linear1],[linear?]"], seeds: 2);
        Assert.Equal((8, "tms_5-2"), (plan.Runs.Count, plan.Experiment));
        Assert.Equal([1UL, 2UL], plan.Seeds);
        string[] folders = [.. plan.Runs.Select(run => run.Run.Plan.Folder.Replace('\\', '/'))];
        Assert.Equal("C=5,target_module_patterns=_linear1_/seed1", folders[0]);
        Assert.Equal(8, folders.Distinct(StringComparer.OrdinalIgnoreCase).Count());
        var last = plan.Runs[^1].Run.Plan.Experiment!;
        Assert.Equal((20, 2UL, 7), (((ExperimentConfig)last).Decomposition.C, last.Seed, last.Steps));
        Assert.Equal(["20", "[linear?]"], plan.Runs[^1].Values);

        // Values whose names would be one, and names that are longer than a folder's may be.
        folders = [.. Plan(["target_module_patterns=[linear?],[linear*]"], seeds: 1).Runs.Select(run => run.Run.Plan.Folder)];
        Assert.Equal(2, folders.Distinct(StringComparer.OrdinalIgnoreCase).Count());
        string[] many = [.. Enumerable.Range(1, 40).Select(i => $"'linear{i}*'")];
        Assert.All(Plan([$"target_module_patterns=[linear1, {string.Join(", ", many)}],[linear1, linear2, {string.Join(", ", many)}]"], 1).Runs, run => Assert.InRange(run.Run.Plan.Folder.Length, 50, 150));
    }

    [Fact]
    public void TheSpreadIsOverTheSeedsThatHaveANumber()
    {
        Assert.Equal(new Spread(2, 1, 9), Spread.Of([9, 1, 2]));
        Assert.Equal(new Spread(3, 2, 4), Spread.Of([4, double.NaN, 2]));
        Assert.True(double.IsNaN(Spread.Of([double.NaN]).Median));
        // The median of two counts may lie between them.
        Assert.Equal(["48.5", "48"], new[] { 48.5, 48 }.Select(count => SweepMetric.Write(count, NumberFormat.Count)));
    }

    [Fact]
    public void ResultsHaveNoNumberWhereThereIsNone()
    {
        var plan = Plan(["C=5,20"], seeds: 2);
        Finish(plan.Runs[0], l0: 1.5, error: 1e-3);
        Finish(plan.Runs[1], l0: 2.5, error: double.PositiveInfinity);
        string json = new SweepResults(plan).ToJson();
        Assert.DoesNotContain("NaN", json, StringComparison.Ordinal);
        var results = JsonDocument.Parse(json).RootElement;
        var point = results.GetProperty("points")[0];
        Assert.Equal(("5", 2), (point.GetProperty("values").GetProperty("C").GetString(), point.GetProperty("finished").GetInt32()));
        var l0 = point.GetProperty("spread").GetProperty("l0");
        Assert.Equal((2, 1.5, 2.5), (l0.GetProperty("median").GetDouble(), l0.GetProperty("smallest").GetDouble(), l0.GetProperty("largest").GetDouble()));
        Assert.Equal(1e-3, point.GetProperty("spread").GetProperty("stochastic_error").GetProperty("largest").GetDouble());
        Assert.Equal(JsonValueKind.Null, results.GetProperty("points")[1].GetProperty("spread").GetProperty("l0").GetProperty("median").ValueKind);
        var runs = results.GetProperty("runs");
        Assert.Equal(JsonValueKind.Null, runs[1].GetProperty("metrics").GetProperty("stochastic_error").ValueKind);
        Assert.Equal(("waiting", JsonValueKind.Null), (runs[2].GetProperty("status").GetString(), runs[2].GetProperty("metrics").ValueKind));

        string page = SweepPage.Of(new SweepResults(plan));
        Assert.Contains("2 of 4 runs have finished", page, StringComparison.Ordinal);
        Assert.Contains("<a href=\"C%3D5/seed1/report.html\"", page, StringComparison.Ordinal);
        Assert.DoesNotContain("NaN", page[..page.IndexOf("<script>", StringComparison.Ordinal)], StringComparison.Ordinal);
    }

    private static void Finish(SweepRun run, double l0, double error)
    {
        run.Run.Stored = new StoredRun("", "", new RunSummary
        {
            Experiment = "tms_5-2",
            Seed = run.Run.Plan.Experiment!.Seed,
            Steps = 7,
            Status = RunStatus.Finished,
            WallSeconds = 1,
            Sites = new Dictionary<string, SiteUse> { ["linear1"] = new(5, l0, 3) },
            Metrics = new Dictionary<string, MetricValue> { ["stochastic_mse"] = new(error) },
        });
        run.Run.State = PlannedRunState.Finished;
    }

    private static SweepPlan Plan(string[] grid, int seeds) =>
        SweepPlan.Create(Catalog, "tms_5-2", [ConfigOverride.Option("--steps", "steps", "7")], [.. grid.Select(GridAxis.Parse)], seeds);
}
