namespace Spd.Formats;

/// <summary>The first bytes of a file, which tell most formats apart.</summary>
internal static class FileStart
{
    /// <summary>The first bytes, fewer where the file has no more.</summary>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    /// <exception cref="FormatException">It is a pipe or a device.</exception>
    public static byte[] Read(string path, int count)
    {
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read);
        if (!stream.CanSeek) throw new FormatException("it is no regular file");
        byte[] bytes = new byte[count];
        return bytes[..stream.ReadAtLeast(bytes, count, throwOnEndOfStream: false)];
    }

    /// <summary>Whether they are a zip archive's.</summary>
    public static bool IsZip(ReadOnlySpan<byte> start) => start.StartsWith("PK\u0003\u0004"u8) || start.StartsWith("PK\u0005\u0006"u8);
}
