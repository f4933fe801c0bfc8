namespace Spd.Runs.Plans;

/// <summary>Where a planned run stands.</summary>
public enum PlannedRunState
{
    /// <summary>It is still to be run.</summary>
    Waiting,

    /// <summary>Its target is being trained or looked up.</summary>
    Target,

    /// <summary>It is being run.</summary>
    Running,

    /// <summary>It finished, now or earlier.</summary>
    Finished,

    /// <summary>It failed, now or earlier.</summary>
    Failed,

    /// <summary>Its folder holds something else or something damaged, which is left alone.</summary>
    Refused,

    /// <summary>Its experiment cannot be had.</summary>
    Missing,

    /// <summary>The user stopped it; the next call goes on with it.</summary>
    Interrupted,

    /// <summary>It was not asked for this time.</summary>
    NotAsked,
}

/// <summary>A planned run and what has become of it.</summary>
/// <param name="plan">The plan.</param>
/// <param name="isSelected">Whether it was asked for.</param>
public sealed class PlannedRun(RunPlan plan, bool isSelected)
{
    /// <summary>The plan.</summary>
    public RunPlan Plan { get; } = plan;

    /// <summary>Whether it was asked for.</summary>
    public bool IsSelected { get; } = isSelected;

    /// <summary>Where it stands.</summary>
    public PlannedRunState State { get; internal set; } =
        plan.Experiment is null ? PlannedRunState.Missing : isSelected ? PlannedRunState.Waiting : PlannedRunState.NotAsked;

    /// <summary>Why it cannot be had, failed or was refused: a sentence without its full stop.</summary>
    public string? Reason { get; internal set; } = plan.MissingReason;

    /// <summary>Whether it was finished before this call.</summary>
    public bool IsEarlier { get; internal set; }

    /// <summary>What lies in its folder, once it has finished or failed.</summary>
    public StoredRun? Stored { get; internal set; }

    /// <summary>Steps taken, of the target or of the decomposition, while it is being run.</summary>
    public int Step { get; internal set; }

    /// <summary>Steps in all, of the target or of the decomposition.</summary>
    public int Steps { get; internal set; } = plan.Experiment?.Steps ?? 0;

    /// <summary>Milliseconds of a step as measured while it is being run, or null.</summary>
    public double? MsPerStep { get; internal set; }

    /// <summary>Whether it is still to be run, or just being run.</summary>
    public bool IsOpen => State is PlannedRunState.Waiting or PlannedRunState.Target or PlannedRunState.Running;
}

/// <summary>Where all runs stand.</summary>
/// <param name="Runs">The runs, in the order in which they are run.</param>
public sealed record PlanStanding(IReadOnlyList<PlannedRun> Runs)
{
    /// <summary>The run that is being run, or null.</summary>
    public PlannedRun? Current => Runs.FirstOrDefault(run => run.State is PlannedRunState.Target or PlannedRunState.Running);

    /// <summary>
    /// The time that the open runs will take: their remaining steps times the milliseconds of a step, which are measured in the same run, or in
    /// another of the same experiment, or else guessed. Targets and final evaluations come on top.
    /// </summary>
    public TimeSpan TimeLeft => TimeSpan.FromMilliseconds(Runs.Where(run => run.IsOpen).Sum(run => MsPerStep(run).Value * StepsLeft(run)));

    /// <summary>Whether a guess is part of <see cref="TimeLeft"/>.</summary>
    public bool IsGuess => Runs.Any(run => run.IsOpen && !MsPerStep(run).IsMeasured);

    /// <summary>The share of the work that is done, from 0 to 1, measured in time.</summary>
    public double Done
    {
        get
        {
            double all = 0, left = 0;
            foreach (var run in Runs.Where(run => run.IsOpen || run is { IsSelected: true, State: PlannedRunState.Finished }))
            {
                double ms = MsPerStep(run).Value;
                all += ms * run.Plan.Experiment!.Steps;
                if (run.IsOpen) left += ms * StepsLeft(run);
            }

            return all > 0 ? 1 - (left / all) : 1;
        }
    }

    private static int StepsLeft(PlannedRun run) => run.Plan.Experiment!.Steps - (run.State == PlannedRunState.Running ? run.Step : 0);

    private (double Value, bool IsMeasured) MsPerStep(PlannedRun run)
    {
        double? measured = Measured(run)
            ?? Runs.Where(other => other.Plan.ExperimentName == run.Plan.ExperimentName).Select(Measured).FirstOrDefault(ms => ms > 0);
        return measured is { } ms ? (ms, true) : (run.Plan.GuessedMsPerStep, false);
    }

    private static double? Measured(PlannedRun run) => run.Stored?.Summary.MsPerStep.Median is { } median && double.IsFinite(median) ? median : run.MsPerStep;
}

/// <summary>Is told how the runs of a plan go on.</summary>
public interface IPlanObserver
{
    /// <summary>Something the user should know about a run, as a sentence without its full stop.</summary>
    void Note(PlannedRun run, string sentence);

    /// <summary>A run has moved.</summary>
    /// <param name="standing">All runs.</param>
    /// <param name="run">The run.</param>
    /// <param name="isStateNew">Whether its state changed, rather than its step.</param>
    void Moved(PlanStanding standing, PlannedRun run, bool isStateNew);
}
