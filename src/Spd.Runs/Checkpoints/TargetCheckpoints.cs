using Spd.Engine.Optimisation;
using Spd.Networks.Training;

namespace Spd.Runs.Checkpoints;

/// <summary>
/// The checkpoints of a target's training, in a folder beside its place in the cache. Programs that train the same target at the same time write the same
/// bytes, whole files at a time, so they need not know of each other. What cannot be written or read costs time and nothing else, and is told.
/// </summary>
/// <param name="folder">The folder.</param>
/// <param name="config">The text of what the weights depend on.</param>
/// <param name="observer">Is told where the training goes on, and what went wrong.</param>
public sealed class TargetCheckpoints(string folder, string config, IRunObserver observer) : ITrainingStore
{
    /// <inheritdoc/>
    public int Load(AdamW optimiser)
    {
        foreach (string path in Checkpoint.Newest(folder))
        {
            try
            {
                int step = Checkpoint.Load(path, optimiser, config).Step;
                observer.Note($"going on with the target's training from step {step}");
                return step;
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                observer.Note($"{exception.Message.TrimEnd('.')}; the one before it is tried");
            }
        }

        return 0;
    }

    /// <inheritdoc/>
    public void Save(AdamW optimiser)
    {
        try
        {
            Directory.CreateDirectory(folder);
            var position = new CheckpointPosition(optimiser.Steps, EvaluatedBatches: 0, LogLines: 0, Steps: 0);
            Checkpoint.Save(Checkpoint.PathOf(folder, optimiser.Steps), optimiser, position, config);
            Checkpoint.Prune(folder, frequency: 1, keepEvery: null);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            observer.Note($"no checkpoint of the target's training could be written at step {optimiser.Steps}: {exception.Message.TrimEnd('.')}");
        }
    }

    /// <summary>Removes them, when the target is trained.</summary>
    public void Discard()
    {
        try
        {
            if (Directory.Exists(folder)) Directory.Delete(folder, recursive: true);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // Another program is still training the same target, and removes them at its end.
        }
    }
}
