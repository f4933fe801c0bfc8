namespace Spd.Formats;

/// <summary>Tells files from pipes and devices, which can block whoever opens them, or never end.</summary>
public static class RegularFile
{
    /// <summary>Whether a path names a file with content that can be read to its end. Nothing is opened.</summary>
    public static bool HasContent(string path)
    {
        try
        {
            // Pipes, devices and sockets have no length; a link to what has no path, such as a pipe of this process, has no target that exists.
            var file = new FileInfo(path);
            var target = file.ResolveLinkTarget(returnFinalTarget: true) ?? file;
            return target is FileInfo { Exists: true, Length: > 0 };
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return false;
        }
    }
}
