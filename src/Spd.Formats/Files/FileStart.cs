namespace Spd.Formats;

/// <summary>The first bytes of a file, which tell most formats apart.</summary>
internal static class FileStart
{
    /// <summary>How many bytes tell all formats apart that are known here.</summary>
    public const int Length = 512;

    /// <summary>The first bytes, fewer where the file has no more.</summary>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    /// <exception cref="FormatException">It is a folder, a pipe or a device.</exception>
    public static byte[] Read(string path, int count = Length)
    {
        using var stream = RegularFile.Open(path);
        byte[] bytes = new byte[count];
        return bytes[..stream.ReadAtLeast(bytes, count, throwOnEndOfStream: false)];
    }

    /// <summary>Whether they are a zip archive's.</summary>
    public static bool IsZip(ReadOnlySpan<byte> start) => start.StartsWith("PK\u0003\u0004"u8) || start.StartsWith("PK\u0005\u0006"u8);

    /// <summary>Whether they are a gzip file's.</summary>
    public static bool IsGzip(ReadOnlySpan<byte> start) => start is [0x1f, 0x8b, ..];

    /// <summary>Whether they are a NumPy array's.</summary>
    public static bool IsNumpy(ReadOnlySpan<byte> start) => start is [0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y', ..];

    /// <summary>Whether they are a safetensors file's: eight bytes of a length, and a text in JSON.</summary>
    public static bool IsSafetensors(ReadOnlySpan<byte> start) => start is [_, _, _, _, _, _, 0, 0, (byte)'{', ..];

    /// <summary>
    /// What a file is that holds neither weights nor arrays, as a clause with what to do: a pointer to a file elsewhere, a web page, an archive, a file of
    /// another library. Null where the bytes are not known.
    /// </summary>
    public static string? Stranger(ReadOnlySpan<byte> start)
    {
        if (start.StartsWith("version https://"u8)) return "it only points to a file in Git LFS: fetch that with git lfs pull";
        if (IsWebPage(start)) return "it is a web page, not the file itself: download the file that the page shows";
        if (start.Length > 262 && start[257..].StartsWith("ustar"u8)) return "it is a tar archive: unpack it and name a file in it, or if PyTorch 0.1 saved it so, save it again with a newer one";
        return start switch
        {
            [0xfd, (byte)'7', (byte)'z', (byte)'X', (byte)'Z', 0, ..] => Compressed("xz"),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Compressed("zstd"),
            [(byte)'B', (byte)'Z', (byte)'h', >= (byte)'1' and <= (byte)'9', ..] => Compressed("bzip2"),
            [(byte)'7', (byte)'z', 0xbc, 0xaf, ..] => "it is a 7-Zip archive: unpack it and name a file in it",
            [0x89, (byte)'H', (byte)'D', (byte)'F', ..] => "it is an HDF5 file (Keras, MATLAB): save it with numpy.savez, or as safetensors",
            [(byte)'G', (byte)'G', (byte)'U', (byte)'F', ..] => "it is a GGUF file (llama.cpp): load the safetensors or PyTorch files that it was made of",
            [(byte)'%', (byte)'P', (byte)'D', (byte)'F', ..] => "it is a PDF document",
            [0x89, (byte)'P', (byte)'N', (byte)'G', ..] or [0xff, 0xd8, 0xff, ..] => "it is a picture",
            _ => null,
        };
    }

    private static string Compressed(string program) => $"it is compressed with {program}: decompress it first";

    private static bool IsWebPage(ReadOnlySpan<byte> start)
    {
        if (start is [0xef, 0xbb, 0xbf, ..]) start = start[3..];
        start = start.TrimStart(" \t\r\n"u8);
        Span<byte> lower = stackalloc byte[Math.Min(start.Length, 16)];
        for (int i = 0; i < lower.Length; i++) lower[i] = (byte)char.ToLowerInvariant((char)start[i]);
        return lower.StartsWith("<!doctype"u8) || lower.StartsWith("<html"u8) || lower.StartsWith("<head"u8) || lower.StartsWith("<?xml"u8)
            || lower.StartsWith("<!--"u8);
    }
}
