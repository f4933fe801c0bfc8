using System.Runtime.InteropServices;

namespace Spd.Formats;

/// <summary>Has a folder's list of names written to the disk, so that a renamed file is there under its name after a power failure too.</summary>
internal static partial class FolderFlush
{
    private const int ReadOnly = 0;

    /// <summary>Flushes a folder where the system can; Windows journals its folders on its own.</summary>
    public static void Flush(string folder)
    {
        if (OperatingSystem.IsWindows()) return;
        int descriptor = Open(folder, ReadOnly);
        // A folder that cannot be opened for reading can be written to all the same; the file itself is on the disk.
        if (descriptor < 0) return;
        _ = Synchronise(descriptor);
        _ = Close(descriptor);
    }

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync")]
    private static partial int Synchronise(int descriptor);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);
}
