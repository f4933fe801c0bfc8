using System.Globalization;

namespace Spd.Runs.Checkpoints;

/// <summary>
/// Makes a run folder one program's own. The system lets go of the lock when the program ends, however it ends; the process id beside it is there to be told
/// to the next.
/// </summary>
public sealed class RunLock : IDisposable
{
    private readonly FileStream _lock;
    private readonly string _idFile;

    private RunLock(FileStream taken, string idFile) => (_lock, _idFile) = (taken, idFile);

    /// <summary>Takes a run folder.</summary>
    /// <exception cref="RunFolderException">Another program works in it.</exception>
    public static RunLock Take(RunFolder folder)
    {
        string file = Path.Combine(folder.Root, ".lock"), idFile = Path.Combine(folder.Root, ".pid");
        FileStream taken;
        try
        {
            taken = new FileStream(file, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1, FileOptions.DeleteOnClose);
        }
        catch (IOException) when (File.Exists(file))
        {
            throw new RunFolderException($"the run in '{folder.Root}' is being computed by another program{Owner(idFile)}: wait for its end, or stop it first");
        }

        try
        {
            File.WriteAllText(idFile, Environment.ProcessId.ToString(CultureInfo.InvariantCulture));
        }
        catch
        {
            taken.Dispose();
            throw;
        }

        return new RunLock(taken, idFile);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        File.Delete(_idFile);
        _lock.Dispose();
    }

    private static string Owner(string idFile)
    {
        try
        {
            return $" (process {File.ReadAllText(idFile)})";
        }
        catch (IOException)
        {
            return "";
        }
    }
}
