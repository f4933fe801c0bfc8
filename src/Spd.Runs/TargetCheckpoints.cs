using Spd.Engine.Optimisation;
using Spd.Formats;
using Spd.Networks.Training;
using Spd.Runs.Checkpoints;

namespace Spd.Runs;

/// <summary>
/// The checkpoints of a target's training, in a folder beside its place in the cache. Programs that train the same target at the same time write the same
/// bytes, whole files at a time, so they need not know of each other. What cannot be written or read costs time and nothing else, and is told.
/// </summary>
/// <param name="folder">The folder.</param>
/// <param name="config">The text of what the weights depend on; the folder is named after its hash.</param>
/// <param name="kernels">The kernels that train.</param>
/// <param name="observer">Is told where the training goes on, and what went wrong.</param>
public sealed class TargetCheckpoints(string folder, string config, string kernels, IRunObserver observer) : ITrainingStore
{
    private readonly RunMeaning _meaning = RunMeaning.Of(config);

    /// <summary>Shows to who would empty the cache that a training is going on; several may, and hold it together. Null where the folder cannot be written to.</summary>
    /// <param name="folder">The folder of the checkpoints.</param>
    internal static IDisposable? Hold(string folder)
    {
        try
        {
            Directory.CreateDirectory(folder);
            string file = Path.Combine(folder, FolderLock.FileName);
            using (new FileStream(file, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.ReadWrite))
            {
                // A file that is opened to be read alone must be there.
            }

            return new Holder(folder, new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.Read));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Whether a training holds a folder of checkpoints.</summary>
    internal static bool IsHeld(string folder)
    {
        string file = Path.Combine(folder, FolderLock.FileName);
        try
        {
            if (!File.Exists(file)) return false;
            using var probe = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.None);
            return false;
        }
        catch (IOException exception)
        {
            return FileInUse.IsReasonOf(exception);
        }
        catch (UnauthorizedAccessException)
        {
            return false;
        }
    }

    public int Load(Optimiser optimiser)
    {
        foreach (string path in Checkpoint.Newest(folder))
        {
            try
            {
                var checkpoint = Checkpoint.Read(path);
                if (_meaning.DifferencesFrom(checkpoint.Meaning) is [var difference, ..])
                    throw new FileContentException($"the checkpoint '{path}' cannot be used: {difference}");
                checkpoint.Restore(optimiser.State);
                observer.Note($"going on with the target's training from step {checkpoint.Position.Step}");
                return checkpoint.Position.Step;
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                observer.Note($"{exception.Message.TrimEnd('.')}; the one before it is tried");
                if (exception is FileContentException) TrySetAside(path);
            }
        }

        return 0;
    }

    public void Save(Optimiser optimiser, int steps)
    {
        try
        {
            Directory.CreateDirectory(folder);
            var position = new CheckpointPosition(steps, EvaluatedBatches: 0, LogLines: 0, Steps: 0, kernels);
            Checkpoint.Save(Checkpoint.PathOf(folder, steps), optimiser.State, position, _meaning);
            Checkpoint.Prune(folder, steps, frequency: 1, keepEvery: null);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            observer.Note($"no checkpoint of the target's training could be written at step {steps}: {exception.Message.TrimEnd('.')}");
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

    private static void TrySetAside(string path)
    {
        try
        {
            Checkpoint.SetAside(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // Another program may have trained the target in the meantime, and removed it; or the folder cannot be written to, which Save tells.
        }
    }

    /// <summary>Holds a folder of checkpoints until it is disposed; the last one takes the folder along where nothing is in it.</summary>
    private sealed class Holder(string folder, FileStream file) : IDisposable
    {
        public void Dispose()
        {
            file.Dispose();
            if (IsHeld(folder)) return;
            try
            {
                File.Delete(Path.Combine(folder, FolderLock.FileName));
                if (!Directory.EnumerateFileSystemEntries(folder).Any()) Directory.Delete(folder);
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                // It stays, and `spd cache --empty` removes it.
            }
        }
    }
}
