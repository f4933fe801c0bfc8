using System.Diagnostics;
using Spd.Decomposition;
using Spd.Engine.Execution;
using Spd.Engine.Kernels;
using Spd.Networks.Training;
using Spd.Networks.Weights;

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

    /// <summary>Runs it.</summary>
    /// <param name="makeFolder">Makes the run folder; called once the configuration has proved usable and the target is trained.</param>
    /// <param name="cancellation">Ends the run after the current step; what there is by then is measured and written.</param>
    /// <returns>The summary, with the folder; the status says whether all steps were taken.</returns>
    /// <exception cref="TargetException">No target could be trained.</exception>
    /// <exception cref="TrainingException">The target's loss became infinite or not a number; no folder was made.</exception>
    /// <exception cref="NonFiniteLossException">
    /// A loss became infinite or not a number, in a step or when it was measured; the folder keeps what was saved, and a summary that says so.
    /// </exception>
    /// <exception cref="OperationCanceledException">Stopped before the target was trained; no folder was made.</exception>
    public (RunSummary Summary, RunFolder Folder) Execute(Func<RunFolder> makeFolder, CancellationToken cancellation)
    {
        TrainedTarget target;
        using (var pool = new WorkerPool(threads)) target = new TargetProvider(cache, pool, observer).Provide(config.Target, cancellation);
        using var decomposition = config.Decompose(target, threads);

        var folder = makeFolder();
        // The seed that was used is part of what runs again as it is; seeds that learnt too little need not be tried twice.
        folder.WriteText(folder.ConfigFile, config.WithTarget(target.Config).ToYaml());
        ModuleWeights.Save(folder.PrepareParent(folder.TargetWeightsFile), target.Network);
        folder.WriteText(folder.TargetConfigFile, target.Config.ToYaml());

        Evaluation evaluation;
        try
        {
            using (var log = new MetricLog(folder.MetricsFile)) Train(decomposition, folder, log, cancellation);
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
        folder.WriteResults(config, summary, decomposition.Draw(evaluation, _metrics));
        return (summary, folder);
    }

    private void Train(IDecomposition decomposition, RunFolder folder, MetricLog log, CancellationToken cancellation)
    {
        int logged = 0;
        long shown = Stopwatch.GetTimestamp();
        long began = shown;
        if (config is { ImageFreq: not null, ImageOnFirstStep: true }) DrawFigures(0);
        _times.Restart();
        decomposition.Train((taken, learningRate) =>
        {
            _times.Record();
            bool isLast = taken == config.Steps;
            bool isLogLine = taken % config.PrintFreq == 0 || taken == 1 || isLast;
            if (isLogLine)
            {
                var evaluation = decomposition.Glance();
                _metrics.Add(Record(evaluation, taken, learningRate));
                log.Write(_metrics[^1]);
                RequireFinite(evaluation, taken);
                logged = taken;
            }

            if (isLogLine || Stopwatch.GetElapsedTime(shown) > ProgressInterval)
            {
                shown = Stopwatch.GetTimestamp();
                double recent = isLogLine ? _metrics[^1].MsPerStep : _times.Quantile(0.5, Math.Max(logged, taken - 200));
                observer.Progress(new RunProgress(taken, config.Steps, recent, _metrics[^1], isLogLine));
            }

            if (config.SaveFreq is { } save && taken % save == 0 && !isLast) decomposition.Save(folder.ModelFile);
            if (config.ImageFreq is { } image && taken % image == 0 && !isLast) DrawFigures(taken);
            _times.Restart();

            MetricRecord Record(Evaluation evaluation, int steps, double learningRate) => new()
            {
                Step = steps,
                Seconds = Stopwatch.GetElapsedTime(began).TotalSeconds,
                MsPerStep = _times.Quantile(0.5, logged),
                Lr = learningRate,
                Losses = evaluation.Losses,
                L0 = evaluation.Sites.ToDictionary(site => site.Name, site => site.L0),
                Alive = evaluation.Sites.ToDictionary(site => site.Name, site => site.Alive),
                Metrics = new (string Name, double Value)[]
                {
                    ("unmasked_recon", evaluation.UnmaskedRecon), ("ci_masked_recon", evaluation.ImportanceMaskedRecon),
                    ("rounded_masked_recon", evaluation.RoundedMaskedRecon),
                }.Where(metric => !double.IsNaN(metric.Value)).ToDictionary(metric => metric.Name, metric => metric.Value),
            };
        }, cancellation);

        void DrawFigures(int step)
        {
            var evaluation = decomposition.Glance();
            RequireFinite(evaluation, step);
            foreach (var figure in decomposition.Draw(evaluation, _metrics))
                folder.WriteText(folder.FigureFile(Path.Combine($"step-{step:D8}", figure.Name)), figure.Svg);
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
            WallSeconds = Stopwatch.GetElapsedTime(_start).TotalSeconds,
            MsPerStep = (_times.Quantile(0.5), _times.Quantile(0.1), _times.Quantile(0.9)),
            Target = target,
            Losses = _metrics.LastOrDefault()?.Losses ?? new Dictionary<string, double>(),
        }.With(decomposition, evaluation);
}
