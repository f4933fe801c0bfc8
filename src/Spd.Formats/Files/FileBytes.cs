using System.IO.MemoryMappedFiles;

namespace Spd.Formats;

/// <summary>The bytes of a file, in any order: a large file is mapped into memory, so that its bytes are never all there twice; a small one is read.</summary>
/// <remarks>A mapped file must not be made shorter by another program while it is read: the operating system then ends the reader.</remarks>
public sealed unsafe class FileBytes : IDisposable
{
    private const long LargestRead = 1 << 20;

    private readonly byte[] _bytes = [];
    private readonly FileStream? _stream;
    private readonly MemoryMappedFile? _map;
    private readonly MemoryMappedViewAccessor? _view;
    private readonly byte* _start;

    /// <summary>Opens a file.</summary>
    /// <exception cref="IOException">It is missing or cannot be read.</exception>
    /// <exception cref="FormatException">It is a folder, a pipe or a device.</exception>
    public FileBytes(string path)
    {
        var stream = RegularFile.Open(path);
        try
        {
            Length = stream.Length;
            if (Length <= LargestRead)
            {
                _bytes = new byte[Length];
                stream.ReadExactly(_bytes);
                return;
            }

            _map = MemoryMappedFile.CreateFromFile(stream, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true);
            _view = _map.CreateViewAccessor(0, Length, MemoryMappedFileAccess.Read);
            _view.SafeMemoryMappedViewHandle.AcquirePointer(ref _start);
            _start += _view.PointerOffset;
        }
        catch
        {
            Dispose();
            throw;
        }
        finally
        {
            // While it is open, who would remove the file can see that it is used.
            if (_map is null) stream.Dispose();
            else _stream = stream;
        }
    }

    /// <summary>Bytes of the file.</summary>
    public long Length { get; }

    /// <summary>Some bytes; they are there until the file is disposed.</summary>
    public ReadOnlySpan<byte> Slice(long start, int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start, Length - length);
        return _start == null ? _bytes.AsSpan((int)start, length) : new ReadOnlySpan<byte>(_start + start, length);
    }

    public void Dispose()
    {
        if (_start != null) _view!.SafeMemoryMappedViewHandle.ReleasePointer();
        _view?.Dispose();
        _map?.Dispose();
        _stream?.Dispose();
    }
}
