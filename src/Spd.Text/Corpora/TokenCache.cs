using System.Buffers.Binary;
using Spd.Formats;

namespace Spd.Text;

/// <summary>How far a cache is.</summary>
/// <param name="Documents">The documents that are encoded.</param>
/// <param name="Tokens">Their ids.</param>
public readonly record struct TokenCacheProgress(long Documents, long Tokens);

/// <summary>
/// The ids of a corpus, one document behind the other, in a file that is mapped into memory: encoded once, and larger than memory if need be. Threads may share it.
/// </summary>
/// <remarks>
/// The file has a <see cref="TokenCacheHeader"/>, the ids in 2 or 4 bytes each, little-endian, and a checksum for every 64 KiB of them, which is looked at when
/// one of them is first read: damage is told, not computed with.
/// </remarks>
public sealed class TokenCache : IDisposable
{
    /// <summary>What the names of caches usually end in.</summary>
    public const string Suffix = ".tokens";

    private readonly FileBytes _bytes;
    private readonly TokenCacheHeader _header;
    private readonly bool[] _isChecked;
    private bool _isDisposed;

    private TokenCache(string path, FileBytes bytes)
    {
        (Path, _bytes) = (path, bytes);
        _header = TokenCacheHeader.Read(bytes);
        _isChecked = new bool[_header.Blocks];
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>How many ids there are.</summary>
    public long Count => _header.Count;

    /// <summary>Every id is below it.</summary>
    public int VocabularySize => _header.VocabularySize;

    /// <summary>The SHA-256 of what it was made of, in lower-case hexadecimal digits: the names, sizes, times and content of the files, the column, the encoder.</summary>
    public string Source => Convert.ToHexStringLower(_header.Source);

    /// <summary>Opens a cache, whatever it was made of.</summary>
    /// <exception cref="FileContentException">It is none, or a damaged one.</exception>
    /// <exception cref="IOException">It is missing or cannot be read.</exception>
    public static TokenCache Open(string path)
    {
        FileBytes? bytes = null;
        try
        {
            bytes = new FileBytes(path);
            return new TokenCache(path, bytes);
        }
        catch (FormatException exception)
        {
            bytes?.Dispose();
            throw Unusable(path, exception.Message);
        }
    }

    /// <summary>Opens the cache of some files if it is that of these, unchanged, in this encoding; otherwise it is made first.</summary>
    /// <param name="path">The cache; its folder exists.</param>
    /// <param name="files">The files of text, in order.</param>
    /// <param name="column">The column or key with the texts; null for the usual.</param>
    /// <param name="encoder">Gives the ids.</param>
    /// <param name="progress">Is told how many documents are encoded.</param>
    /// <param name="cancellation">Ends the making; nothing is left of it.</param>
    /// <exception cref="FileContentException">A file is damaged or no text, or there is no text in them; or the cache's path is that of another file.</exception>
    /// <exception cref="IOException">A file cannot be read, or the cache not be written: the disk may be full. What was there before stays.</exception>
    /// <exception cref="UnauthorizedAccessException">A file may not be read, or the cache not be written.</exception>
    public static TokenCache OpenOrBuild(
        string path, IReadOnlyList<string> files, string? column, DocumentEncoder encoder, IProgress<TokenCacheProgress>? progress = null,
        CancellationToken cancellation = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(files);
        ArgumentNullException.ThrowIfNull(encoder);
        byte[] source = TokenCacheHeader.SourceOf(files, column, encoder);
        if (TryOpen(path, source) is { } cache)
        {
            Note(path, files);
            return cache;
        }

        AtomicFile.RemoveLeftovers(path);
        AtomicFile.Write(path, stream =>
        {
            var writer = new TokenCacheWriter(stream, encoder.VocabularySize, source);
            writer.Write(TextFiles.Read(files, column), encoder, progress, cancellation);
            if (writer.Count == 0) throw new FileContentException($"there is no text in {Quoted.List(files)}");
            writer.Finish();
        });
        Note(path, files);
        return Open(path);
    }

    /// <summary>The file beside a cache that says, for people to read, of which text it is.</summary>
    public static string SourceFileOf(string path) => System.IO.Path.ChangeExtension(path, ".text");

    /// <summary>Notes that a cache is used now, and of which text it is, where that can be noted.</summary>
    private static void Note(string path, IReadOnlyList<string> files)
    {
        try
        {
            File.SetLastWriteTimeUtc(path, DateTime.UtcNow);
            string first = System.IO.Path.GetFullPath(files[0]);
            string told = files.Count == 1 ? first : $"{System.IO.Path.GetDirectoryName(first)}, {files.Count} files";
            if (!File.Exists(SourceFileOf(path))) AtomicFile.WriteText(SourceFileOf(path), told);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // It may be another user's.
        }
    }

    /// <summary>Copies ids.</summary>
    /// <param name="start">The first.</param>
    /// <param name="ids">Receives them.</param>
    /// <exception cref="FileContentException">The file is damaged there.</exception>
    public void Read(long start, Span<int> ids)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start, Count - ids.Length);
        if (ids.IsEmpty) return;
        int width = _header.BytesPerToken;
        long first = start * width / TokenCacheHeader.BlockBytes, last = ((start + ids.Length) * width - 1) / TokenCacheHeader.BlockBytes;
        for (long block = first; block <= last; block++) Check(block);
        var bytes = _bytes.Slice(TokenCacheHeader.Length + start * width, ids.Length * width);
        for (int i = 0; i < ids.Length; i++)
        {
            uint id = width == sizeof(ushort) ? BinaryPrimitives.ReadUInt16LittleEndian(bytes[(i * width)..]) : BinaryPrimitives.ReadUInt32LittleEndian(bytes[(i * width)..]);
            if (id >= (uint)VocabularySize) throw Unusable(Path, $"it holds the id {id}, beyond its vocabulary of {VocabularySize}; {TokenCacheHeader.Remedy}");
            ids[i] = (int)id;
        }
    }

    public void Dispose()
    {
        if (!_isDisposed) _bytes.Dispose();
        _isDisposed = true;
    }

    /// <summary>Opens a cache if it is of this source; null where it is of another, or damaged, and is to be made anew. A file that is none is not to be lost.</summary>
    private static TokenCache? TryOpen(string path, byte[] source)
    {
        if (RegularFile.Length(path) == 0) return null;
        try
        {
            var cache = Open(path);
            if (cache._header.Source.AsSpan().SequenceEqual(source)) return cache;
            cache.Dispose();
        }
        catch (FileContentException)
        {
            using var bytes = new FileBytes(path);
            if (!TokenCacheHeader.IsAtStartOf(bytes)) throw;
        }

        return null;
    }

    /// <summary>Compares a block with its checksum, once; several threads may do so at the same time.</summary>
    private void Check(long block)
    {
        if (Volatile.Read(ref _isChecked[block])) return;
        long start = TokenCacheHeader.BlockStart(block);
        if (TokenCacheHeader.Checksum(_bytes.Slice(start, _header.BlockLength(block))) != _header.BlockChecksum(_bytes, block))
            throw Unusable(Path, $"it is damaged in the {TokenCacheHeader.BlockBytes} bytes from {start}; {TokenCacheHeader.Remedy}");
        Volatile.Write(ref _isChecked[block], true);
    }

    private static FileContentException Unusable(string path, string reason) =>
        new($"{Quoted.Path(path)} is no usable cache of tokens: {reason}");
}
