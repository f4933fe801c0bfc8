using System.Globalization;

namespace Spd.Runs.Checkpoints;

/// <summary>
/// Makes a folder one program's own. The system lets go of the lock when the program ends, however it ends; the process id beside it is there to be told
/// to the next. The lock's file stays: were it removed, one program could hold the old file and another a new one.
/// </summary>
public sealed class FolderLock : IDisposable
{
    /// <summary>The names of the two files.</summary>
    public const string FileName = ".lock", IdFileName = ".pid";

    private readonly FileStream _lock;
    private readonly string _idFile;

    private FolderLock(FileStream taken, string idFile) => (_lock, _idFile) = (taken, idFile);

    /// <summary>Takes a folder.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="refusal">The sentence for when another program works in it, from what is known of that one: <c>(process 17)</c>.</param>
    /// <exception cref="RunFolderException">Another program works in it.</exception>
    /// <exception cref="IOException">It cannot be written to.</exception>
    public static FolderLock Take(string folder, Func<string, string> refusal)
    {
        string file = Path.Combine(folder, FileName), idFile = Path.Combine(folder, IdFileName);
        FileStream taken;
        try
        {
            taken = new FileStream(file, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException) when (File.Exists(file))
        {
            throw new RunFolderException(refusal(Owner(idFile)));
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

        return new FolderLock(taken, idFile);
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
            return $"(process {File.ReadAllText(idFile)})";
        }
        catch (IOException)
        {
            return "(its process id is not known)";
        }
    }
}
