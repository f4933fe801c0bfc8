using System.Buffers.Binary;

namespace Spd.Formats;

/// <summary>
/// A file of PyTorch before 1.6: pickles of a magic number, of the version and of what kind of machine wrote it, the pickle of what was saved, that of the keys of
/// its storages, and then for each storage a count (64 bits) and the elements, little-endian.
/// </summary>
internal sealed class OldTorchFile : ITorchElements
{
    private const int LargestPickles = 64 << 20;

    private readonly FileBytes _file;
    private readonly Dictionary<string, long> _starts = new(StringComparer.Ordinal);

    private OldTorchFile(FileBytes file) => _file = file;

    public string Format => "PyTorch before 1.6";

    public long FileLength => _file.Length;

    /// <summary>Whether the first bytes of a file are those of a pickle of any protocol.</summary>
    public static bool IsPickle(ReadOnlySpan<byte> start) => start is [0x80, <= 5, ..] || IsMagic(start);

    /// <summary>Whether the first bytes of a file are such a file's.</summary>
    public static bool IsMagic(ReadOnlySpan<byte> start) =>
        start.StartsWith("L119547037146038801333356L\n."u8)
        || (start is [0x80, <= 5, ..] && start[..Math.Min(start.Length, 32)].IndexOf(Magic) > 0);

    // As pickles write the whole number 0x1950a86a20f9469cfc6c, and the end of the pickle.
    private static ReadOnlySpan<byte> Magic => [0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, (byte)'.'];

    /// <summary>Reads what a file holds.</summary>
    /// <exception cref="FormatException">It holds no tensors, was written on another kind of machine or is damaged; a clause says what.</exception>
    /// <exception cref="IOException">It is missing or cannot be read.</exception>
    public static TorchReader Open(string path)
    {
        var file = new OldTorchFile(new FileBytes(path));
        try
        {
            return new TorchReader(file, file.ReadPickles());
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    public float[] Read(TorchStorage storage, NumberType type, long count)
    {
        if (!_starts.TryGetValue(storage.Key, out long begin)) throw new FormatException($"its storage {Quoted.Of(storage.Key)} is missing");
        return Numbers.Read(_file, begin, type, count, $"storage {Quoted.Of(storage.Key)}");
    }

    public void Dispose() => _file.Dispose();

    private object? ReadPickles()
    {
        byte[] bytes = _file.Slice(0, (int)Math.Min(_file.Length, LargestPickles)).ToArray();
        int at = 0;
        Pickle.Read(bytes, ref at);
        Pickle.Read(bytes, ref at);
        if (Pickle.Read(bytes, ref at).Value is Pickle.Dict machine && machine.Pairs.Any(pair => pair is ("little_endian", false)))
            throw new FormatException("it was written on a machine with the other order of bytes: save it again with a newer PyTorch");
        var (root, storages) = Pickle.Read(bytes, ref at);
        if (Pickle.Read(bytes, ref at).Value is not List<object?> keys) throw new FormatException("the list of its storages is missing");
        FindStorages(keys, storages, at);
        return root;
    }

    private void FindStorages(List<object?> keys, IReadOnlyDictionary<string, TorchStorage> storages, long at)
    {
        foreach (object? entry in keys)
        {
            if (entry is not string key || !storages.TryGetValue(key, out var storage)) throw new FormatException("the list of its storages is damaged");
            string name = Quoted.Of(key);
            if (at > _file.Length - sizeof(long)) throw new FormatException($"it ends before its storage {name}; it is cut short");
            long count = BinaryPrimitives.ReadInt64LittleEndian(_file.Slice(at, sizeof(long)));
            at += sizeof(long);
            if (count != storage.Count) throw new FormatException($"its storage {name} has {count} numbers, but {storage.Count} are asked for");
            if (count > (_file.Length - at) / storage.Size) throw new FormatException($"it ends within its storage {name}; it is cut short");
            if (!_starts.TryAdd(key, at)) throw new FormatException($"its storage {name} is listed twice");
            at += count * storage.Size;
        }

        if (at != _file.Length) throw new FormatException($"{_file.Length - at} bytes after its last storage belong to none");
    }
}
