using Spd.Engine.Optimisation;
using Spd.Networks.Training;
using Spd.Runs.Checkpoints;
using Spd.Runs.Log;

namespace Spd.Runs.Pretraining;

/// <summary>The checkpoints of a pretraining in progress.</summary>
/// <param name="folder">Their folder.</param>
/// <param name="found">The one to go on from; null to begin.</param>
/// <param name="steps">Steps in all.</param>
/// <param name="kernels">The kernels that train.</param>
/// <param name="meaning">What is computed.</param>
/// <param name="log">The log, whose lines must not be lost before a checkpoint is.</param>
/// <param name="lines">Says how many lines it has.</param>
internal sealed class PretrainingCheckpoints(
    string folder, Checkpoint? found, int steps, string kernels, RunMeaning meaning, MetricLog log, Func<int> lines) : ITrainingStore
{
    private Optimiser? _optimiser;

    /// <summary>Steps that the newest one has behind it.</summary>
    public int StepsKept { get; private set; } = found?.Position.Step ?? 0;

    public int Load(Optimiser optimiser)
    {
        _optimiser = optimiser;
        found?.Restore(optimiser.State);
        return StepsKept;
    }

    /// <exception cref="IOException">It cannot be written; older ones are untouched.</exception>
    public void Save(Optimiser optimiser, int steps)
    {
        log.FlushToDisk();
        Directory.CreateDirectory(folder);
        Checkpoint.Save(Checkpoint.PathOf(folder, steps), optimiser.State, PositionAt(steps), meaning);
        Checkpoint.Prune(folder, steps, frequency: 1, keepEvery: null);
        StepsKept = steps;
    }

    /// <summary>Keeps the end, unless it is kept.</summary>
    /// <exception cref="IOException">It cannot be written; older ones are untouched.</exception>
    public void SaveEnd()
    {
        if (StepsKept < steps) Save(_optimiser!, steps);
    }

    private CheckpointPosition PositionAt(int step) => new(step, EvaluatedBatches: 0, lines(), steps, kernels);
}
