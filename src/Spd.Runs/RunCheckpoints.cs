using Spd.Formats;
using System.Diagnostics;
using Spd.Runs.Checkpoints;

namespace Spd.Runs;

/// <summary>The checkpoints of a run in progress.</summary>
/// <param name="config">The run's configuration.</param>
/// <param name="decomposition">What is saved.</param>
/// <param name="folder">The run's folder.</param>
/// <param name="meaning">What the run computes.</param>
/// <param name="log">The log, of which a checkpoint says how many lines it has behind it.</param>
/// <param name="kernels">The kernels that compute it.</param>
internal sealed class RunCheckpoints(IExperiment config, IDecomposition decomposition, RunFolder folder, RunMeaning meaning, RunLog log, string kernels)
{
    // Each has two values, and another configuration any number of them.
    private const int MostDifferences = 10;

    private int _savedAt = decomposition.Training.StepsTaken;

    /// <summary>Steps between two of them.</summary>
    public int Interval { get; } = config.SaveFreq ?? Math.Max(1, (config.Steps + 9) / 10);

    /// <summary>Seconds that went into them.</summary>
    public double Seconds { get; private set; }

    /// <summary>Saves one, unless the state has one already, and removes those that are not kept.</summary>
    /// <exception cref="IOException">It cannot be written; older ones are untouched.</exception>
    public void Save()
    {
        var state = decomposition.Training.State;
        if (_savedAt == state.StepsTaken) return;
        long start = Stopwatch.GetTimestamp();
        // Its lines must not be lost before it is.
        log.FlushToDisk();
        string path = Checkpoint.PathOf(folder.CheckpointsFolder, state.StepsTaken);
        var position = new CheckpointPosition(state.StepsTaken, state.EvaluatedBatches, log.Lines.Count, config.Steps, kernels);
        Checkpoint.Save(folder.PrepareParent(path), state.Values, position, meaning);
        Checkpoint.Prune(folder.CheckpointsFolder, state.StepsTaken, Interval, config.KeepEvery);
        _savedAt = state.StepsTaken;
        Seconds += Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    /// <summary>The newest one that is whole, with those that are newer and damaged; null where the run never had one.</summary>
    /// <exception cref="RunFolderException">It is of a run that computes something else, or there were some and none can be used.</exception>
    public static (Checkpoint? Found, IReadOnlyList<(string Path, string Reason)> Damaged) Find(RunFolder folder, RunMeaning meaning)
    {
        RunFolderException Refused(string reason) => new(
            $"the run in '{folder.Root}' cannot go on, because {reason}; `spd resume {Quoted.Word(folder.Root)} --from-start` begins anew, and moves what is there aside");

        var (checkpoint, damaged) = Checkpoint.NewestWhole(folder.CheckpointsFolder);
        if (checkpoint is not null)
        {
            var differences = meaning.DifferencesFrom(checkpoint.Meaning);
            if (differences.Count == 0) return (checkpoint, damaged);
            string some = string.Join("; ", differences.Take(MostDifferences)) + (differences.Count > MostDifferences ? "; …" : "");
            throw Refused(
                $"it would compute something else than its checkpoints ({checkpoint.Name}): {some}. "
                + "Change that back, in its config.yaml, with --set or by bringing the file back");
        }

        if (damaged.Count > 0) throw Refused($"none of its checkpoints can be used: {string.Join("; ", damaged.Select(one => one.Reason))}");
        // Where a model was saved, there were steps, and a checkpoint.
        return File.Exists(folder.ModelFile) ? throw Refused($"its checkpoints are gone, though it has a {RunFolder.Model}") : (null, damaged);
    }
}
