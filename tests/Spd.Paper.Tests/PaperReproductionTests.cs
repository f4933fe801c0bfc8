using Spd.Runs;
using Spd.Runs.Plans;

namespace Spd.Paper.Tests;

public sealed class PaperReproductionTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public PaperReproductionTests()
    {
        Directory.CreateDirectory(_folder["experiments"]);
        Write("tms_5-2", TinyExperiment.Yaml() + "\npublished: {results: {mmcs: 1.000 ± 0.000, ml2r: 0.993 ± 0.002}, settings: {steps: 40000}}\n");
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void ASecondCallRunsNothingAndShowsTheSameNumbers()
    {
        Assert.Equal(["tms_5-2, seed 1", "tms_5-2, seed 2"], Run().Started);
        byte[] model = File.ReadAllBytes(ModelOf(1));
        var second = Run();
        Assert.Empty(second.Started);
        Assert.All(Known(second.Runs), run => Assert.Equal((PlannedRunState.Finished, true), (run.State, run.IsEarlier)));
        Assert.Equal(model, File.ReadAllBytes(ModelOf(1)));
    }

    [Fact]
    public void ThePageHasOurNumbersBesideThePapersCommitAndWhatIsMissing()
    {
        var runs = Known(Run().Runs).Select(run => run.Stored!.Summary).ToList();
        string page = File.ReadAllText(_folder["out", "paper.html"]);
        string table1 = page[page.IndexOf("<h2 id=\"table-1\"", StringComparison.Ordinal)..page.IndexOf("<h2 id=\"evidence\"", StringComparison.Ordinal)];
        double[] mmcs = [.. runs.Select(run => run.Metrics["mmcs"].Number)], ml2r = [.. runs.Select(run => run.Metrics["ml2r"].Number)];
        Assert.NotEqual(mmcs[0], mmcs[1]);
        int own = runs.Count(run => run.IsOneToOne == true);
        Assert.Contains(
            $"<tr><td>TMS 5-2</td><td>SPD</td><td class=\"number\">2</td><td class=\"number\">{MeanAndDeviation(mmcs)}</td><td class=\"number\">1.000 ± 0.000</td>"
            + $"<td class=\"number\">{MeanAndDeviation(ml2r)}</td><td class=\"number\">0.993 ± 0.002</td><td class=\"number\">{own} of 2</td></tr>",
            table1, StringComparison.Ordinal);
        foreach (var run in runs)
        {
            // Every number of the summary stands in the evidence.
            double[] errors = [.. run.Losses.Values, run.Metrics["unmasked_mse"].Number, run.Metrics["adversarial_mse"].Number];
            foreach (double error in errors) Assert.Contains($">{error:0.00e+0}<", page, StringComparison.Ordinal);
            foreach (var site in run.Sites.Values) Assert.Contains($">{site.Alive} of {site.C}<", page, StringComparison.Ordinal);
        }

        Assert.Contains("tms_40-10: skipped: experiment &#x27;tms_40-10&#x27; is not there", page, StringComparison.Ordinal);
        Assert.Contains("Subcomponents as vectors", page, StringComparison.Ordinal);
        Assert.Contains(ProgramVersion.Commit, page, StringComparison.Ordinal);
        Assert.Contains("steps 20 (paper: 40000)", page, StringComparison.Ordinal);
        Assert.DoesNotContain("src=", page, StringComparison.Ordinal);
        Assert.DoesNotContain("<link", page, StringComparison.Ordinal);

        static string MeanAndDeviation(double[] two) => $"{two.Average():F4} ± {Math.Abs(two[0] - two[1]) / Math.Sqrt(2):F4}";
    }

    [Fact]
    public void DamagedAndForeignFoldersAreNamedAndLeftAloneWhileOthersGoOn()
    {
        Run();
        File.WriteAllText(_folder["out", "tms_5-2", "seed1", "summary.json"], "{ \"status\": \"fin");
        Write("tms_5-2-id", TinyExperiment.Yaml(seed: 4));
        Directory.CreateDirectory(_folder["out", "tms_5-2-id", "seed4"]);
        File.WriteAllText(_folder["out", "tms_5-2-id", "seed4", "notes.txt"], "mine");

        var result = Run();
        Assert.Equal(["tms_5-2-id, seed 5"], result.Started);
        Assert.Contains("its summary.json is cut short or damaged", Of(result.Runs, "tms_5-2, seed 1").Reason, StringComparison.Ordinal);
        Assert.Contains("its config.yaml is missing", Of(result.Runs, "tms_5-2-id, seed 4").Reason, StringComparison.Ordinal);
        Assert.Equal("mine", File.ReadAllText(_folder["out", "tms_5-2-id", "seed4", "notes.txt"]));
        Assert.Contains("its summary.json is cut short or damaged", File.ReadAllText(_folder["out", "paper.html"]), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("model.safetensors")]
    [InlineData("metrics.jsonl")]
    [InlineData("report.html")]
    [InlineData("target/weights.safetensors")]
    [InlineData("figures/training.svg")]
    public void AFileCutShortIsDamage(string file)
    {
        Run(seeds: 1);
        string path = _folder["out", "tms_5-2", "seed1", file];
        using (var stream = File.OpenWrite(path)) stream.SetLength(stream.Length / 2);
        if (file == "metrics.jsonl") File.WriteAllText(path, "{\n");
        var result = Run(seeds: 1);
        Assert.Empty(result.Started);
        Assert.Equal(PlannedRunState.Refused, Of(result.Runs, "tms_5-2, seed 1").State);
    }

    [Fact]
    public void ARunOfAnotherConfigurationIsNamedWithTheKeys()
    {
        Run(seeds: 1);
        Write("tms_5-2", TinyExperiment.Yaml(steps: 30));
        var run = Of(Run(seeds: 1).Runs, "tms_5-2, seed 1");
        Assert.Equal(PlannedRunState.Refused, run.State);
        Assert.Contains("another configuration (steps 20 instead of 30)", run.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void AnotherTargetSeedThatWasTriedIsTheSameConfiguration()
    {
        const string Planned = "steps: 5\ntarget:\n  train:\n    seed: 3\n";
        Assert.Empty(RunComparison.Differences(Planned.Replace("seed: 3", "seed: 12", StringComparison.Ordinal), Planned));
        Assert.Single(RunComparison.Differences(Planned.Replace("seed: 3", "seed: 13", StringComparison.Ordinal), Planned));
        Assert.Single(RunComparison.Differences(Planned.Replace("seed: 3", "seed: 2", StringComparison.Ordinal), Planned));
        Assert.Empty(RunComparison.Differences("description: other\n" + Planned, Planned));
    }

    [Fact]
    public void WhatAKilledProgramLeftIsTakenAndWhatIsNotOursStays()
    {
        Directory.CreateDirectory(_folder["out", "tms_5-2", "seed1"]);
        Directory.CreateDirectory(_folder["out", "tms_5-2", "seed2"]);
        File.WriteAllText(_folder["out", "tms_5-2", "seed2", "mine.txt"], "mine");
        var result = Run();
        Assert.Equal(PlannedRunState.Finished, Of(result.Runs, "tms_5-2, seed 1").State);
        Assert.Equal(PlannedRunState.Refused, Of(result.Runs, "tms_5-2, seed 2").State);
        Assert.Equal("mine", File.ReadAllText(_folder["out", "tms_5-2", "seed2", "mine.txt"]));
    }

    [Fact]
    public void AnInterruptedRunGoesOn()
    {
        using var cancellation = new CancellationTokenSource();
        var result = Run(cancellation: cancellation, stopAt: "tms_5-2, seed 2");
        Assert.Equal(PlannedRunState.Interrupted, Of(result.Runs, "tms_5-2, seed 2").State);
        string begunRun = _folder["out", "tms_5-2", "seed2"];
        Assert.NotEmpty(Directory.GetFiles(Path.Combine(begunRun, "checkpoints")));
        Assert.Contains("1 of ", File.ReadAllText(_folder["out", "paper.html"]), StringComparison.Ordinal);
        // The configuration file's time tells that the folder is the same one.
        var begun = File.GetCreationTimeUtc(Path.Combine(begunRun, "target", "weights.safetensors"));
        Assert.Equal(["tms_5-2, seed 2"], Run().Started);
        Assert.Equal(begun, File.GetCreationTimeUtc(_folder["out", "tms_5-2", "seed2", "target", "weights.safetensors"]));
        byte[] resumed = File.ReadAllBytes(_folder["out", "tms_5-2", "seed2", "model.safetensors"]);
        Directory.Delete(_folder["out", "tms_5-2", "seed2"], recursive: true);
        Run();
        Assert.Equal(File.ReadAllBytes(_folder["out", "tms_5-2", "seed2", "model.safetensors"]), resumed);
    }

    [Fact]
    public void ARunThatFailsIsKeptAndOthersGoOn()
    {
        Write("tms_5-2", TinyExperiment.Yaml(lr: "1e30"));
        Write("tms_5-2-id", TinyExperiment.Yaml());
        var result = Run(seeds: 1);
        Assert.Equal(PlannedRunState.Failed, Of(result.Runs, "tms_5-2, seed 1").State);
        Assert.Equal(PlannedRunState.Finished, Of(result.Runs, "tms_5-2-id, seed 1").State);
        var second = Run(seeds: 1);
        Assert.Empty(second.Started);
        Assert.NotNull(Of(second.Runs, "tms_5-2, seed 1").Reason);
    }

    [Fact]
    public void TheFolderIsForOneProgramAndItsPageIsOurs()
    {
        using (PaperPlan.Open(_folder["out"]))
            Assert.Contains($"another `spd paper` (process {Environment.ProcessId}) works in", Refusal(_folder["out"]), StringComparison.Ordinal);
        File.WriteAllText(_folder["out", "paper.html"], "my own page");
        Assert.Contains("was not written by", Refusal(_folder["out"]), StringComparison.Ordinal);
        Assert.Contains("is a file", Refusal(_folder.Write("file", "")), StringComparison.Ordinal);
    }

    private static string Refusal(string path) => Assert.Throws<RunFolderException>(() => PaperPlan.Open(path)).Message;

    private static PlannedRun Of(IReadOnlyList<PlannedRun> runs, string title) => runs.Single(run => run.Plan.Title == title);

    private static IEnumerable<PlannedRun> Known(IReadOnlyList<PlannedRun> runs) => runs.Where(run => run.Plan.Experiment is not null);

    private void Write(string name, string yaml) => File.WriteAllText(_folder["experiments", $"{name}.yaml"], yaml);

    private string ModelOf(int seed) => _folder["out", "tms_5-2", $"seed{seed}", "model.safetensors"];

    private (IReadOnlyList<string> Started, IReadOnlyList<PlannedRun> Runs) Run(
        int seeds = 2, CancellationTokenSource? cancellation = null, string? stopAt = null)
    {
        var observer = new Recorder(cancellation, stopAt);
        var plan = PaperPlan.Create(new ExperimentCatalog(_folder["experiments"]), seeds, isQuick: false);
        using var folder = PaperPlan.Open(_folder["out"]);
        var execution = plan.Prepare(PaperParts.All, folder, new TargetCache(_folder["cache"]), observer, threads: 1);
        execution.Execute(() => TestBackend.Create(1), atOnce: 1, cancellation?.Token ?? CancellationToken.None);
        return (observer.Started, execution.Standing.Runs);
    }

    private sealed class Recorder(CancellationTokenSource? cancellation, string? stopAt) : IPlanObserver
    {
        public List<string> Started { get; } = [];

        public void Note(PlannedRun run, string sentence)
        {
        }

        public void Moved(PlanStanding standing, PlannedRun run, bool isStateNew)
        {
            Assert.InRange(standing.Done, 0, 1);
            Assert.True(standing.TimeLeft >= TimeSpan.Zero);
            if (!isStateNew) return;
            if (run.State == PlannedRunState.Target) Started.Add(run.Plan.Title);
            if (run.State == PlannedRunState.Running && run.Plan.Title == stopAt) cancellation!.Cancel();
        }
    }
}
