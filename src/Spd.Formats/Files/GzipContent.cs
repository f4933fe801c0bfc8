using System.Buffers.Binary;
using System.IO.Compression;
using System.IO.Hashing;

namespace Spd.Formats;

/// <summary>
/// What a gzip file holds: the content of its members one after the other, each of which fits its checksum and its length; zeros may follow them, as tapes and
/// some programs pad files. Errors are an <see cref="InvalidDataException"/>, or an <see cref="EndOfStreamException"/> where the file is cut short.
/// </summary>
/// <param name="file">The file, which is left open; it is read from its start.</param>
internal sealed class GzipContent(Stream file) : Stream
{
    private const int TrailerLength = 8;

    // The library takes this much of the file at a time, and does not tell how much of the last it has used.
    private const int ReadAhead = 1 << 13;

    private DeflateStream? _member;
    private Crc32 _checksum = new();
    private long _memberStart, _memberLength, _next;
    private bool _isAtEnd;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override int Read(Span<byte> buffer)
    {
        if (buffer.IsEmpty) return 0;
        while (!_isAtEnd)
        {
            if (_member is null)
            {
                _isAtEnd = !OpenMember();
                continue;
            }

            int count = _member.Read(buffer);
            if (count > 0)
            {
                _checksum.Append(buffer[..count]);
                _memberLength += count;
                return count;
            }

            EndMember();
        }

        return 0;
    }

    public override void Flush() { }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing) _member?.Dispose();
        base.Dispose(disposing);
    }

    /// <summary>Steps over the header of the next member; false where there is none.</summary>
    private bool OpenMember()
    {
        const int HasCheck = 2, HasExtra = 4, HasName = 8, HasComment = 16, Reserved = 0xe0;
        file.Position = _next;
        Span<byte> header = stackalloc byte[10];
        int count = file.ReadAtLeast(header, header.Length, throwOnEndOfStream: false);
        if (_next > 0 && !header[..count].ContainsAnyExcept((byte)0)) return RestIsZero();
        if (count < header.Length) throw header[..count] is [0x1f] or [0x1f, 0x8b, ..] ? new EndOfStreamException() : new InvalidDataException();
        if (header is not [0x1f, 0x8b, 8, var flags, ..] || (flags & Reserved) != 0) throw new InvalidDataException();
        if ((flags & HasExtra) != 0)
        {
            Span<byte> length = stackalloc byte[sizeof(ushort)];
            file.ReadExactly(length);
            file.Position += BinaryPrimitives.ReadUInt16LittleEndian(length);
        }

        if ((flags & HasName) != 0) SkipText();
        if ((flags & HasComment) != 0) SkipText();
        if ((flags & HasCheck) != 0) file.Position += sizeof(ushort);
        (_memberStart, _memberLength, _checksum) = (file.Position, 0, new Crc32());
        _member = new DeflateStream(file, CompressionMode.Decompress, leaveOpen: true);
        return true;
    }

    private bool RestIsZero()
    {
        byte[] rest = new byte[ReadAhead];
        while (file.Read(rest) is > 0 and int count)
            if (rest.AsSpan(0, count).ContainsAnyExcept((byte)0)) throw new InvalidDataException();
        return false;
    }

    private void SkipText()
    {
        int letter;
        while ((letter = file.ReadByte()) != 0)
            if (letter < 0) throw new EndOfStreamException();
    }

    /// <summary>Where a member ends, its checksum and its length say: they are looked for in what the library took last.</summary>
    private void EndMember()
    {
        _member!.Dispose();
        _member = null;
        Span<byte> trailer = stackalloc byte[TrailerLength];
        BinaryPrimitives.WriteUInt32LittleEndian(trailer, _checksum.GetCurrentHashAsUInt32());
        BinaryPrimitives.WriteUInt32LittleEndian(trailer[sizeof(uint)..], (uint)_memberLength);
        long start = Math.Max(_memberStart, file.Position - ReadAhead);
        file.Position = start;
        byte[] last = new byte[ReadAhead + TrailerLength];
        int count = file.ReadAtLeast(last, last.Length, throwOnEndOfStream: false), at = last.AsSpan(0, count).IndexOf(trailer);
        if (at < 0) throw count < last.Length ? new EndOfStreamException() : new InvalidDataException();
        _next = start + at + TrailerLength;
    }
}
