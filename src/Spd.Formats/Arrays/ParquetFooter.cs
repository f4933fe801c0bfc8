using System.Buffers.Binary;

namespace Spd.Formats;

/// <summary>
/// Holds the last part of a Parquet file, which says what it has, to being whole before the library reads it: the library trusts every claim of a length
/// there, and can go on for ever behind its end. The form is Thrift's compact protocol. All errors are a <see cref="FormatException"/>.
/// </summary>
internal ref struct ParquetFooter
{
    private const int LargestLength = 1 << 26, Deepest = 16, TailLength = 8;

    private readonly ReadOnlySpan<byte> _bytes;
    private int _at;

    private ParquetFooter(ReadOnlySpan<byte> bytes) => _bytes = bytes;

    /// <summary>Checks the footer of a file.</summary>
    public static void Check(Stream file)
    {
        Span<byte> tail = stackalloc byte[TailLength];
        if (file.Length < TailLength + 4) throw Damaged();
        file.Position = file.Length - TailLength;
        file.ReadExactly(tail);
        uint length = BinaryPrimitives.ReadUInt32LittleEndian(tail);
        if (!tail[4..].SequenceEqual("PAR1"u8) || length > file.Length - TailLength - 4) throw Damaged();
        if (length > LargestLength) throw new FormatException($"its description takes {length} bytes; at most {LargestLength} are read");
        byte[] bytes = new byte[length];
        file.Position = file.Length - TailLength - length;
        file.ReadExactly(bytes);
        file.Position = 0;
        new ParquetFooter(bytes).SkipStruct(Deepest);
    }

    private static FormatException Damaged() => new("it is a Parquet file that is damaged or cut short");

    private byte Next() => _at < _bytes.Length ? _bytes[_at++] : throw Damaged();

    private void Skip(ulong count) => _at = count <= (ulong)(_bytes.Length - _at) ? _at + (int)count : throw Damaged();

    private ulong Number()
    {
        ulong number = 0;
        for (int shift = 0; shift < 64; shift += 7)
        {
            byte part = Next();
            number |= (ulong)(part & 0x7f) << shift;
            if (part < 0x80) return number;
        }

        throw Damaged();
    }

    private void SkipStruct(int depth)
    {
        while (Next() is > 0 and var field)
        {
            // The number of the field, where it is not a small step from the last.
            if (field >> 4 == 0) Number();
            // The value of a flag is its type.
            if ((field & 15) is not (1 or 2)) SkipValue(field & 15, depth);
        }
    }

    private void SkipValue(int type, int depth)
    {
        if (depth == 0) throw Damaged();
        switch (type)
        {
            case 1 or 2 or 3: Next(); break;
            case 4 or 5 or 6: Number(); break;
            case 7: Skip(sizeof(double)); break;
            case 8: Skip(Number()); break;
            case 9 or 10:
                byte list = Next();
                SkipValues(list >> 4 == 15 ? Number() : (ulong)(list >> 4), depth, list & 15);
                break;
            case 11:
                ulong pairs = Number();
                if (pairs == 0) break;
                byte types = Next();
                SkipValues(pairs, depth, types >> 4, types & 15);
                break;
            case 12: SkipStruct(depth - 1); break;
            default: throw Damaged();
        }
    }

    private void SkipValues(ulong count, int depth, params ReadOnlySpan<int> types)
    {
        // Each takes a byte at least.
        if (count > (ulong)(_bytes.Length - _at)) throw Damaged();
        for (ulong i = 0; i < count; i++)
            foreach (int type in types) SkipValue(type, depth - 1);
    }
}
