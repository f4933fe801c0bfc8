namespace Spd.Formats;

/// <summary>Tells why a file cannot be opened.</summary>
public static class FileInUse
{
    private const int SharingViolation = 32, LockViolation = 33;

    // EWOULDBLOCK, what the system answers where a file is locked; Linux and macOS number it differently.
    private static readonly int WouldBlock = OperatingSystem.IsMacOS() ? 35 : 11;

    /// <summary>Whether another's lock is the reason, rather than a missing or read-only folder.</summary>
    public static bool IsReasonOf(IOException exception) =>
        exception is not (FileNotFoundException or DirectoryNotFoundException or PathTooLongException)
        && (OperatingSystem.IsWindows() ? (exception.HResult & 0xFFFF) is SharingViolation or LockViolation : exception.HResult == WouldBlock);
}
