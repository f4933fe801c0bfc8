using System.Globalization;
using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Text;

namespace Spd.Formats;

/// <summary>
/// Writes arrays whose rows come little by little as a NumPy archive (<c>.npz</c>), which <c>numpy.load</c> reads. What was given lies in files without a name on
/// the same disk until <see cref="Finish"/>, so that memory does not grow, and nothing of them stays, however the program ends; until then there is no archive.
/// </summary>
public sealed class ArrayArchiveWriter : IDisposable
{
    private readonly string _path;
    private readonly Dictionary<string, Part> _parts = [];

    /// <summary>Begins an archive. What killed programs left of one with the same name goes.</summary>
    /// <param name="path">The file; an existing one is replaced at the end.</param>
    public ArrayArchiveWriter(string path)
    {
        _path = Path.GetFullPath(path);
        AtomicFile.RemoveLeftovers(_path);
    }

    /// <summary>Adds rows of numbers to an array.</summary>
    /// <param name="name">Its name, by which it is looked up.</param>
    /// <param name="row">The shape of a row, alike each time; none for a single number.</param>
    /// <param name="values">Whole rows, one after the other.</param>
    /// <exception cref="IOException">They cannot be written.</exception>
    public void Append(string name, IReadOnlyList<int> row, ReadOnlySpan<float> values) => Append(name, "<f4", row, MemoryMarshal.AsBytes(values));

    /// <summary>Adds rows of whole numbers to an array.</summary>
    /// <inheritdoc cref="Append(string, IReadOnlyList{int}, ReadOnlySpan{float})"/>
    public void Append(string name, IReadOnlyList<int> row, ReadOnlySpan<int> values) => Append(name, "<i4", row, MemoryMarshal.AsBytes(values));

    /// <summary>Puts the archive together, whole or not at all.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    public void Finish() => AtomicFile.Write(_path, stream =>
    {
        using var archive = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true);
        foreach (var (name, part) in _parts)
        {
            // Numbers as they are: a program may map them into memory, and hardly any would be saved.
            var entry = archive.CreateEntry($"{name}.npy", CompressionLevel.NoCompression);
            entry.LastWriteTime = new DateTimeOffset(1980, 1, 1, 0, 0, 0, TimeSpan.Zero);
            using var target = entry.Open();
            target.Write(Header(part));
            part.Stream.Position = 0;
            part.Stream.CopyTo(target);
        }
    });

    public void Dispose()
    {
        foreach (var part in _parts.Values) part.Stream.Dispose();
    }

    private void Append(string name, string type, IReadOnlyList<int> row, ReadOnlySpan<byte> bytes)
    {
        if (!_parts.TryGetValue(name, out var part))
            _parts[name] = part = new Part(type, [.. row], Nameless());

        if (part.Type != type || !part.Row.SequenceEqual(row)) throw new ArgumentException($"the rows of {Quoted.Of(name)} are of another type or shape than those before");
        if (bytes.Length % part.RowBytes != 0) throw new ArgumentException($"{bytes.Length} bytes are no whole rows of {Quoted.Of(name)}");
        part.Stream.Write(bytes);
    }

    // A system keeps a file that has lost its name until it is closed, and takes it back when the program is killed. Nothing waits in a buffer, which a full disk
    // would not take when the file is closed either.
    private FileStream Nameless()
    {
        string file = $"{_path}.{Guid.NewGuid():N}{AtomicFile.Unfinished}";
        var stream = new FileStream(file, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.Delete, bufferSize: 0);
        File.Delete(file);
        return stream;
    }

    /// <summary>The header of version 1.0: a text in Python, filled up so that what follows begins at a multiple of 64 bytes.</summary>
    private static byte[] Header(Part part)
    {
        string shape = string.Join(", ", part.Row.Select(size => (long)size).Prepend(part.Stream.Length / part.RowBytes).Select(size => size.ToString(CultureInfo.InvariantCulture)));
        string text = $"{{'descr': '{part.Type}', 'fortran_order': False, 'shape': ({shape}{(part.Row.Length == 0 ? "," : "")}), }}";
        const int Before = 10, Multiple = 64;
        int length = (Before + text.Length + 1 + Multiple - 1) / Multiple * Multiple - Before;
        return [0x93, .. "NUMPY"u8, 1, 0, (byte)length, (byte)(length >> 8), .. Encoding.ASCII.GetBytes($"{text.PadRight(length - 1)}\n")];
    }

    private sealed record Part(string Type, int[] Row, FileStream Stream)
    {
        private const int NumberBytes = 4;

        public int RowBytes { get; } = Row.Aggregate(NumberBytes, (size, count) => size * count);
    }
}
