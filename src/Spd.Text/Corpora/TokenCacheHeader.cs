using System.Buffers.Binary;
using System.IO.Hashing;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Spd.Formats;

namespace Spd.Text;

/// <summary>The first bytes of a cache of tokens, and where what follows them lies.</summary>
/// <remarks>
/// <c>SPDTOKEN</c>, version, bytes per token, size of the vocabulary, 0 (32 bits each), count of the ids (64), SHA-256 of the source, checksum of the table of
/// checksums, checksum of the header up to here (64 each). Behind it are the ids and the table, 64 bits a block. Checksums are XXH3; all is little-endian.
/// </remarks>
internal sealed record TokenCacheHeader(int BytesPerToken, int VocabularySize, long Count, byte[] Source)
{
    /// <summary>Bytes of the header, and of a block of ids.</summary>
    public const int Length = 80, BlockBytes = 1 << 16;

    /// <summary>What to do about a damaged cache.</summary>
    public const string Remedy = "remove it, and it is made again";

    // Bytes that are read together of a text to know it by, and places where that is done.
    private const int SampleBytes = 1 << 16, Samples = 1024;

    private const int Version = 1, CountAt = 24, SourceAt = 32, TableChecksumAt = 64, OwnChecksumAt = 72;

    private static ReadOnlySpan<byte> Magic => "SPDTOKEN"u8;

    /// <summary>How many blocks there are; the last may be shorter.</summary>
    public long Blocks => (Count * BytesPerToken + BlockBytes - 1) / BlockBytes;

    /// <summary>Bytes of an id in a vocabulary.</summary>
    public static int WidthFor(int vocabularySize) => vocabularySize <= 1 << 16 ? sizeof(ushort) : sizeof(uint);

    /// <summary>The checksum of some bytes.</summary>
    public static ulong Checksum(ReadOnlySpan<byte> bytes) => XxHash3.HashToUInt64(bytes);

    /// <summary>The SHA-256 of what a cache is made of.</summary>
    public static byte[] SourceOf(IReadOnlyList<string> files, string? column, DocumentEncoder encoder) => SHA256.HashData(Encoding.UTF8.GetBytes(new JsonObject
    {
        ["version"] = Version,
        ["files"] = new JsonArray([.. files.Select(file => new FileInfo((File.ResolveLinkTarget(file, returnFinalTarget: true) ?? new FileInfo(file)).FullName))
            .Select(file => file.Exists ? (JsonNode)$"{file.Name} {file.Length} {file.LastWriteTimeUtc.Ticks}" : throw new FileNotFoundException($"there is no file {Quoted.Path(file.FullName)}", file.FullName))]),
        ["content"] = ContentOf(files),
        ["column"] = column,
        [nameof(encoder.Identity)] = encoder.Identity,
        [nameof(encoder.VocabularySize)] = encoder.VocabularySize,
        [nameof(encoder.Start)] = encoder.Start,
        [nameof(encoder.End)] = encoder.End,
    }.ToJsonString()));

    /// <summary>
    /// A checksum of what files hold, since a file may be changed and keep its size and time: of all of it up to 64 MiB, beyond that of places that are spread
    /// evenly, and of the beginning and the end of every file.
    /// </summary>
    private static string ContentOf(IReadOnlyList<string> files)
    {
        long stride = Math.Max(SampleBytes, files.Sum(RegularFile.Length) / Samples);
        var hash = new XxHash3();
        byte[] buffer = new byte[SampleBytes];
        foreach (string file in files.Where(RegularFile.HasContent))
        {
            using var handle = File.OpenHandle(file);
            long length = RandomAccess.GetLength(handle);
            for (long at = 0; at < length; at += stride) Add(at);
            if (stride > SampleBytes) Add(Math.Max(0, length - SampleBytes));

            void Add(long at)
            {
                int count;
                for (int read = 0; read < buffer.Length && (count = RandomAccess.Read(handle, buffer.AsSpan(read), at + read)) > 0; read += count) hash.Append(buffer.AsSpan(read, count));
            }
        }

        return Convert.ToHexStringLower(hash.GetCurrentHash());
    }

    /// <summary>Whether a file was written as a cache.</summary>
    public static bool IsAtStartOf(FileBytes file) => file.Length >= Magic.Length && file.Slice(0, Magic.Length).SequenceEqual(Magic);

    /// <summary>Reads and checks the header, the length of the file and the table.</summary>
    /// <exception cref="FormatException">The file is no cache, or damaged.</exception>
    public static TokenCacheHeader Read(FileBytes file)
    {
        if (!IsAtStartOf(file) || file.Length < Length) throw new FormatException("it was not written as one: name another file");
        var bytes = file.Slice(0, Length);
        int version = Number(bytes, 8);
        if (version != Version) throw new FormatException($"it is of version {version}, this program reads version {Version}; {Remedy}");
        if (Checksum(bytes[..OwnChecksumAt]) != BinaryPrimitives.ReadUInt64LittleEndian(bytes[OwnChecksumAt..])) throw new FormatException($"its header is damaged; {Remedy}");
        var header = new TokenCacheHeader(Number(bytes, 12), Number(bytes, 16), BinaryPrimitives.ReadInt64LittleEndian(bytes[CountAt..]), bytes[SourceAt..TableChecksumAt].ToArray());
        if (header.VocabularySize < 1 || header.BytesPerToken != WidthFor(header.VocabularySize) || header.Count < 1 || header.Count > file.Length)
            throw new FormatException($"its header is damaged; {Remedy}");
        long length = header.TableStart + header.Blocks * sizeof(ulong);
        if (file.Length != length) throw new FormatException($"it has {file.Length} bytes instead of {length}; {Remedy}");
        if (Checksum(header.Table(file)) != BinaryPrimitives.ReadUInt64LittleEndian(bytes[TableChecksumAt..])) throw new FormatException($"its checksums are damaged; {Remedy}");
        return header;
    }

    /// <summary>The header as it stands in the file.</summary>
    public byte[] ToBytes(ReadOnlySpan<byte> table)
    {
        byte[] bytes = new byte[Length];
        Magic.CopyTo(bytes);
        foreach (var (at, number) in new[] { (8, Version), (12, BytesPerToken), (16, VocabularySize) }) BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(at), number);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(CountAt), Count);
        Source.CopyTo(bytes, SourceAt);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(TableChecksumAt), Checksum(table));
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(OwnChecksumAt), Checksum(bytes.AsSpan(0, OwnChecksumAt)));
        return bytes;
    }

    /// <summary>Where a block begins.</summary>
    public static long BlockStart(long block) => Length + block * BlockBytes;

    /// <summary>How many bytes a block has.</summary>
    public int BlockLength(long block) => (int)Math.Min(BlockBytes, TableStart - BlockStart(block));

    /// <summary>The checksum that a block should have.</summary>
    public ulong BlockChecksum(FileBytes file, long block) => BinaryPrimitives.ReadUInt64LittleEndian(file.Slice(TableStart + block * sizeof(ulong), sizeof(ulong)));

    private long TableStart => Length + Count * BytesPerToken;

    private ReadOnlySpan<byte> Table(FileBytes file) => file.Slice(TableStart, checked((int)(Blocks * sizeof(ulong))));

    private static int Number(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadInt32LittleEndian(bytes[at..]);
}
