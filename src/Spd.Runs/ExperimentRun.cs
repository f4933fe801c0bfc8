using System.Diagnostics;
using Spd.Decomposition;
using Spd.Engine.Execution;
using Spd.Networks.Training;
using Spd.Formats;
using Spd.Networks;
using Spd.Runs.Checkpoints;
using Spd.Runs.Configuration;
using Spd.Runs.Results;
using Spd.Runs.Targets;

namespace Spd.Runs;

/// <summary>One experiment from its configuration to its report: the target, its decomposition, and everything in the run folder.</summary>
/// <param name="config">The resolved configuration.</param>
/// <param name="backend">What computes.</param>
/// <param name="cache">Where trained targets are kept.</param>
/// <param name="observer">Is told what happens.</param>
public sealed class ExperimentRun(IExperiment config, Backend backend, TargetCache cache, IRunObserver observer)
{
    private readonly long _start = Stopwatch.GetTimestamp();

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
        using var decomposition = config.Decompose(target, backend);
        var folder = makeFolder();
        using var own = folder.Take();
        return (Begin(target, decomposition, folder, cancellation), folder);
    }

    /// <summary>Begins a run anew in its folder, with its target too. What it had written is moved aside, once the target is there.</summary>
    /// <inheritdoc cref="Execute" path="exception"/>
    /// <param name="folder">Its folder.</param>
    /// <param name="cancellation">Ends the run after the current step.</param>
    /// <returns>The summary.</returns>
    /// <exception cref="RunFolderException">Another program works in the folder.</exception>
    public RunSummary Restart(RunFolder folder, CancellationToken cancellation)
    {
        using var own = folder.Take();
        var target = ProvideTarget(cancellation);
        using var decomposition = config.Decompose(target, backend);
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
        var (checkpoint, damaged) = RunCheckpoints.Find(folder, origin.Meaning);
        var position = checkpoint?.Position ?? new CheckpointPosition(0, 0, 0, config.Steps, backend.Name);
        if (position.Steps != config.Steps && config.DependsOnSteps)
        {
            throw new ConfigException(
                $"the run was planned for {position.Steps} steps and cannot have {config.Steps}: its learning rate (lr_schedule, lr_warmup_pct) or a schedule of its losses depends on "
                + "how many there are; start a new run instead");
        }

        if (config.Steps < position.Step)
            throw new ConfigException($"the run has {position.Step} steps behind it, which is more than the {config.Steps} asked for");
        var target = folder.ReadTarget(config);
        using var decomposition = config.Decompose(target, backend);
        checkpoint?.Restore(decomposition.Training.State.Values);
        decomposition.Training.Resume(position.Step, position.EvaluatedBatches);
        foreach (var (path, reason) in damaged)
        {
            observer.Note($"{reason}; the one before it is used");
            Checkpoint.SetAside(path);
        }

        observer.Note(checkpoint is null ? "the run has no checkpoint yet, and begins anew" : $"going on from step {position.Step}");
        if (position.RemarkOn(backend.Name) is { } remark) observer.Note(remark);

        folder.WriteText(folder.ConfigFile, origin.Yaml);
        // The last line of the log may lie behind the checkpoint.
        double seconds = folder.Summary is { } told && told.Steps == position.Step && double.IsFinite(told.StepSeconds) ? told.StepSeconds : 0;
        return Complete(target, decomposition, folder, origin, position.LogLines, seconds, cancellation);
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
        var (checkpoint, _) = RunCheckpoints.Find(folder, Origin.Of(config, folder).Meaning);
        if (checkpoint?.Position.Step != config.Steps)
            throw new RunFolderException($"the {RunFolder.Model} of the run in '{folder.Root}' is lost or damaged, and there is no checkpoint of step {config.Steps}");
        using var decomposition = config.Decompose(folder.ReadTarget(config), backend);
        checkpoint.Restore(decomposition.Training.State.Values);
        decomposition.Save(folder.ModelFile);
        observer.Note($"the {RunFolder.Model} was lost or damaged; it was written anew from the checkpoint of step {config.Steps}");
        return true;
    }

    private TrainedTarget ProvideTarget(CancellationToken cancellation)
    {
        return new TargetProvider(cache, backend, observer).Provide(config.Target, cancellation);
    }

    private RunSummary Begin(TrainedTarget target, IDecomposition decomposition, RunFolder folder, CancellationToken cancellation)
    {
        ModuleWeights.Save(folder.PrepareParent(folder.TargetWeightsFile), target.Network);
        folder.WriteText(folder.TargetConfigFile, target.Config.ToYaml());
        // With its configuration, the folder holds all that a run needs to go on.
        // The seed that was used is part of what runs again as it is; seeds that learnt too little need not be tried twice.
        var origin = Origin.Of(config.WithTarget(target.Config), folder);
        folder.WriteText(folder.ConfigFile, origin.Yaml);
        return Complete(target, decomposition, folder, origin, linesBefore: 0, secondsBefore: 0, cancellation);
    }

    private RunSummary Complete(
        TrainedTarget target, IDecomposition decomposition, RunFolder folder, Origin origin, int linesBefore, double secondsBefore, CancellationToken cancellation)
    {
        using var log = new RunLog(config, decomposition, folder.MetricsFile, linesBefore, secondsBefore);
        if (log.Lines.Count < linesBefore)
            observer.Note($"the log has only {log.Lines.Count} of the {linesBefore} lines that were written before the checkpoint; the others are lost");
        using var watch = new RunWatch(origin.Config, folder, decomposition, log, observer);
        watch.WriteEvents();
        var parts = new Parts(target, decomposition, folder, origin, log, new RunCheckpoints(config, decomposition, folder, origin.Meaning, log, backend.Name), watch);
        try
        {
            Train(parts, cancellation);
            decomposition.Save(folder.ModelFile);
            long evaluatedFrom = decomposition.Training.State.EvaluatedBatches;
            Evaluation evaluation;
            using (new LongWork(observer, "the result is being measured")) evaluation = decomposition.Measure();
            return Report(parts, evaluation.RequireFinite(decomposition.Training.StepsTaken), evaluatedFrom);
        }
        catch (NonFiniteLossException failure)
        {
            watch.WriteEvents();
            var failed = Summarise(parts, RunStatus.Failed) with { Error = failure.Message };
            folder.WriteText(folder.SummaryFile, failed.With(decomposition, evaluation: null).ToJson());
            throw;
        }
    }

    private void Train(Parts parts, CancellationToken cancellation)
    {
        var (decomposition, log, checkpoints) = (parts.Decomposition, parts.Log, parts.Checkpoints);
        var progress = new ProgressTicker(config, log, observer);
        var listeners = Listeners(parts, progress);
        if (config is { ImageFreq: not null, ImageOnFirstStep: true } && decomposition.Training.StepsTaken == 0)
        {
            parts.Watch.Measure(0);
            parts.Watch.Draw(0);
        }

        try
        {
            while (decomposition.Training.StepsTaken < config.Steps && !cancellation.IsCancellationRequested)
            {
                int taken = Step(parts);
                foreach (var (cadence, act) in listeners)
                    if (cadence.IsDue(taken, config.Steps)) act(taken);
            }
        }
        catch (OperationCanceledException)
        {
            // The observer ends it.
            checkpoints.Save();
            throw;
        }

        checkpoints.Save();
        if (decomposition.Training.StepsTaken < config.Steps || log.Latest?.Step == config.Steps) return;
        // A run of more steps would not have this line, so that it comes after the checkpoint. A run that was killed between the two takes no step here.
        log.Write(config.Steps);
        parts.Watch.WriteEvents();
        if (log.Times.Count > 0) progress.Tell(config.Steps);
    }

    /// <summary>What happens behind a step, in this order. A checkpoint counts the batches that were measured, and comes before all that only watches.</summary>
    private List<(Cadence Cadence, Action<int> Act)> Listeners(Parts parts, ProgressTicker progress)
    {
        var lines = new Cadence(config.PrintFreq, WithFirst: true);
        var figures = new Cadence(config.ImageFreq, WithLast: false);
        return
        [
            (lines, parts.Log.Write),
            (figures, parts.Watch.Measure),
            (new Cadence(parts.Checkpoints.Interval), _ => parts.Checkpoints.Save()),
            (new Cadence(config.SaveFreq, WithLast: false), _ => parts.Decomposition.Save(parts.Folder.ModelFile)),
            (lines, _ => parts.Watch.WriteEvents()),
            (figures, parts.Watch.Draw),
            (new Cadence(1), progress.Tell),
        ];
    }

    private int Step(Parts parts)
    {
        parts.Log.Times.Restart();
        try
        {
            // Before the first line of the log nothing has been shown.
            using var first = parts.Log.Lines.Count > 0 ? null : new LongWork(observer, $"the first of {config.Steps} steps is being computed, with batches of {config.BatchSize}");
            int taken = parts.Decomposition.Training.Step().StepsTaken;
            parts.Log.Times.Record();
            return taken;
        }
        catch (NonFiniteLossException)
        {
            // The components are as they were before it. Those that fail when they are measured do not replace any that were saved.
            parts.Decomposition.Save(parts.Folder.ModelFile);
            throw;
        }
    }

    private RunSummary Report(Parts parts, Evaluation evaluation, long evaluatedFrom)
    {
        var (decomposition, folder, origin) = (parts.Decomposition, parts.Folder, parts.Origin);
        var status = decomposition.Training.StepsTaken == config.Steps ? RunStatus.Finished : RunStatus.Interrupted;
        var summary = (Summarise(parts, status) with { EvaluatedFrom = evaluatedFrom }).With(decomposition, evaluation);
        var figures = parts.Watch.Draw(evaluation);
        // It may have been edited or removed in the meantime, but this is what was run.
        if (!File.Exists(folder.ConfigFile) || File.ReadAllText(folder.ConfigFile) != origin.Yaml) folder.WriteText(folder.ConfigFile, origin.Yaml);
        parts.Watch.WriteReport(summary, figures);
        // A run is finished when its summary says so.
        folder.WriteText(folder.SummaryFile, summary.ToJson());
        return summary;
    }

    private RunSummary Summarise(Parts parts, RunStatus status)
    {
        var (decomposition, folder, log) = (parts.Decomposition, parts.Folder, parts.Log);
        var hashes = new Dictionary<string, string>(parts.Origin.Hashes);
        if (File.Exists(folder.ModelFile)) hashes[RunFolder.Model] = FileHash.Compute(folder.ModelFile);
        return new RunSummary
        {
            Experiment = config.Name,
            Seed = config.Seed,
            Steps = decomposition.Training.StepsTaken,
            BatchSize = config.BatchSize,
            Threads = backend.Threads,
            Kernels = backend.Name,
            Commit = ProgramVersion.Commit,
            Status = status,
            WallSeconds = Math.Round(log.SecondsBefore + Stopwatch.GetElapsedTime(_start).TotalSeconds, 3),
            CheckpointSeconds = Math.Round(parts.Checkpoints.Seconds, 4),
            MsPerStep = new StepTime(log.Times.Quantile(0.5), log.Times.Quantile(0.1), log.Times.Quantile(0.9)),
            Target = parts.Target.Origin,
            Hashes = hashes,
            EvaluatedFrom = decomposition.Training.State.EvaluatedBatches,
            Losses = log.Latest?.Losses ?? new Dictionary<string, double>(),
            Published = config.Published?.Results,
        };
    }

    /// <summary>What takes part in a run.</summary>
    private sealed record Parts(
        TrainedTarget Target, IDecomposition Decomposition, RunFolder Folder, Origin Origin, RunLog Log, RunCheckpoints Checkpoints, RunWatch Watch);

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
            return new Origin(config, yaml, hashes, RunMeaning.Of(yaml, hashes, "target.load", "target.model", "target.hub"));
        }
    }
}
