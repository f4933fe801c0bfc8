using System.Diagnostics;
using Spd.Decomposition;
using Spd.Engine.Execution;
using Spd.Engine.Kernels;
using Spd.Networks.Training;
using Spd.Formats;
using Spd.Networks;
using Spd.Runs.Checkpoints;
using Spd.Runs.Configuration;
using Spd.Runs.Log;
using Spd.Runs.Results;
using Spd.Runs.Targets;

namespace Spd.Runs;

/// <summary>One experiment from its configuration to its report: the target, its decomposition, and everything in the run folder.</summary>
/// <param name="config">The resolved configuration.</param>
/// <param name="threads">Threads.</param>
/// <param name="cache">Where trained targets are kept.</param>
/// <param name="observer">Is told what happens.</param>
public sealed class ExperimentRun(IExperiment config, int threads, TargetCache cache, IRunObserver observer)
{
    // Each has two values, and another configuration any number of them.
    private const int MostDifferences = 10;

    private static readonly TimeSpan ProgressInterval = TimeSpan.FromMilliseconds(100);

    private readonly List<MetricRecord> _metrics = [];
    private readonly StepTimes _times = new(config.Steps);
    private readonly long _start = Stopwatch.GetTimestamp();
    private bool _isMeasuredNonFinite;
    private double _secondsBefore, _checkpointSeconds;
    private int _savedAt = -1;

    /// <summary>Runs it.</summary>
    /// <param name="makeFolder">Makes the run folder; called once the configuration has proved usable and the target is trained.</param>
    /// <param name="cancellation">Ends the run after the current step; what there is by then is measured and written.</param>
    /// <returns>The summary, with the folder; the status says whether all steps were taken.</returns>
    /// <exception cref="TargetException">No target could be trained.</exception>
    /// <exception cref="TrainingException">The target's loss became infinite or not a number; no folder was made.</exception>
    /// <exception cref="NonFiniteLossException">
    /// A loss became infinite or not a number, in a step or when it was measured; the folder keeps what was saved, and a summary that says so.
    /// </exception>
    /// <exception cref="OperationCanceledException">
    /// Stopped before the target was trained; no folder was made, and the next run goes on with the training.
    /// </exception>
    public (RunSummary Summary, RunFolder Folder) Execute(Func<RunFolder> makeFolder, CancellationToken cancellation)
    {
        var target = ProvideTarget(cancellation);
        using var decomposition = config.Decompose(target, threads);
        var folder = makeFolder();
        using var own = folder.Take();
        return (Begin(target, decomposition, folder, cancellation), folder);
    }

    /// <summary>Begins a run anew in its folder, with its target too. What it had written is moved aside, once the target is there.</summary>
    /// <inheritdoc cref="Execute"/>
    /// <param name="folder">Its folder.</param>
    /// <param name="cancellation">Ends the run after the current step.</param>
    /// <returns>The summary.</returns>
    /// <exception cref="RunFolderException">Another program works in the folder.</exception>
    public RunSummary Restart(RunFolder folder, CancellationToken cancellation)
    {
        using var own = folder.Take();
        var target = ProvideTarget(cancellation);
        using var decomposition = config.Decompose(target, threads);
        observer.Note($"the run begins anew; what it had written lies in '{folder.SetAside(TimeProvider.System)}' now");
        return Begin(target, decomposition, folder, cancellation);
    }

    /// <summary>Goes on with a run that did not come to its end, from its newest checkpoint that is good; one that never had any begins anew.</summary>
    /// <param name="folder">Its folder; its configuration is this run's, with the number of steps that it shall have in all.</param>
    /// <param name="cancellation">Ends the run after the current step.</param>
    /// <returns>The summary.</returns>
    /// <exception cref="RunFolderException">
    /// Another program works in the folder, something in it that is needed is missing or damaged, or its checkpoints are of a run that computes something else;
    /// nothing is changed.
    /// </exception>
    /// <exception cref="ConfigException">
    /// The run was planned for another number of steps, and its schedule does not allow more, or a file of data is missing; nothing is changed.
    /// </exception>
    /// <exception cref="NonFiniteLossException">As in <see cref="Execute"/>.</exception>
    public RunSummary Resume(RunFolder folder, CancellationToken cancellation)
    {
        using var own = folder.Take();
        var origin = Origin.Of(config, folder);
        var (checkpoint, damaged) = FindCheckpoint(folder, origin);
        var position = checkpoint?.Position ?? new CheckpointPosition(0, 0, 0, config.Steps);
        if (position.Steps != config.Steps && config.Schedule.DependsOnSteps)
        {
            throw new ConfigException(
                $"the run was planned for {position.Steps} steps and cannot have {config.Steps}: its learning rate (lr_schedule, lr_warmup_pct) depends on "
                + "how many there are; start a new run instead");
        }

        if (config.Steps < position.Step)
            throw new ConfigException($"the run has {position.Step} steps behind it, which is more than the {config.Steps} asked for");
        var target = folder.ReadTarget(config);
        using var decomposition = config.Decompose(target, threads);
        checkpoint?.Restore(decomposition.State.Optimiser);
        decomposition.Resume(position.Step, position.EvaluatedBatches);
        foreach (var (path, reason) in damaged)
        {
            observer.Note($"{reason}; the one before it is used");
            Checkpoint.SetAside(path);
        }

        observer.Note(checkpoint is null ? "the run has no checkpoint yet, and begins anew" : $"going on from step {position.Step}");
        if (position.Kernels != KernelSet.Default().Name)
        {
            observer.Note(
                $"its steps were taken with {position.Kernels} kernels and the next ones with {KernelSet.Default().Name}, which round otherwise: "
                + "the result will be as good as that of a run that never stopped, but not the same to the bit");
        }

        folder.WriteText(folder.ConfigFile, origin.Yaml);
        return Complete(target, decomposition, folder, origin, position, cancellation);
    }

    /// <summary>Gets the model of a finished run back from its last checkpoint, where it is lost or damaged.</summary>
    /// <param name="folder">Its folder.</param>
    /// <returns>Whether it had to be, and was.</returns>
    /// <exception cref="RunFolderException">There is no checkpoint of its end; nothing is changed.</exception>
    public bool RestoreModel(RunFolder folder)
    {
        string? told = folder.Summary?.Hashes.GetValueOrDefault(RunFolder.Model);
        if (File.Exists(folder.ModelFile) && (told is null || FileHash.Compute(folder.ModelFile) == told)) return false;
        using var own = folder.Take();
        var (checkpoint, _) = FindCheckpoint(folder, Origin.Of(config, folder));
        if (checkpoint?.Position.Step != config.Steps)
            throw new RunFolderException($"the {RunFolder.Model} of the run in '{folder.Root}' is lost or damaged, and there is no checkpoint of step {config.Steps}");
        using var decomposition = config.Decompose(folder.ReadTarget(config), threads);
        checkpoint.Restore(decomposition.State.Optimiser);
        decomposition.Save(folder.ModelFile);
        observer.Note($"the {RunFolder.Model} was lost or damaged; it was written anew from the checkpoint of step {config.Steps}");
        return true;
    }

    private TrainedTarget ProvideTarget(CancellationToken cancellation)
    {
        using var pool = new WorkerPool(threads);
        return new TargetProvider(cache, pool, observer).Provide(config.Target, cancellation);
    }

    /// <summary>
    /// The newest checkpoint that is whole, with those that are newer and damaged; null where the run never had one. It must be of a run that computes the same.
    /// </summary>
    private static (Checkpoint? Found, List<(string Path, string Reason)> Damaged) FindCheckpoint(RunFolder folder, Origin origin)
    {
        string fromStart = $"`spd resume {folder.Root} --from-start` begins anew, and moves what is there aside";
        var damaged = new List<(string Path, string Reason)>();
        foreach (string path in Checkpoint.Newest(folder.CheckpointsFolder))
        {
            Checkpoint checkpoint;
            try
            {
                checkpoint = Checkpoint.Read(path);
            }
            catch (FileContentException exception)
            {
                damaged.Add((path, exception.Message));
                continue;
            }

            var differences = origin.Meaning.DifferencesFrom(checkpoint.Meaning);
            if (differences.Count == 0) return (checkpoint, damaged);
            throw new RunFolderException(
                $"the run in '{folder.Root}' cannot go on, because it would compute something else than its checkpoints ({Path.GetFileName(path)}): "
                + $"{string.Join("; ", differences.Take(MostDifferences))}{(differences.Count > MostDifferences ? "; …" : "")}. Change that back, in its config.yaml, with --set or by bringing the file back; {fromStart}");
        }

        if (damaged.Count > 0)
        {
            throw new RunFolderException(
                $"the run in '{folder.Root}' cannot go on, because none of its checkpoints can be used: {string.Join("; ", damaged.Select(one => one.Reason))}; {fromStart}");
        }

        // Where a model was saved, there were steps, and a checkpoint.
        return File.Exists(folder.ModelFile)
            ? throw new RunFolderException($"the run in '{folder.Root}' cannot go on, because its checkpoints are gone, though it has a {RunFolder.Model}; {fromStart}")
            : (null, damaged);
    }

    private RunSummary Begin(TrainedTarget target, IDecomposition decomposition, RunFolder folder, CancellationToken cancellation)
    {
        ModuleWeights.Save(folder.PrepareParent(folder.TargetWeightsFile), target.Network);
        folder.WriteText(folder.TargetConfigFile, target.Config.ToYaml());
        // With its configuration, the folder holds all that a run needs to go on.
        // The seed that was used is part of what runs again as it is; seeds that learnt too little need not be tried twice.
        var origin = Origin.Of(config.WithTarget(target.Config), folder);
        folder.WriteText(folder.ConfigFile, origin.Yaml);
        return Complete(target, decomposition, folder, origin, new CheckpointPosition(0, 0, 0, config.Steps), cancellation);
    }

    private RunSummary Complete(
        TrainedTarget target, IDecomposition decomposition, RunFolder folder, Origin origin, CheckpointPosition position, CancellationToken cancellation)
    {
        var (log, kept) = MetricLog.Continue(folder.MetricsFile, position.LogLines, position.Step);
        if (kept.Count < position.LogLines)
            observer.Note($"the log has only {kept.Count} of the {position.LogLines} lines that were written before the checkpoint; the others are lost");
        _metrics.AddRange(kept);
        _secondsBefore = kept.Count == 0 ? 0 : kept[^1].Seconds;
        using var watch = new RunWatch(origin.Config, folder, observer);
        watch.Begin(decomposition.StepsTaken, kept);
        Evaluation evaluation;
        long evaluatedFrom;
        try
        {
            using (log) Train(decomposition, folder, origin, log, watch, cancellation);
            decomposition.Save(folder.ModelFile);
            evaluatedFrom = decomposition.State.EvaluatedBatches;
            evaluation = decomposition.Measure();
            RequireFinite(evaluation, decomposition.StepsTaken);
        }
        catch (NonFiniteLossException failure)
        {
            if (_metrics.Count > 0) watch.LineWritten(_metrics);
            // A step that fails leaves the components as they were before it. Components that failed when measured do not replace any that were saved.
            if (!_isMeasuredNonFinite) decomposition.Save(folder.ModelFile);
            var failed = Summarise(target, decomposition, folder, origin, RunStatus.Failed) with { Error = failure.Message };
            folder.WriteText(folder.SummaryFile, failed.With(decomposition, evaluation: null).ToJson());
            throw;
        }

        var status = decomposition.StepsTaken == config.Steps ? RunStatus.Finished : RunStatus.Interrupted;
        var summary = (Summarise(target, decomposition, folder, origin, status) with { EvaluatedFrom = evaluatedFrom }).With(decomposition, evaluation);
        var figures = watch.Draw(decomposition, evaluation, _metrics, part: "");
        // It may have been edited or removed in the meantime, but this is what was run.
        if (!File.Exists(folder.ConfigFile) || File.ReadAllText(folder.ConfigFile) != origin.Yaml) folder.WriteText(folder.ConfigFile, origin.Yaml);
        watch.WritePage(summary, figures);
        // A run is finished when its summary says so.
        folder.WriteText(folder.SummaryFile, summary.ToJson());
        return summary;
    }

    private void Train(
        IDecomposition decomposition, RunFolder folder, Origin origin, MetricLog log, RunWatch watch, CancellationToken cancellation)
    {
        int logged = 0;
        long shown = Stopwatch.GetTimestamp();
        long began = shown;
        int saveFreq = config.SaveFreq ?? Math.Max(1, (config.Steps + 9) / 10);
        _savedAt = decomposition.StepsTaken;
        if (config is { ImageFreq: not null, ImageOnFirstStep: true } && decomposition.StepsTaken == 0) DrawFigures(Glance(0), 0);
        _times.Restart();
        try
        {
            decomposition.Train(OnStep, cancellation);
        }
        catch (OperationCanceledException)
        {
            Save();
            throw;
        }

        Save();
        // Of a run that was killed behind its last checkpoint.
        if (decomposition.StepsTaken == config.Steps && _metrics.LastOrDefault()?.Step != config.Steps) WriteLine(config.Steps);

        void OnStep(int taken)
        {
            _times.Record();
            bool isLast = taken == config.Steps;
            bool isRegular = taken % config.PrintFreq == 0 || taken == 1;
            // A run of more steps would not have this line, so that it comes after the checkpoint.
            if (isLast && !isRegular) Save();
            bool isLogLine = isRegular || isLast;
            if (isLogLine) WriteLine(taken);
            // A checkpoint counts the batches that this step has measured on, and comes before all that only watches.
            var glance = config.ImageFreq is { } image && taken % image == 0 && !isLast ? Glance(taken) : null;
            if (taken % saveFreq == 0) Save();
            if (config.SaveFreq is { } save && taken % save == 0 && !isLast) decomposition.Save(folder.ModelFile);
            if (isLogLine) watch.LineWritten(_metrics);
            if (glance is not null) DrawFigures(glance, taken);
            if (isLogLine || Stopwatch.GetElapsedTime(shown) > ProgressInterval)
            {
                shown = Stopwatch.GetTimestamp();
                double recent = isLogLine ? _metrics[^1].MsPerStep : _times.Quantile(0.5, Math.Max(logged, _times.Count - 200));
                observer.Progress(new RunProgress(taken, config.Steps, recent, _metrics.LastOrDefault() ?? new MetricRecord { Step = 0 }, isLogLine));
            }

            _times.Restart();
        }

        void WriteLine(int taken)
        {
            var evaluation = decomposition.Glance();
            _metrics.Add(new MetricRecord
            {
                Step = taken,
                Seconds = _secondsBefore + Stopwatch.GetElapsedTime(began).TotalSeconds,
                MsPerStep = _times.Quantile(0.5, logged),
                Lr = decomposition.LearningRate(taken - 1),
                Losses = evaluation.Losses,
                L0 = evaluation.Sites.ToDictionary(site => site.Name, site => site.L0),
                Alive = evaluation.Sites.ToDictionary(site => site.Name, site => site.Alive),
                Metrics = new (string Name, double Value)[]
                {
                    ("unmasked_recon", evaluation.UnmaskedRecon), ("ci_masked_recon", evaluation.ImportanceMaskedRecon),
                    ("rounded_masked_recon", evaluation.RoundedMaskedRecon),
                }.Where(metric => !double.IsNaN(metric.Value)).ToDictionary(metric => metric.Name, metric => metric.Value),
            });
            log.Write(_metrics[^1]);
            RequireFinite(evaluation, taken);
            logged = _times.Count;
        }

        void Save()
        {
            if (_savedAt == decomposition.StepsTaken) return;
            long start = Stopwatch.GetTimestamp();
            // A checkpoint says how many lines it has behind it, which must not be lost before it is.
            log.FlushToDisk();
            var state = decomposition.State;
            string path = Checkpoint.PathOf(folder.CheckpointsFolder, state.StepsTaken);
            var position = new CheckpointPosition(state.StepsTaken, state.EvaluatedBatches, _metrics.Count, config.Steps);
            Checkpoint.Save(folder.PrepareParent(path), state.Optimiser, position, origin.Meaning);
            Checkpoint.Prune(folder.CheckpointsFolder, state.StepsTaken, saveFreq, config.KeepEvery);
            _savedAt = state.StepsTaken;
            _checkpointSeconds += Stopwatch.GetElapsedTime(start).TotalSeconds;
        }

        Evaluation Glance(int step)
        {
            var evaluation = decomposition.Glance();
            RequireFinite(evaluation, step);
            return evaluation;
        }

        void DrawFigures(Evaluation evaluation, int step) => watch.Draw(decomposition, evaluation, _metrics, $"step-{step:D8}/");
    }

    /// <summary>Fails as a training step does on a loss that is no number.</summary>
    private void RequireFinite(Evaluation evaluation, int step)
    {
        foreach (var (term, value) in evaluation.Losses)
        {
            if (double.IsFinite(value)) continue;
            _isMeasuredNonFinite = true;
            throw new NonFiniteLossException(step, term, value);
        }
    }

    private RunSummary Summarise(TrainedTarget target, IDecomposition decomposition, RunFolder folder, Origin origin, RunStatus status)
    {
        var hashes = new Dictionary<string, string>(origin.Hashes);
        if (File.Exists(folder.ModelFile)) hashes[RunFolder.Model] = FileHash.Compute(folder.ModelFile);
        return new RunSummary
        {
            Experiment = config.Name,
            Seed = config.Seed,
            Steps = decomposition.StepsTaken,
            BatchSize = config.BatchSize,
            Threads = threads,
            Kernels = KernelSet.Default().Name,
            Commit = ProgramVersion.Commit,
            Status = status,
            WallSeconds = Math.Round(_secondsBefore + Stopwatch.GetElapsedTime(_start).TotalSeconds, 3),
            CheckpointSeconds = Math.Round(_checkpointSeconds, 4),
            MsPerStep = new StepTime(_times.Quantile(0.5), _times.Quantile(0.1), _times.Quantile(0.9)),
            Target = target.Origin,
            Hashes = hashes,
            EvaluatedFrom = decomposition.State.EvaluatedBatches,
            Losses = _metrics.LastOrDefault()?.Losses ?? new Dictionary<string, double>(),
        };
    }

    /// <summary>What a run is, as it is kept in memory from its beginning: its files may be edited while it goes on.</summary>
    /// <param name="Config">The configuration, with the target that was used.</param>
    /// <param name="Yaml">Its text.</param>
    /// <param name="Hashes">The content of the files that it rests on.</param>
    /// <param name="Meaning">What it computes.</param>
    private sealed record Origin(IExperiment Config, string Yaml, IReadOnlyDictionary<string, string> Hashes, RunMeaning Meaning)
    {
        public static Origin Of(IExperiment config, RunFolder folder)
        {
            string yaml = config.ToYaml();
            var hashes = folder.HashContents(config);
            // The weights that were loaded are in the folder.
            return new Origin(config, yaml, hashes, RunMeaning.Of(yaml, hashes, "target.load"));
        }
    }
}
