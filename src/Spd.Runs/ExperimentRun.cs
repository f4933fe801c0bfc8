using System.Diagnostics;
using Spd.Decomposition;
using Spd.Engine.Execution;
using Spd.Engine.Kernels;
using Spd.Networks.Training;
using Spd.Formats;
using Spd.Networks;
using Spd.Runs.Checkpoints;
using Spd.Runs.Configuration;
using Spd.Runs.TensorBoard;

namespace Spd.Runs;

/// <summary>One experiment from its configuration to its report: the target, its decomposition, and everything in the run folder.</summary>
/// <param name="config">The resolved configuration.</param>
/// <param name="threads">Threads.</param>
/// <param name="cache">Where trained targets are kept.</param>
/// <param name="observer">Is told what happens.</param>
public sealed class ExperimentRun(IExperiment config, int threads, TargetCache cache, IRunObserver observer)
{
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
        TrainedTarget target;
        using (var pool = new WorkerPool(threads)) target = new TargetProvider(cache, pool, observer).Provide(config.Target, cancellation);
        using var decomposition = config.Decompose(target, threads);

        var folder = makeFolder();
        using var own = folder.Take();
        ModuleWeights.Save(folder.PrepareParent(folder.TargetWeightsFile), target.Network);
        folder.WriteText(folder.TargetConfigFile, target.Config.ToYaml());
        // With its configuration, the folder holds all that a run needs to go on.
        // The seed that was used is part of what runs again as it is; seeds that learnt too little need not be tried twice.
        folder.WriteText(folder.ConfigFile, config.WithTarget(target.Config).ToYaml());
        return (Complete(target, decomposition, folder, logLines: 0, cancellation), folder);
    }

    /// <summary>Goes on with a run that did not come to its end, from its newest checkpoint that is good, or else from the start.</summary>
    /// <param name="folder">Its folder; its configuration is this run's, with the number of steps that it shall have in all.</param>
    /// <param name="cancellation">Ends the run after the current step.</param>
    /// <returns>The summary.</returns>
    /// <exception cref="RunFolderException">Another program works in the folder, or something in it that is needed is missing or damaged.</exception>
    /// <exception cref="ConfigException">The run was planned for another number of steps, and its schedule does not allow more.</exception>
    /// <exception cref="NonFiniteLossException">As in <see cref="Execute"/>.</exception>
    public RunSummary Resume(RunFolder folder, CancellationToken cancellation)
    {
        using var own = folder.Take();
        var target = folder.ReadTarget(config);
        using var decomposition = config.Decompose(target, threads);
        var position = LoadCheckpoint(decomposition, folder);
        if (position.Steps != config.Steps && config.Schedule.DependsOnSteps)
        {
            throw new ConfigException(
                $"the run was planned for {position.Steps} steps and cannot have {config.Steps}: its learning rate (lr_schedule, lr_warmup_pct) depends on "
                + "how many there are; start a new run instead");
        }

        if (config.Steps < position.Step)
            throw new ConfigException($"the run has {position.Step} steps behind it, which is more than the {config.Steps} asked for");
        folder.WriteText(folder.ConfigFile, config.ToYaml());
        return Complete(target, decomposition, folder, position.LogLines, cancellation);
    }

    private CheckpointPosition LoadCheckpoint(IDecomposition decomposition, RunFolder folder)
    {
        string text = File.ReadAllText(folder.ConfigFile);
        foreach (string path in Checkpoint.Newest(folder.CheckpointsFolder))
        {
            try
            {
                var position = Checkpoint.Load(path, decomposition.State.Optimiser, text);
                decomposition.Resume(position.Step, position.EvaluatedBatches);
                observer.Note($"going on from step {position.Step}");
                if (position.Kernels != KernelSet.Default().Name)
                {
                    observer.Note(
                        $"its steps were taken with {position.Kernels} kernels and the next ones with {KernelSet.Default().Name}, which round otherwise: "
                        + "the result will be as good as that of a run that never stopped, but not the same to the bit");
                }

                return position;
            }
            catch (FileContentException exception)
            {
                observer.Note($"{exception.Message}; the one before it is tried");
            }
        }

        observer.Note("there is no checkpoint that can be used, so the run begins anew");
        return new CheckpointPosition(0, 0, 0, config.Steps);
    }

    private RunSummary Complete(TrainedTarget target, IDecomposition decomposition, RunFolder folder, int logLines, CancellationToken cancellation)
    {
        var (log, kept) = MetricLog.Continue(folder.MetricsFile, logLines);
        _metrics.AddRange(kept);
        _secondsBefore = kept.Count == 0 ? 0 : kept[^1].Seconds;
        using var events = config.TensorBoard ? EventLog.Begin(folder.TensorBoardFolder, decomposition.StepsTaken, kept) : null;
        Evaluation evaluation;
        try
        {
            using (log) Train(decomposition, folder, log, events, cancellation);
            decomposition.Save(folder.ModelFile);
            evaluation = decomposition.Measure();
            RequireFinite(evaluation, decomposition.StepsTaken);
        }
        catch (NonFiniteLossException failure)
        {
            folder.WriteText(folder.SummaryFile, Summarise(target, decomposition, RunStatus.Failed, evaluation: null, failure.Message).ToJson());
            // A step that fails leaves the components as they were before it. Components that failed when measured do not replace any that were saved.
            if (!_isMeasuredNonFinite) decomposition.Save(folder.ModelFile);
            throw;
        }

        var status = decomposition.StepsTaken == config.Steps ? RunStatus.Finished : RunStatus.Interrupted;
        var summary = Summarise(target, decomposition, status, evaluation);
        var figures = decomposition.Draw(evaluation, _metrics);
        folder.WriteResults(config, summary, figures);
        events?.Write(decomposition.StepsTaken, evaluation, figures, part: "");
        return summary;
    }

    private void Train(IDecomposition decomposition, RunFolder folder, MetricLog log, EventLog? events, CancellationToken cancellation)
    {
        int logged = 0;
        long shown = Stopwatch.GetTimestamp();
        long began = shown;
        int saveFreq = config.SaveFreq ?? Math.Max(1, (config.Steps + 9) / 10);
        _savedAt = decomposition.StepsTaken;
        if (config is { ImageFreq: not null, ImageOnFirstStep: true } && decomposition.StepsTaken == 0) DrawFigures(0);
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
            if (config.ImageFreq is { } image && taken % image == 0 && !isLast) DrawFigures(taken);
            if (config.SaveFreq is { } save && taken % save == 0 && !isLast) decomposition.Save(folder.ModelFile);
            if (taken % saveFreq == 0) Save();
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
            events?.Write(_metrics[^1]);
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
            Checkpoint.Save(folder.PrepareParent(path), state.Optimiser, position, File.ReadAllText(folder.ConfigFile));
            Checkpoint.Prune(folder.CheckpointsFolder, saveFreq, config.KeepEvery);
            _savedAt = state.StepsTaken;
            _checkpointSeconds += Stopwatch.GetElapsedTime(start).TotalSeconds;
        }

        void DrawFigures(int step)
        {
            var evaluation = decomposition.Glance();
            RequireFinite(evaluation, step);
            string part = $"step-{step:D8}/";
            var figures = decomposition.Draw(evaluation, _metrics);
            foreach (var figure in figures) folder.WriteText(folder.FigureFile(part + figure.Name), figure.Svg);
            events?.Write(step, evaluation, figures, part);
        }
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

    private RunSummary Summarise(TrainedTarget target, IDecomposition decomposition, RunStatus status, Evaluation? evaluation, string? error = null) =>
        new RunSummary
        {
            Experiment = config.Name,
            Seed = config.Seed,
            Steps = decomposition.StepsTaken,
            BatchSize = config.BatchSize,
            Threads = threads,
            Kernels = KernelSet.Default().Name,
            Status = status,
            Error = error,
            WallSeconds = _secondsBefore + Stopwatch.GetElapsedTime(_start).TotalSeconds,
            CheckpointSeconds = _checkpointSeconds,
            MsPerStep = (_times.Quantile(0.5), _times.Quantile(0.1), _times.Quantile(0.9)),
            Target = target,
            Losses = _metrics.LastOrDefault()?.Losses ?? new Dictionary<string, double>(),
        }.With(decomposition, evaluation);
}
