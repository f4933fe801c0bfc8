using Spd.Runs;

namespace Spd.Paper.Tests;

public sealed class PaperPlanTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void SeedsFollowTheExperimentsOwnAndShortRunsComeFirst()
    {
        _folder.Write("tms_5-2.yaml", TinyExperiment.Yaml(seed: 7, steps: 300));
        _folder.Write("tms_40-10.yaml", TinyExperiment.Yaml(seed: 1, steps: 20));
        var plan = PaperPlan.Create(new ExperimentCatalog(_folder.Root), seeds: 2, isQuick: false);
        Assert.Equal(
            ["tms_40-10, seed 1", "tms_40-10, seed 2", "tms_5-2, seed 7", "tms_5-2, seed 8"],
            plan.Runs.Where(run => run.Experiment is not null).Select(run => run.Title));
        Assert.Equal(Path.Combine("tms_5-2", "seed8"), plan.Runs.Single(run => run.Title == "tms_5-2, seed 8").Folder);
        Assert.Contains(plan.Runs, run => run is { Experiment: null, MissingReason: "experiment 'resid_mlp2' is not there", Parts: PaperParts.Resid });
    }

    [Fact]
    public void QuickShortensStepsAndSaysSo()
    {
        _folder.Write("tms_5-2.yaml", TinyExperiment.Yaml(steps: 40_000));
        var run = PaperPlan.Create(new ExperimentCatalog(_folder.Root), 1, isQuick: true).Runs.Single(run => run.Experiment is not null);
        Assert.Equal(40_000, run.FullSteps);
        Assert.InRange(run.Experiment!.Steps, 1, 4000);
    }

    [Fact]
    public void FigureEightVariesTheFirstSeedAndSharesItsOwnRun()
    {
        _folder.Write("resid_mlp1.yaml", TinyExperiment.Yaml(seed: 3, minimality: "1e-5"));
        var runs = PaperPlan.Create(new ExperimentCatalog(_folder.Root), 2, isQuick: false).Runs.Where(run => run.Experiment is not null).ToList();
        Assert.Equal(6, runs.Count);
        Assert.Equal(
            [
                "resid_mlp1, seed 3", "resid_mlp1-beta3-1e-4, seed 3", "resid_mlp1-beta3-1e-6, seed 3", "resid_mlp1-beta3-3e-5, seed 3",
                "resid_mlp1-beta3-3e-6, seed 3",
            ],
            runs.Where(run => run.Parts.HasFlag(PaperParts.Fig8)).Select(run => run.Title).Order(StringComparer.Ordinal));
        Assert.Equal(PaperParts.Resid | PaperParts.Fig8, runs.Single(run => run.Title == "resid_mlp1, seed 3").Parts);
    }

    [Theory]
    [InlineData("0.1.0+6d1e70b", "6d1e70b")]
    [InlineData("0.1.0", "unknown")]
    [InlineData("0.1.0+", "unknown")]
    [InlineData(null, "unknown")]
    public void TheCommitStandsBehindTheVersion(string? version, string commit) => Assert.Equal(commit, ProgramVersion.CommitOf(version));
}
