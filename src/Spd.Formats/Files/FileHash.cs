using System.Security.Cryptography;

namespace Spd.Formats;

/// <summary>The SHA-256 of a file's bytes, by which a file is known wherever it lies.</summary>
public static class FileHash
{
    /// <summary>The hash, in lower-case hexadecimal digits.</summary>
    /// <exception cref="IOException">The file is missing, cannot be read, or is no regular file.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be read.</exception>
    public static string Compute(string path)
    {
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 1 << 16, FileOptions.SequentialScan);
        if (!stream.CanSeek) throw new IOException($"'{path}' is no regular file");
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }
}
