using System.Text;

namespace Spd.Formats;

/// <summary>
/// Writes files whole or not at all: into a temporary file of the same folder, flushed to the disk, then renamed over the old one; the folder is flushed too.
/// </summary>
public static class AtomicFile
{
    /// <summary>What the names of temporary files end in; a program that is killed leaves one.</summary>
    public const string Unfinished = ".spd.tmp";

    /// <summary>Stands between a file and what writes it: tests end the program in the middle of a write there.</summary>
    internal static Func<string, Stream, Stream>? Between { get; set; }

    /// <summary>Writes a file through a stream.</summary>
    /// <param name="path">The file; an existing one is replaced only once the new one is complete.</param>
    /// <param name="write">Writes the content.</param>
    /// <exception cref="IOException">The folder is missing or cannot be written to, or the disk is full; the old file is untouched.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder may not be written to.</exception>
    public static void Write(string path, Action<Stream> write)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(write);
        string temporary = $"{Path.GetFullPath(path)}.{Guid.NewGuid():N}{Unfinished}";
        try
        {
            using (var stream = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 1 << 16))
            {
                write(Between?.Invoke(path, stream) ?? stream);
                stream.Flush(flushToDisk: true);
            }

            File.Move(temporary, path, overwrite: true);
            FolderFlush.Flush(Path.GetDirectoryName(Path.GetFullPath(path))!);
        }
        catch (ArgumentOutOfRangeException exception)
        {
            throw TooLarge(path, exception);
        }
        finally
        {
            // After the rename there is nothing here; after a failure the remains go.
            File.Delete(temporary);
        }
    }

    /// <summary>Removes what programs that were killed left of a file while they wrote it; what a living one writes stays.</summary>
    /// <param name="path">The file.</param>
    public static void RemoveLeftovers(string path)
    {
        string whole = Path.GetFullPath(path);
        if (!Directory.Exists(Path.GetDirectoryName(whole))) return;
        foreach (string left in Directory.EnumerateFiles(Path.GetDirectoryName(whole)!, $"{Path.GetFileName(whole)}.*{Unfinished}"))
        {
            try
            {
                // Who writes it lets nobody else open it.
                using (new FileStream(left, FileMode.Open, FileAccess.ReadWrite, FileShare.None)) File.Delete(left);
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                // It is being written, or is not ours.
            }
        }
    }

    /// <summary>What to tell of what the runtime makes of a limit on the size of files.</summary>
    /// <param name="path">The file.</param>
    /// <param name="inner">What the runtime throws.</param>
    public static IOException TooLarge(string path, ArgumentOutOfRangeException inner) =>
        new($"'{path}' cannot be written: it would be larger than files may be here", inner);

    /// <summary>Writes a text file in UTF-8 without a byte order mark.</summary>
    /// <inheritdoc cref="Write(string, Action{Stream})"/>
    public static void WriteText(string path, string text) => Write(path, stream => stream.Write(Encoding.UTF8.GetBytes(text)));
}
