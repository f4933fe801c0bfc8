namespace Spd.Formats;

/// <summary>Tells files from pipes and devices, which can block whoever opens them, or never end.</summary>
public static class RegularFile
{
    /// <summary>Opens a file for reading.</summary>
    /// <exception cref="IOException">It is missing or cannot be read, or the path is none.</exception>
    /// <exception cref="FormatException">It is a folder, a pipe, a device, or empty; the message is a clause about it.</exception>
    public static FileStream Open(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        if (path.Length == 0) throw new IOException("the path of the file is empty");
        if (path.Contains('\0', StringComparison.Ordinal)) throw new IOException($"{Quoted.Path(path)} is no path: it holds a character of the value 0");
        if (Directory.Exists(path)) throw new FormatException("it is a folder");
        if (File.Exists(path) && !HasContent(path)) throw new FormatException("it is empty, or no regular file");
        return new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read);
    }

    /// <summary>Whether a path names a file with content that can be read to its end. Nothing is opened.</summary>
    public static bool HasContent(string path) => Length(path) > 0;

    /// <summary>Bytes of a file, of a link those of the file that it leads to; 0 of what is missing or no regular file. Nothing is opened.</summary>
    public static long Length(string path)
    {
        try
        {
            // Pipes, devices and sockets have no length; a link to what has no path, such as a pipe of this process, has no target that exists.
            var file = new FileInfo(path);
            var target = file.ResolveLinkTarget(returnFinalTarget: true) ?? file;
            return target is FileInfo { Exists: true, Length: var length } ? length : 0;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return 0;
        }
    }
}
