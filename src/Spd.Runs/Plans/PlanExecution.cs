using System.Collections.Concurrent;
using Spd.Decomposition;
using Spd.Engine.Execution;
using Spd.Formats;
using Spd.Networks.Training;
using Spd.Runs.Configuration;
using Spd.Runs.Results;
using Spd.Runs.Targets;

namespace Spd.Runs.Plans;

/// <summary>Runs what is missing of some planned runs, several at once where that is asked for, and has what tells of them written after each.</summary>
/// <param name="runs">The runs, in the order in which they are begun.</param>
/// <param name="folder">Where they lie.</param>
/// <param name="catalog">The shipped experiments.</param>
/// <param name="cache">Where trained targets are kept.</param>
/// <param name="observer">Is told how it goes on, by one run at a time.</param>
/// <param name="write">Writes the page, and whatever else tells of the runs.</param>
public sealed class PlanExecution(
    IEnumerable<PlannedRun> runs, PlanFolder folder, ExperimentCatalog catalog, TargetCache cache, IPlanObserver observer, Action write)
{
    // Guards the standing, the observer and the two files.
    private readonly Lock _lock = new();

    // Runs that share a target train it once: the next begins with its own when the one before has it.
    private readonly Lock _targets = new();

    private IPlanObserver Observer { get; } = observer;

    private Action Write { get; } = write;

    /// <summary>The runs and where they stand.</summary>
    public PlanStanding Standing { get; } = new([.. runs]);

    /// <summary>Whether every run that was asked for has finished.</summary>
    public bool IsComplete => Standing.Runs.All(run => run.State == PlannedRunState.Finished || !run.IsSelected);

    /// <summary>Runs what is missing. What is damaged, foreign or fails is told and passed over; what is finished is not run again.</summary>
    /// <param name="makeBackend">Makes what computes a run; each of those at once has its own.</param>
    /// <param name="atOnce">How many runs at once.</param>
    /// <param name="cancellation">Ends the runs in progress at their next step; the next call goes on with them.</param>
    /// <exception cref="IOException">A file cannot be written, as on a full disk; finished runs are intact.</exception>
    public void Execute(Func<Backend> makeBackend, int atOnce, CancellationToken cancellation)
    {
        foreach (var run in Standing.Runs) Inspect(run);
        WriteResults();
        var waiting = new ConcurrentQueue<PlannedRun>(Standing.Runs.Where(run => run.State == PlannedRunState.Waiting));
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        int workers = Math.Clamp(atOnce, 1, Math.Max(1, waiting.Count));
        try
        {
            Task.WaitAll([.. Enumerable.Range(0, workers).Select(_ => Task.Factory.StartNew(Work, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default))]);
        }
        catch (AggregateException exception)
        {
            var first = exception.Flatten().InnerExceptions[0];
            if (first is not (IOException or UnauthorizedAccessException)) System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(first);
            throw new IOException($"{first.Message.TrimEnd('.')}; finished runs are kept, and the same command goes on from there", first);
        }

        void Work()
        {
            try
            {
                using var backend = makeBackend();
                while (!stop.IsCancellationRequested && waiting.TryDequeue(out var run))
                {
                    Execute(run, backend, stop.Token);
                    WriteResults();
                }
            }
            catch
            {
                // The others end too.
                stop.Cancel();
                throw;
            }
        }
    }

    private void Inspect(PlannedRun run)
    {
        if (run.Plan.Experiment is not { } experiment)
        {
            Move(run, PlannedRunState.Missing, run.Reason);
            return;
        }

        run.Stored = WholeRun.TryRead(folder.PathOf(run.Plan), experiment, catalog, out string? reason);
        if (run.Stored is { } stored)
        {
            run.IsEarlier = !run.IsOpen || run.State == PlannedRunState.Waiting;
            Move(run, stored.Summary.Status == RunStatus.Failed ? PlannedRunState.Failed : PlannedRunState.Finished, stored.Summary.Error);
        }
        else if (reason is not null && !folder.IsFree(run.Plan) && folder.Begun(run.Plan, catalog) is null)
        {
            Move(run, PlannedRunState.Refused, $"'{folder.PathOf(run.Plan)}' is left alone: {reason}");
        }
    }

    private void Execute(PlannedRun run, Backend backend, CancellationToken cancellation)
    {
        _targets.Enter();
        try
        {
            cancellation.ThrowIfCancellationRequested();
            Move(run, PlannedRunState.Target);
            var relay = new Relay(this, run, cancellation);
            if (folder.Begun(run.Plan, catalog) is { } begun)
            {
                // Its target lies in its folder. The seed of it that was used stands in the configuration of the run.
                LetOthers();
                new ExperimentRun(catalog.Load(begun.ConfigFile).Config, backend, cache, relay).Resume(begun, CancellationToken.None);
            }
            else
            {
                new ExperimentRun(run.Plan.Experiment!, backend, cache, relay).Execute(
                    () =>
                    {
                        LetOthers();
                        return RunFolder.CreateAt(folder.PathOf(run.Plan));
                    },
                    CancellationToken.None);
            }

            Inspect(run);
        }
        catch (OperationCanceledException)
        {
            Move(run, PlannedRunState.Interrupted, "stopped by the user; the next call goes on with it");
        }
        catch (NonFiniteLossException exception)
        {
            // What the run wrote about its failure is kept and shown; it would fail alike the next time.
            run.Stored = WholeRun.TryRead(folder.PathOf(run.Plan), run.Plan.Experiment!, catalog, out _);
            Move(run, PlannedRunState.Failed, exception.Message);
        }
        catch (Exception exception) when (exception is TargetException or TrainingException or RunFolderException or SiteSelectionException
            or ConfigException or FileContentException or OutOfMemoryException or OverflowException)
        {
            bool isMemory = exception is OutOfMemoryException or OverflowException;
            Move(run, PlannedRunState.Failed, isMemory ? "there is not enough memory" : exception.Message.TrimEnd('.'));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            Move(run, PlannedRunState.Interrupted, exception.Message.TrimEnd('.'));
            throw;
        }
        finally
        {
            LetOthers();
        }

        void LetOthers()
        {
            if (_targets.IsHeldByCurrentThread) _targets.Exit();
        }
    }

    private void Move(PlannedRun run, PlannedRunState state, string? reason = null)
    {
        lock (_lock)
        {
            run.State = state;
            run.Reason = reason;
            Observer.Moved(Standing, run, isStateNew: true);
        }
    }

    private void WriteResults()
    {
        lock (_lock) Write();
    }

    /// <summary>Passes on what a run tells, and ends it when the user wants so.</summary>
    private sealed class Relay(PlanExecution plan, PlannedRun run, CancellationToken cancellation) : IRunObserver
    {
        public void Note(string sentence)
        {
            lock (plan._lock) plan.Observer.Note(run, sentence);
        }

        public void TargetStep(int step, int steps, double loss)
        {
            cancellation.ThrowIfCancellationRequested();
            lock (plan._lock)
            {
                (run.Step, run.Steps) = (step, steps);
                plan.Observer.Moved(plan.Standing, run, isStateNew: false);
            }
        }

        public void Progress(RunProgress progress)
        {
            cancellation.ThrowIfCancellationRequested();
            lock (plan._lock)
            {
                bool isStateNew = run.State != PlannedRunState.Running;
                run.State = PlannedRunState.Running;
                (run.Step, run.Steps) = (progress.Step, progress.Steps);
                // The first step compiles and touches all memory; it tells nothing of those that follow.
                if (progress.Step > 1) run.MsPerStep = progress.MsPerStep;
                plan.Observer.Moved(plan.Standing, run, isStateNew);
            }
        }
    }
}
