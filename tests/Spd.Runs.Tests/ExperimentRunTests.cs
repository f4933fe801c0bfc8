using Spd.Engine.Execution;
using Spd.Decomposition;
using Spd.Engine.Optimisation;
using Spd.Runs.Configuration;
using Spd.Runs.Checkpoints;
using Spd.Runs.Log;
using Spd.Runs.Reporting;
using Spd.Runs.Results;
using Spd.Runs.Targets;
using Spd.Runs.Tests.TensorBoard;

namespace Spd.Runs.Tests;

/// <summary>What happens to the folder of a run while the run goes on, between two of its parts, and behind its end.</summary>
public sealed class ExperimentRunTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private ExperimentCatalog Catalog => new(_folder.Root);

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void AConfigurationThatIsEditedOrRemovedMeanwhileNeitherEndsNorConfusesTheRun(bool isRemoved)
    {
        var config = Config();
        var observer = new Observer
        {
            [15] = () =>
            {
                string file = _folder["run", "config.yaml"];
                string edited = File.ReadAllText(file).Replace("lr: 0.001", "lr: 0.5", StringComparison.Ordinal);
                Assert.Contains("lr: 0.5", edited, StringComparison.Ordinal);
                if (isRemoved) File.Delete(file);
                else File.WriteAllText(file, edited);
            },
        };
        var (summary, folder) = Begin(config, observer);
        Assert.Equal(RunStatus.Finished, summary.Status);
        Assert.Equal(config.ToYaml(), Catalog.Load(folder.ConfigFile).Config.ToYaml());
        Assert.Contains("lr: 0.001", File.ReadAllText(folder.ReportFile), StringComparison.Ordinal);
        string[] checkpoints = [.. Checkpoint.Newest(folder.CheckpointsFolder)];
        Assert.Equal(2, checkpoints.Length);
        Assert.All(checkpoints, path => Assert.Empty(Checkpoint.Read(path).Meaning.DifferencesFrom(Checkpoint.Read(checkpoints[0]).Meaning)));
    }

    [Fact]
    public void AFolderThatIsGoneEndsTheRunWithTheReason()
    {
        var observer = new Observer { [15] = () => Directory.Move(_folder["run"], _folder["elsewhere"]) };
        Assert.Contains(
            "was removed or renamed while it was computed", Assert.Throws<DirectoryNotFoundException>(() => Begin(Config(), observer)).Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_folder["run"]));
        // Where it is now, it goes on.
        Assert.Equal(RunStatus.Finished, Resume(RunFolder.Open(_folder["elsewhere"])).Status);
    }

    [Fact]
    public void EventFilesThatCouldNotBeWrittenForAWhileMissNothingAfterwards()
    {
        string yaml = $"{TinyExperiment.Yaml(steps: 40)}\nsave_freq: 10\nimage_freq: 10\ntensorboard: true";
        var observer = new Observer
        {
            [1] = () =>
            {
                // Both are in the way of a folder.
                Directory.Move(_folder["run", "tensorboard"], _folder["tensorboard"]);
                File.WriteAllText(_folder["run", "tensorboard"], "");
                Directory.Delete(_folder["run", "figures"], recursive: true);
                File.WriteAllText(_folder["run", "figures"], "");
            },
            [30] = () =>
            {
                File.Delete(_folder["run", "tensorboard"]);
                File.Delete(_folder["run", "figures"]);
            },
        };
        var (summary, folder) = Begin(Parse(yaml), observer);
        Assert.Equal(RunStatus.Finished, summary.Status);
        // The open file went on where it was moved to, which the system allows: nothing had to be told of it.
        string warning = Assert.Single(observer.Warnings);
        Assert.StartsWith("the figures could not be written, and the run goes on without: ", warning, StringComparison.Ordinal);
        Assert.True(File.Exists(folder.FigureFile("training")));
        Assert.False(File.Exists(folder.FigureFile("step-00000020/training")));
        Assert.Equal([1, 10, 20, 30, 40], EventReader.ReadFolder(_folder["tensorboard"]).Where(value => value.Tag == "training/lr").Select(value => value.Step));

        // A run that goes on begins a new file, which cannot be made at first.
        File.Delete(folder.SummaryFile);
        foreach (string path in Checkpoint.Newest(folder.CheckpointsFolder).Where(path => path.EndsWith("40.safetensors", StringComparison.Ordinal))) File.Delete(path);
        File.WriteAllText(_folder["run", "tensorboard"], "");
        observer = new Observer { [31] = () => File.Delete(_folder["run", "tensorboard"]) };
        Assert.Equal(RunStatus.Finished, Resume(folder, observer).Status);
        Assert.Contains("the event files for TensorBoard could not be written", Assert.Single(observer.Warnings), StringComparison.Ordinal);
        Assert.Equal([1, 10, 20, 30, 40], EventReader.ReadFolder(folder.TensorBoardFolder).Where(value => value.Tag == "training/lr").Select(value => value.Step));
    }

    [Fact]
    public void WhatIsDueBehindAStepComesInItsOrder()
    {
        var config = Parse($"{TinyExperiment.Yaml(steps: 20)}\nsave_freq: 3\nkeep_every: 1\nimage_freq: 5") with { PrintFreq = 7 };
        var (summary, folder) = Begin(config);
        Assert.Equal([1, 7, 14, 20], MetricLog.Read(folder.MetricsFile).Select(line => line.Step));
        Assert.Equal(["step-00000000", "step-00000005", "step-00000010", "step-00000015"], Directory.GetDirectories(folder.FiguresFolder).Select(Path.GetFileName).Order());
        // A checkpoint counts the batch that its step's figures are drawn from, and the one of its step's line, unless only the last step has one.
        Assert.Equal(
            [(3, 2, 1), (6, 3, 1), (9, 4, 2), (12, 5, 2), (15, 7, 3), (18, 7, 3), (20, 7, 3)],
            Checkpoint.Newest(folder.CheckpointsFolder).Reverse().Select(path => Checkpoint.Read(path).Position)
                .Select(position => (position.Step, position.EvaluatedBatches, position.LogLines)));
        Assert.Equal(8, summary.EvaluatedFrom);
    }

    [Fact]
    public void TheLineOfALastStepThatWasLostIsWrittenWithoutAStep()
    {
        var config = Parse($"{TinyExperiment.Yaml(steps: 20)}\nsave_freq: 3\ntensorboard: true") with { PrintFreq = 7 };
        var (summary, folder) = Begin(config);
        var whole = MetricLog.Read(folder.MetricsFile);
        File.WriteAllLines(folder.MetricsFile, File.ReadAllLines(folder.MetricsFile)[..^1]);
        File.Delete(folder.SummaryFile);
        // Nothing moves, so that nothing is told of a time of steps that there were none of.
        Assert.Equal(summary.Losses, Run(config, new Observer { [0] = () => Assert.Fail("no step was taken") }).Resume(folder, CancellationToken.None).Losses);
        Assert.Equal(
            whole.Select(line => (line.Step, line.Lr, line.Losses["total"])),
            MetricLog.Read(folder.MetricsFile).Select(line => (line.Step, line.Lr, line.Losses["total"])));
        Assert.Equal([1, 7, 14, 20], EventReader.ReadFolder(folder.TensorBoardFolder).Where(value => value.Tag == "training/lr").Select(value => value.Step));
    }

    [Fact]
    public void FiguresAndPagesThatFailCostNeitherSummaryNorReport()
    {
        var observer = new Observer();
        var run = new ExperimentRun(new WithoutFigures(Config()), TestBackend.Create(1), new TargetCache(_folder["cache"]), observer);
        var (summary, folder) = run.Execute(() => RunFolder.CreateAt(_folder["run"]), CancellationToken.None);
        Assert.Equal(RunStatus.Finished, summary.Status);
        Assert.True(folder.IsFinished(40));
        Assert.True(File.Exists(folder.ReportFile));
        Assert.Equal(
            ["the figures could not be written, and the run goes on without: no ink", "the pages besides the report could not be written, and the run goes on without: no paper"],
            observer.Warnings);

        File.Delete(folder.ReportFile);
        File.Delete(folder.SummaryFile);
        var warnings = new List<string>();
        var again = new SavedRun(folder, new WithoutFigures(Config()), summary).Report(TestBackend.Create(1), warnings.Add);
        Assert.Equal(summary.Losses, again.Losses);
        Assert.True(folder.IsFinished(40));
        Assert.Contains("MMCS", File.ReadAllText(folder.ReportFile), StringComparison.Ordinal);
        Assert.Equal(
            ["the figures could not be drawn, and the report is without them: no ink", "the pages besides it could not be written, and the report is without them: no paper"],
            warnings);
    }

    [Fact]
    public void WhatTheRunRestsOnIsInItsSummaryAndCheckedWhenItIsMeasured()
    {
        var (summary, folder) = Begin(Config());
        Assert.Equal(["model.safetensors", "target/weights.safetensors"], summary.Hashes.Keys.Order());
        var saved = SavedRun.Open(folder.Root, Catalog);
        var again = saved.Measure(TestBackend.Create(1));
        // Every number, to the bit.
        Assert.Equal(summary.ToJson(), (again with { Hashes = summary.Hashes }).ToJson());
        Assert.Equal(summary.Hashes.OrderBy(entry => entry.Key), again.Hashes.OrderBy(entry => entry.Key));
        string before = File.ReadAllText(folder.SummaryFile);
        saved.Report(TestBackend.Create(1));
        Assert.Equal(before, File.ReadAllText(folder.SummaryFile));

        foreach (string file in new[] { folder.ModelFile, folder.TargetWeightsFile })
        {
            byte[] good = File.ReadAllBytes(file);
            byte[] changed = [.. good];
            changed[^1] ^= 1;
            File.WriteAllBytes(file, changed);
            string refusal = Assert.Throws<RunFolderException>(() => SavedRun.Open(folder.Root, Catalog).Measure(TestBackend.Create(1))).Message;
            Assert.StartsWith($"'{Path.Combine(folder.Root, Path.GetRelativePath(folder.Root, file))}' is not the file that", refusal, StringComparison.Ordinal);
            Assert.Throws<RunFolderException>(() => SavedRun.Open(folder.Root, Catalog).Report(TestBackend.Create(1)));
            File.WriteAllBytes(file, good);
        }

        Assert.Equal(before, File.ReadAllText(folder.SummaryFile));
    }

    [Fact]
    public void ARunIsNeitherMeasuredNorReportedWhileItIsComputed()
    {
        var (_, folder) = Begin(Config());
        using (folder.Take())
        {
            string refusal = Assert.Throws<RunFolderException>(() => SavedRun.Open(folder.Root, Catalog)).Message;
            Assert.Contains($"is being computed by another program (process {Environment.ProcessId}, after step 40)", refusal, StringComparison.Ordinal);
        }

        var saved = SavedRun.Open(folder.Root, Catalog);
        using (folder.Take()) Assert.Throws<RunFolderException>(() => saved.Report(TestBackend.Create(1)));
        saved.Report(TestBackend.Create(1));
    }

    [Fact]
    public void ARunThatLostItsCheckpointsIsNotBegunAnewUnasked()
    {
        var (_, folder) = Begin(Config());
        Directory.Delete(folder.CheckpointsFolder, recursive: true);
        var longer = Parse(TinyExperiment.Yaml(steps: 60));
        string model = Hash(folder.ModelFile), log = Hash(folder.MetricsFile);
        Assert.EndsWith(
            $"its checkpoints are gone, though it has a model.safetensors; `spd resume {folder.Root} --from-start` begins anew, and moves what is there aside",
            Assert.Throws<RunFolderException>(() => Run(longer).Resume(folder, CancellationToken.None)).Message, StringComparison.Ordinal);
        Assert.Equal((model, log), (Hash(folder.ModelFile), Hash(folder.MetricsFile)));

        Assert.Equal(60, Run(longer).Restart(folder, CancellationToken.None).Steps);
        string aside = Assert.Single(Directory.GetDirectories(folder.Root, "before-*"));
        Assert.Equal((model, log), (Hash(Path.Combine(aside, "model.safetensors")), Hash(Path.Combine(aside, "metrics.jsonl"))));
        // It is the folder of a run itself, which can be measured.
        Assert.Equal(RunStatus.Finished, SavedRun.Open(aside, Catalog).Measure(TestBackend.Create(1)).Status);

        static string Hash(string path) => Spd.Formats.FileHash.Compute(path);
    }

    [Fact]
    public void AModelComesBackFromTheLastCheckpointOnlyWhereItIsThatOfTheEnd()
    {
        var (_, folder) = Begin(Config());
        byte[] model = File.ReadAllBytes(folder.ModelFile);
        Assert.False(Run(Config()).RestoreModel(folder));
        File.WriteAllBytes(folder.ModelFile, [.. model, 0]);
        Assert.True(Run(Config()).RestoreModel(folder));
        Assert.Equal(model, File.ReadAllBytes(folder.ModelFile));
        File.Delete(folder.ModelFile);
        File.Delete(Checkpoint.PathOf(folder.CheckpointsFolder, 40));
        Assert.Contains("there is no checkpoint of step 40", Assert.Throws<RunFolderException>(() => Run(Config()).RestoreModel(folder)).Message, StringComparison.Ordinal);
    }

    private static ExperimentConfig Parse(string yaml) => ExperimentConfig.Parse(yaml, "tiny.yaml", [], new ExperimentCatalog("nowhere")).Config;

    private static ExperimentConfig Config() => Parse($"{TinyExperiment.Yaml(steps: 40)}\nsave_freq: 10\nlr_schedule: constant");

    private ExperimentRun Run(IExperiment config, IRunObserver? observer = null) =>
        new(config, TestBackend.Create(1), new TargetCache(_folder["cache"]), observer ?? new Observer());

    private (RunSummary Summary, RunFolder Folder) Begin(IExperiment config, Observer? observer = null) =>
        Run(config, observer).Execute(() => RunFolder.CreateAt(_folder["run"]), CancellationToken.None);

    private RunSummary Resume(RunFolder folder, Observer? observer = null) =>
        Run(Catalog.Load(folder.ConfigFile).Config, observer).Resume(folder, CancellationToken.None);

    /// <summary>Does something once, behind a step of the log or the first one after it.</summary>
    private sealed class Observer : IRunObserver
    {
        private readonly SortedList<int, Action> _actions = [];

        public Action this[int step] { set => _actions[step] = value; }

        public List<string> Warnings { get; } = [];

        public void Note(string sentence)
        {
        }

        public void Warn(string sentence) => Warnings.Add(sentence);

        public void TargetStep(int step, int steps, double loss)
        {
        }

        public void Progress(RunProgress progress)
        {
            while (_actions.Count > 0 && _actions.GetKeyAtIndex(0) <= progress.Step)
            {
                var action = _actions.GetValueAtIndex(0);
                _actions.RemoveAt(0);
                action();
            }
        }
    }

    /// <summary>An experiment whose figures and pages fail.</summary>
    private sealed class WithoutFigures(ExperimentConfig config) : IExperiment
    {
        private IExperiment Inner => config;

        public string Name => Inner.Name;

        public string Description => Inner.Description;

        public ulong Seed => Inner.Seed;

        public int Steps => Inner.Steps;

        public int BatchSize => Inner.BatchSize;

        public int PrintFreq => Inner.PrintFreq;

        public int? ImageFreq => Inner.ImageFreq;

        public bool ImageOnFirstStep => Inner.ImageOnFirstStep;

        public int? SaveFreq => Inner.SaveFreq;

        public int? KeepEvery => Inner.KeepEvery;

        public bool TensorBoard => Inner.TensorBoard;

        public PublishedNumbers? Published => Inner.Published;

        public double Lr => Inner.Lr;

        public LearningRateSchedule Schedule => Inner.Schedule;

        public TargetConfig Target => Inner.Target;

        public double Work => Inner.Work;

        public IExperiment WithTarget(TargetConfig target) => new WithoutFigures((ExperimentConfig)Inner.WithTarget(target));

        public IDecomposition Decompose(TrainedTarget target, Backend backend) => new Decomposition(Inner.Decompose(target, backend));

        public string ToYaml() => Inner.ToYaml();

        private sealed class Decomposition(IDecomposition inner) : IDecomposition
        {
            public IReadOnlyList<FactoredMatrix> Matrices => inner.Matrices;

            public Training Training => inner.Training;

            public OutputLoss OutputLoss => inner.OutputLoss;

            public Evaluation Glance() => inner.Glance();

            public Evaluation Measure() => inner.Measure();

            public IEnumerable<(string Metric, MetricValue Value)> Evidence(Evaluation? evaluation) => inner.Evidence(evaluation);

            public LabelledRows? Rows => inner.Rows;

            public IReadOnlyList<RunFigure> Draw(Evaluation evaluation, IReadOnlyList<MetricRecord> metrics) => throw new InvalidOperationException("no ink.");

            public IReadOnlyList<RunPage> WritePages() => throw new InvalidOperationException("no paper.");

            public void Save(string path) => inner.Save(path);

            public void Load(string path) => inner.Load(path);

            public void Dispose() => inner.Dispose();
        }
    }
}
