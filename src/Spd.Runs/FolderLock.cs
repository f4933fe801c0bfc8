using System.Globalization;
using Spd.Formats;

namespace Spd.Runs;

/// <summary>
/// Makes a folder one program's own. The system lets go of the lock when the program ends, however it ends; the process id beside it is there to be told
/// to the next. The lock's file stays: were it removed, one program could hold the old file and another a new one.
/// </summary>
public sealed class FolderLock : IDisposable
{
    /// <summary>The names of the two files.</summary>
    public const string FileName = ".lock", IdFileName = ".pid";

    private const string Unknown = "its process id is not known";
    private const int MostAttempts = 5;

    private readonly FileStream _lock;
    private readonly string _idFile;

    private FolderLock(FileStream taken, string idFile) => (_lock, _idFile) = (taken, idFile);

    /// <summary>Takes a folder.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="refusal">The sentence for when another program works in it, from what is known of that one: <c>process 17</c>.</param>
    /// <exception cref="RunFolderException">Another program works in it.</exception>
    /// <exception cref="IOException">It cannot be written to.</exception>
    public static FolderLock Take(string folder, Func<string, string> refusal)
    {
        string file = Path.Combine(folder, FileName), idFile = Path.Combine(folder, IdFileName);
        FileStream? taken = null;
        for (int attempt = 1; taken is null; attempt++)
        {
            try
            {
                taken = new FileStream(file, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException exception) when (FileInUse.IsReasonOf(exception))
            {
                // A program that only looks whether the folder is held holds it for that moment.
                if (attempt == MostAttempts) throw new RunFolderException(refusal(OwnerOf(folder)));
                Thread.Sleep(attempt);
            }
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

    /// <summary>What is known of the program that holds a folder; null where none does.</summary>
    /// <param name="folder">The folder.</param>
    /// <returns><c>process 17</c>, or that its process id is not known.</returns>
    public static string? Holder(string folder)
    {
        string file = Path.Combine(folder, FileName);
        try
        {
            if (!File.Exists(file)) return null;
            // A read lock is refused while another program holds the file for itself, and asks for no right to write.
            using var probe = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.Read);
            return null;
        }
        catch (IOException exception) when (FileInUse.IsReasonOf(exception))
        {
            return OwnerOf(folder);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Whether the program that held a folder last ended without letting go of it: it was killed, or the power failed.</summary>
    public static bool WasAbandoned(string folder) => File.Exists(Path.Combine(folder, IdFileName)) && Holder(folder) is null;

    public void Dispose()
    {
        try
        {
            File.Delete(_idFile);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // The folder may be gone; whatever went wrong there is told by the one who met it.
        }

        _lock.Dispose();
    }

    private static string OwnerOf(string folder)
    {
        try
        {
            string id = File.ReadAllText(Path.Combine(folder, IdFileName));
            return int.TryParse(id, NumberStyles.None, CultureInfo.InvariantCulture, out int process) ? $"process {process}" : Unknown;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return Unknown;
        }
    }
}
