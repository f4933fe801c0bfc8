using Spd.Engine.Execution;
using Spd.Decomposition;
using Spd.Networks.Training;
using Spd.Formats;
using Spd.Runs.Configuration;
using Spd.Runs.Results;
using Spd.Runs.Targets;

namespace Spd.Runs.Paper;

/// <summary>Runs what is missing of the paper, one run after the other, and writes the page after each.</summary>
/// <param name="plan">The runs.</param>
/// <param name="parts">Those that were asked for; the page shows what is there of the others too.</param>
/// <param name="folder">Where they lie.</param>
/// <param name="backend">What computes.</param>
/// <param name="cache">Where trained targets are kept.</param>
/// <param name="observer">Is told how it goes on.</param>
public sealed class PaperReproduction(PaperPlan plan, PaperParts parts, PaperFolder folder, Backend backend, TargetCache cache, IPaperObserver observer)
{
    private readonly IPaperObserver _observer = observer;

    /// <summary>The runs and where they stand.</summary>
    public PaperStanding Standing { get; } = new([.. plan.Runs.Select(run => new PaperRun(run, (run.Parts & parts) != PaperParts.None))]);

    /// <summary>Whether every run that was asked for has finished.</summary>
    public bool IsComplete => Standing.Runs.All(run => run.State == PaperRunState.Finished || !run.IsSelected);

    /// <summary>Runs what is missing. What is damaged, foreign or fails is told and passed over; what is finished is not run again.</summary>
    /// <param name="cancellation">Ends the run in progress at its next step, and with it the reproduction; the next call goes on with that run.</param>
    /// <exception cref="IOException">A file cannot be written, as on a full disk; finished runs are intact.</exception>
    public void Execute(CancellationToken cancellation)
    {
        foreach (var run in Standing.Runs) Inspect(run);
        try
        {
            WritePage();
            foreach (var run in Standing.Runs.Where(run => run.State == PaperRunState.Waiting).ToList())
            {
                if (cancellation.IsCancellationRequested) break;
                Execute(run, cancellation);
                WritePage();
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new IOException($"{exception.Message.TrimEnd('.')}; finished runs are kept, and the same command goes on from there", exception);
        }
    }

    private void Inspect(PaperRun run)
    {
        if (run.Planned.Experiment is not { } experiment)
        {
            _observer.Moved(Standing, run, isStateNew: true);
            return;
        }

        run.Stored = WholeRun.TryRead(folder.PathOf(run.Planned), experiment, plan.Catalog, out string? reason);
        if (reason is not null)
        {
            Move(run, PaperRunState.Refused, $"'{folder.PathOf(run.Planned)}' is left alone: {reason}");
        }
        else if (run.Stored is { } stored)
        {
            run.IsEarlier = !run.IsOpen || run.State == PaperRunState.Waiting;
            Move(run, stored.Summary.Status == RunStatus.Failed ? PaperRunState.Failed : PaperRunState.Finished, stored.Summary.Error);
        }
    }

    private void Execute(PaperRun run, CancellationToken cancellation)
    {
        var planned = run.Planned;
        Move(run, PaperRunState.Target);
        try
        {
            var relay = new Relay(this, run, cancellation);
            if (folder.Begun(planned, plan.Catalog) is { } begun)
            {
                // The target's seed that was used stands in the configuration of the run.
                new ExperimentRun(plan.Catalog.Load(begun.ConfigFile).Config, backend, cache, relay).Resume(begun, CancellationToken.None);
            }
            else
            {
                var made = folder.Begin(planned);
                new ExperimentRun(planned.Experiment!, backend, cache, relay).Execute(() => made, CancellationToken.None);
            }

            folder.Complete(planned);
            Inspect(run);
        }
        catch (OperationCanceledException)
        {
            Move(run, PaperRunState.Interrupted, "stopped by the user; the next call goes on with it");
            if (folder.Begun(planned, plan.Catalog) is null) folder.Discard(planned);
        }
        catch (NonFiniteLossException exception)
        {
            // What the run wrote about its failure is kept; it would fail alike the next time.
            folder.Complete(planned);
            Inspect(run);
            Move(run, PaperRunState.Failed, exception.Message);
        }
        catch (Exception exception) when (exception is TargetException or TrainingException or RunFolderException or SiteSelectionException
            or ConfigException or FileContentException or OutOfMemoryException or OverflowException)
        {
            bool isMemory = exception is OutOfMemoryException or OverflowException;
            Move(run, PaperRunState.Failed, isMemory ? "there is not enough memory" : exception.Message.TrimEnd('.'));
            folder.Discard(planned);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            Move(run, PaperRunState.Interrupted, exception.Message.TrimEnd('.'));
            if (folder.Begun(planned, plan.Catalog) is null) folder.Discard(planned);
            throw;
        }
    }

    private void Move(PaperRun run, PaperRunState state, string? reason = null)
    {
        run.State = state;
        run.Reason = reason;
        _observer.Moved(Standing, run, isStateNew: true);
    }

    private void WritePage() => AtomicFile.WriteText(folder.PageFile, PaperPage.Of(plan, Standing.Runs, folder.Root, backend.Threads));

    /// <summary>Passes on what a run tells, and ends it when the user wants so.</summary>
    private sealed class Relay(PaperReproduction reproduction, PaperRun run, CancellationToken cancellation) : IRunObserver
    {
        public void Note(string sentence) => reproduction._observer.Note(run, sentence);

        public void TargetStep(int step, int steps, double loss)
        {
            cancellation.ThrowIfCancellationRequested();
            (run.Step, run.Steps) = (step, steps);
            reproduction._observer.Moved(reproduction.Standing, run, isStateNew: false);
        }

        public void Progress(RunProgress progress)
        {
            cancellation.ThrowIfCancellationRequested();
            bool isStateNew = run.State != PaperRunState.Running;
            run.State = PaperRunState.Running;
            (run.Step, run.Steps) = (progress.Step, progress.Steps);
            // The first step compiles and touches all memory; it tells nothing of those that follow.
            if (progress.Step > 1) run.MsPerStep = progress.MsPerStep;
            reproduction._observer.Moved(reproduction.Standing, run, isStateNew);
        }
    }
}
