using System.Collections.Concurrent;
using Spd.Decomposition;
using Spd.Engine.Execution;
using Spd.Formats;
using Spd.Networks.Training;
using Spd.Runs.Configuration;
using Spd.Runs.Paper;
using Spd.Runs.Results;
using Spd.Runs.Targets;

namespace Spd.Runs.Sweeps;

/// <summary>Runs what is missing of a sweep, several runs at once where that is asked for, and writes its page and its JSON after each.</summary>
/// <param name="plan">The runs.</param>
/// <param name="folder">Where they lie.</param>
/// <param name="catalog">The shipped experiments.</param>
/// <param name="cache">Where trained targets are kept.</param>
/// <param name="observer">Is told how it goes on, by one run at a time.</param>
public sealed class SweepExecution(SweepPlan plan, SweepFolder folder, ExperimentCatalog catalog, TargetCache cache, IPaperObserver observer)
{
    // Guards the standing, the observer and the two files.
    private readonly Lock _lock = new();

    // Runs that share a target train it once: the next begins with its own when the one before has it.
    private readonly Lock _targets = new();

    private IPaperObserver Observer { get; } = observer;

    /// <summary>The runs and where they stand.</summary>
    public PaperStanding Standing { get; } = new([.. plan.Runs.Select(run => run.Run)]);

    /// <summary>Whether every run has finished.</summary>
    public bool IsComplete => Standing.Runs.All(run => run.State == PaperRunState.Finished);

    /// <summary>Runs what is missing. What is damaged, foreign or fails is told and passed over; what is finished is not run again.</summary>
    /// <param name="makeBackend">Makes what computes a run; each of those at once has its own.</param>
    /// <param name="atOnce">How many runs at once.</param>
    /// <param name="cancellation">Ends the runs in progress at their next step; the next call goes on with them.</param>
    /// <exception cref="RunFolderException">A run in the folder is of another configuration; nothing is changed.</exception>
    /// <exception cref="IOException">A file cannot be written, as on a full disk; finished runs are intact.</exception>
    public void Execute(Func<Backend> makeBackend, int atOnce, CancellationToken cancellation)
    {
        folder.RequireSame(Standing.Runs.Select(run => run.Planned), catalog);
        foreach (var run in Standing.Runs) Inspect(run);
        WriteResults();
        var waiting = new ConcurrentQueue<PaperRun>(Standing.Runs.Where(run => run.State == PaperRunState.Waiting));
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

    private void Inspect(PaperRun run)
    {
        run.Stored = WholeRun.TryRead(folder.PathOf(run.Planned), run.Planned.Experiment!, catalog, out string? reason);
        if (run.Stored is { } stored)
        {
            run.IsEarlier = run.State == PaperRunState.Waiting;
            Move(run, stored.Summary.Status == RunStatus.Failed ? PaperRunState.Failed : PaperRunState.Finished, stored.Summary.Error);
        }
        else if (reason is not null && !folder.IsFree(run.Planned) && folder.Begun(run.Planned, catalog) is null)
        {
            Move(run, PaperRunState.Refused, $"'{folder.PathOf(run.Planned)}' is left alone: {reason}");
        }
    }

    private void Execute(PaperRun run, Backend backend, CancellationToken cancellation)
    {
        _targets.Enter();
        try
        {
            cancellation.ThrowIfCancellationRequested();
            Move(run, PaperRunState.Target);
            var relay = new Relay(this, run, cancellation);
            if (folder.Begun(run.Planned, catalog) is { } begun)
            {
                // Its target lies in its folder. The seed of it that was used stands in the configuration of the run.
                LetOthers();
                new ExperimentRun(catalog.Load(begun.ConfigFile).Config, backend, cache, relay).Resume(begun, CancellationToken.None);
            }
            else
            {
                new ExperimentRun(run.Planned.Experiment!, backend, cache, relay).Execute(
                    () =>
                    {
                        LetOthers();
                        return RunFolder.CreateAt(folder.PathOf(run.Planned));
                    },
                    CancellationToken.None);
            }

            Inspect(run);
        }
        catch (OperationCanceledException)
        {
            Move(run, PaperRunState.Interrupted, "stopped by the user; the next call goes on with it");
        }
        catch (NonFiniteLossException exception)
        {
            // What the run wrote about its failure is kept; it would fail alike the next time.
            Move(run, PaperRunState.Failed, exception.Message);
        }
        catch (Exception exception) when (exception is TargetException or TrainingException or RunFolderException or SiteSelectionException
            or ConfigException or FileContentException or OutOfMemoryException or OverflowException)
        {
            bool isMemory = exception is OutOfMemoryException or OverflowException;
            Move(run, PaperRunState.Failed, isMemory ? "there is not enough memory" : exception.Message.TrimEnd('.'));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            Move(run, PaperRunState.Interrupted, exception.Message.TrimEnd('.'));
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

    private void Move(PaperRun run, PaperRunState state, string? reason = null)
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
        lock (_lock)
        {
            var results = new SweepResults(plan);
            AtomicFile.WriteText(folder.JsonFile, results.ToJson());
            AtomicFile.WriteText(folder.PageFile, SweepPage.Of(results));
        }
    }

    /// <summary>Passes on what a run tells, and ends it when the user wants so.</summary>
    private sealed class Relay(SweepExecution sweep, PaperRun run, CancellationToken cancellation) : IRunObserver
    {
        public void Note(string sentence)
        {
            lock (sweep._lock) sweep.Observer.Note(run, sentence);
        }

        public void TargetStep(int step, int steps, double loss)
        {
            cancellation.ThrowIfCancellationRequested();
            lock (sweep._lock)
            {
                (run.Step, run.Steps) = (step, steps);
                sweep.Observer.Moved(sweep.Standing, run, isStateNew: false);
            }
        }

        public void Progress(RunProgress progress)
        {
            cancellation.ThrowIfCancellationRequested();
            lock (sweep._lock)
            {
                bool isStateNew = run.State != PaperRunState.Running;
                run.State = PaperRunState.Running;
                (run.Step, run.Steps) = (progress.Step, progress.Steps);
                // The first step compiles and touches all memory; it tells nothing of those that follow.
                if (progress.Step > 1) run.MsPerStep = progress.MsPerStep;
                sweep.Observer.Moved(sweep.Standing, run, isStateNew);
            }
        }
    }
}
