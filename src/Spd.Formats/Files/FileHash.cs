using System.Security.Cryptography;

namespace Spd.Formats;

/// <summary>The SHA-256 of a file's bytes, by which a file is known wherever it lies.</summary>
public static class FileHash
{
    /// <summary>The hash, in lower-case hexadecimal digits; that of no bytes where the file is empty, a pipe or a device.</summary>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be read.</exception>
    public static string Compute(string path)
    {
        // A pipe that nobody writes to would be waited for without end.
        if (File.Exists(path) && !RegularFile.HasContent(path)) return Convert.ToHexStringLower(SHA256.HashData([]));
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 1 << 16, FileOptions.SequentialScan);
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }
}
