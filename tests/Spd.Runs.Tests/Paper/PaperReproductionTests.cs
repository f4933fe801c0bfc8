using Spd.Runs.Configuration;
using Spd.Runs.Paper;

namespace Spd.Runs.Tests.Paper;

public sealed class PaperReproductionTests : IDisposable
{
    private const string Tiny = """
        seed: 1
        C: 4
        n_ci_mlp_neurons: 2
        target_module_patterns: [linear1, linear2]
        importance_minimality_coeff: 0.003
        stochastic_recon_coeff: 1.0
        pnorm: 1.0
        lr: 0.001
        steps: 6
        batch_size: 64
        print_freq: 2
        n_eval_steps: 1
        task_config: {task_name: tms}
        target:
          train:
            tms_model_config: {n_features: 2, n_hidden: 2}
            steps: 2000
            batch_size: 256
        """;

    private readonly TemporaryFolder _folder = new();

    public PaperReproductionTests()
    {
        Directory.CreateDirectory(_folder["experiments"]);
        _folder.Write(Path.Combine("experiments", "tms_5-2.yaml"), Tiny);
    }

    [Fact]
    public void TheShippedPlanHasEveryExperimentOnceForEachSeedAndFiveCoefficients()
    {
        var plan = PaperPlan.Create(ExperimentCatalog.BesideProgram(), seeds: 3, isQuick: false);
        Assert.Equal(3, plan.Runs.Count(run => run.Group == "tms_40-10-id"));
        Assert.Equal(3, plan.Runs.Count(run => run.Group == "resid_mlp1"));
        Assert.Single(plan.Runs, run => run.Group == "resid_mlp2");
        Assert.Equal(5, plan.Runs.Count(run => run.Parts.HasFlag(PaperParts.Fig8)));
        Assert.Equal(plan.Runs.Count, plan.Runs.Select(run => run.Folder).Distinct().Count());
        Assert.All(plan.Runs.Where(run => run.Group == "tms_40-10"), run => Assert.Null(run.FullSteps));
        var quick = PaperPlan.Create(ExperimentCatalog.BesideProgram(), seeds: 1, isQuick: true);
        Assert.All(quick.Runs.Where(run => run.Experiment is not null), run => Assert.True(run.Experiment!.Steps < run.FullSteps));
    }

    [Fact]
    public void WhatIsMissingIsRunAndWhatIsFinishedIsNotRunAgain()
    {
        var first = Reproduce(seeds: 2);
        Assert.Equal(2, first.Standing.Runs.Count(run => run is { State: PaperRunState.Finished, IsEarlier: false }));
        var written = Snapshot();
        var second = Reproduce(seeds: 2);
        Assert.Equal(2, second.Standing.Runs.Count(run => run is { State: PaperRunState.Finished, IsEarlier: true }));
        Assert.Equal(written, Snapshot());
        string page = File.ReadAllText(_folder["out", "paper.html"]);
        Assert.Contains("experiment &#39;tms_40-10&#39; is not there", page, StringComparison.Ordinal);
        Assert.Contains("<svg", page, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("summary.json")]
    [InlineData("model.safetensors")]
    [InlineData("config.yaml")]
    public void ADamagedRunIsNamedAndLeftAlone(string file)
    {
        Reproduce(seeds: 1);
        string path = _folder["out", "tms_5-2", "seed1", file];
        File.WriteAllText(path, File.ReadAllText(path)[..20]);
        var written = Snapshot();
        var run = Own(Reproduce(seeds: 1));
        Assert.Equal(PaperRunState.Refused, run.State);
        Assert.Contains(Path.Combine("tms_5-2", "seed1"), run.Reason!, StringComparison.Ordinal);
        Assert.Equal(written, Snapshot());
    }

    [Fact]
    public void ARunOfAnotherConfigurationIsNamedAndLeftAlone()
    {
        Reproduce(seeds: 1);
        var written = Snapshot();
        _folder.Write(Path.Combine("experiments", "tms_5-2.yaml"), Tiny.Replace("C: 4", "C: 5", StringComparison.Ordinal));
        var run = Own(Reproduce(seeds: 1));
        Assert.Equal(PaperRunState.Refused, run.State);
        Assert.Contains("C 4 instead of 5", run.Reason!, StringComparison.Ordinal);
        Assert.Equal(written, Snapshot());
    }

    [Fact]
    public void TheRemainsOfAKilledRunAreReplacedAndASomebodyElsesFolderIsNot()
    {
        Directory.CreateDirectory(_folder["out", "tms_5-2", "seed1.running"]);
        File.WriteAllText(_folder["out", "tms_5-2", "seed1.running", ".spd-paper-run"], "");
        File.WriteAllText(_folder["out", "tms_5-2", "seed1.running", "metrics.jsonl"], "cut");
        Directory.CreateDirectory(_folder["out", "tms_5-2", "seed2.running"]);
        File.WriteAllText(_folder["out", "tms_5-2", "seed2.running", "notes.txt"], "mine");
        var runs = Reproduce(seeds: 2).Standing.Runs.Where(run => run.Planned.Experiment is not null).ToList();
        Assert.Equal([PaperRunState.Finished, PaperRunState.Failed], runs.OrderBy(run => run.Planned.Folder).Select(run => run.State));
        Assert.Equal("mine", File.ReadAllText(_folder["out", "tms_5-2", "seed2.running", "notes.txt"]));
        Assert.False(Directory.Exists(_folder["out", "tms_5-2", "seed1.running"]));
    }

    [Fact]
    public void StoppedInTheMiddleOfARunItGoesOnWithThatRun()
    {
        using var cancellation = new CancellationTokenSource();
        var stopped = Reproduce(seeds: 2, cancellation, observer: new Observer(run =>
        {
            if (run.Planned.Folder.EndsWith("seed2", StringComparison.Ordinal) && run.State == PaperRunState.Running) cancellation.Cancel();
        }));
        Assert.Equal(1, stopped.Standing.Runs.Count(run => run.State == PaperRunState.Finished));
        Assert.Equal(1, stopped.Standing.Runs.Count(run => run.State == PaperRunState.Interrupted));
        Assert.False(Path.Exists(_folder["out", "tms_5-2", "seed2"]));
        Assert.Equal(2, Reproduce(seeds: 2).Standing.Runs.Count(run => run.State == PaperRunState.Finished));
    }

    public void Dispose() => _folder.Dispose();

    private PaperReproduction Reproduce(int seeds, CancellationTokenSource? cancellation = null, IPaperObserver? observer = null)
    {
        using var folder = PaperFolder.Open(_folder["out"]);
        var plan = PaperPlan.Create(new ExperimentCatalog(_folder["experiments"]), seeds, isQuick: false);
        var reproduction = new PaperReproduction(
            plan, PaperParts.Tms, folder, threads: 1, new TargetCache(_folder["cache"]), observer ?? new Observer(_ => { }));
        reproduction.Execute(cancellation?.Token ?? CancellationToken.None);
        return reproduction;
    }

    private static PaperRun Own(PaperReproduction reproduction) => reproduction.Standing.Runs.Single(run => run.Planned.Experiment is not null);

    private Dictionary<string, DateTime> Snapshot() => Directory.EnumerateFiles(_folder["out", "tms_5-2"], "*", SearchOption.AllDirectories)
        .ToDictionary(file => file, File.GetLastWriteTimeUtc);

    private sealed class Observer(Action<PaperRun> onMoved) : IPaperObserver
    {
        public void Note(PaperRun run, string sentence)
        {
        }

        public void Moved(PaperStanding standing, PaperRun run, bool isStateNew) => onMoved(run);
    }
}
