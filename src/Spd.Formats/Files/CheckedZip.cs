using System.IO.Compression;
using System.IO.Hashing;

namespace Spd.Formats;

/// <summary>
/// A zip archive of somebody else's: no name stands twice in it, no entry claims more than the file can hold, and what is read fits its checksum.
/// All errors are a <see cref="FormatException"/> with a clause.
/// </summary>
internal sealed class CheckedZip : IDisposable
{
    /// <summary>Deflate makes no more than so many bytes out of one.</summary>
    public const int LargestRatio = 1032;

    private readonly ZipArchive _archive;
    private readonly Dictionary<string, ZipArchiveEntry> _entries = new(StringComparer.Ordinal);

    /// <summary>Opens an archive.</summary>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    public CheckedZip(string path)
    {
        var stream = RegularFile.Open(path);
        try
        {
            FileLength = stream.Length;
            _archive = Guarded("it is no zip archive, or a damaged one", () => new ZipArchive(stream, ZipArchiveMode.Read));
            Guarded("its list of entries is damaged", () => Check(_archive.Entries));
        }
        catch
        {
            _archive?.Dispose();
            stream.Dispose();
            throw;
        }
    }

    /// <summary>Bytes of the archive.</summary>
    public long FileLength { get; }

    /// <summary>The names of the entries, in the archive's order.</summary>
    public IEnumerable<string> Names => _entries.Keys;

    /// <summary>Whether there is such an entry.</summary>
    public bool Contains(string name) => _entries.ContainsKey(name);

    /// <summary>Bytes of an entry's content.</summary>
    public long Length(string name) => _entries[name].Length;

    /// <summary>Whether an entry takes less room than its content.</summary>
    public bool IsCompressed(string name) => _entries[name].CompressedLength != _entries[name].Length;

    /// <summary>Reads an entry, whose content fits its checksum.</summary>
    public T Read<T>(string name, Func<Stream, T> read) => Guarded($"its entry {Quoted.Of(name)} is damaged", () =>
    {
        var entry = _entries[name];
        using (var content = entry.Open())
        {
            var (crc, length) = Checksum(content, entry.Length);
            if (length != entry.Length || crc != entry.Crc32)
                throw new FormatException($"its entry {Quoted.Of(name)} does not fit its checksum; the file is damaged");
        }

        using var again = entry.Open();
        return read(again);
    });

    /// <summary>Reads the start of an entry, whose checksum is not known by then.</summary>
    public T ReadStart<T>(string name, Func<Stream, T> read) => Guarded($"its entry {Quoted.Of(name)} is damaged", () =>
    {
        using var content = _entries[name].Open();
        return read(content);
    });

    /// <summary>Reads an entry as bytes.</summary>
    /// <param name="name">The entry.</param>
    /// <param name="limit">How long it may be.</param>
    public byte[] Bytes(string name, int limit)
    {
        if (Length(name) > limit) throw new FormatException($"its entry {Quoted.Of(name)} has {Length(name)} bytes; at most {limit} are read");
        return Read(name, stream =>
        {
            byte[] bytes = new byte[Length(name)];
            stream.ReadExactly(bytes);
            return bytes;
        });
    }

    public void Dispose() => _archive.Dispose();

    private bool Check(IEnumerable<ZipArchiveEntry> entries)
    {
        Int128 total = 0;
        foreach (var entry in entries)
        {
            string name = Quoted.Of(entry.FullName);
            if (!_entries.TryAdd(entry.FullName, entry)) throw new FormatException($"it has two entries {name}");
            total += entry.CompressedLength;
            if (total > FileLength || entry.CompressedLength < 0)
                throw new FormatException($"its entries up to {name} claim more bytes than the file has; it is damaged or cut short");
            if (entry.Length < 0 || entry.Length > (Int128)entry.CompressedLength * LargestRatio)
                throw new FormatException($"its entry {name} claims {entry.Length} bytes in {entry.CompressedLength}, which no compression achieves");
        }

        return true;
    }

    /// <summary>What goes wrong inside a damaged archive, the library reports in many ways.</summary>
    private static T Guarded<T>(string sentence, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception exception) when (exception is IOException or InvalidDataException or ArgumentException or OverflowException or NotSupportedException)
        {
            throw new FormatException(sentence, exception);
        }
    }

    /// <summary>The checksum and the length of what is left of a stream; stops a little after the limit.</summary>
    private static (uint Crc, long Length) Checksum(Stream stream, long limit)
    {
        byte[] buffer = new byte[1 << 16];
        var crc = new Crc32();
        long length = 0;
        while (length <= limit && stream.Read(buffer) is > 0 and int count)
        {
            crc.Append(buffer.AsSpan(0, count));
            length += count;
        }

        return (crc.GetCurrentHashAsUInt32(), length);
    }
}
