using System.Buffers.Binary;

namespace Spd.Formats;

/// <summary>
/// Holds the last part of a Parquet file, which says what it has, to its form before the library reads it: the library goes by the numbers of the fields and
/// not by their types, trusts every claim of a length, and goes on for ever behind the end. The form is Thrift's compact protocol, the fields are those of
/// parquet.thrift. All errors are a <see cref="FormatException"/>.
/// </summary>
internal ref struct ParquetFooter
{
    private const int LargestLength = 1 << 26, TailLength = 8;
    private const int True = 1, False = 2, Int8 = 3, Int16 = 4, Int32 = 5, Int64 = 6, Double = 7, Bytes = 8, List = 9, Struct = 12;

    // Of each structure its fields from number 1 on: a type, the name of a structure, or a list of either in brackets.
    private static readonly Dictionary<string, string?[]> Structures = new()
    {
        ["File"] = ["i32", "[Element]", "i64", "[Group]", "[Pair]", "bytes", "[Order]"],
        ["Element"] = ["i32", "i32", "i32", "bytes", "i32", "i32", "i32", "i32", "i32", "Logical"],
        ["Logical"] =
        [
            "Empty", "Empty", "Empty", "Empty", "Decimal", "Empty", "Time", "Time", null, "Integer", "Empty", "Empty", "Empty", "Empty", "Empty", "Variant", "Geometry", "Geography",
        ],
        ["Decimal"] = ["i32", "i32"],
        ["Time"] = ["bool", "Unit"],
        ["Unit"] = ["Empty", "Empty", "Empty"],
        ["Integer"] = ["i8", "bool"],
        ["Variant"] = ["i8"],
        ["Geometry"] = ["bytes"],
        ["Geography"] = ["bytes", "i32"],
        ["Empty"] = [],
        ["Pair"] = ["bytes", "bytes"],
        ["Order"] = ["Empty"],
        ["Group"] = ["[Chunk]", "i64", "i64", "[Sorting]", "i64", "i64", "i16"],
        ["Sorting"] = ["i32", "bool", "bool"],
        ["Chunk"] = ["bytes", "i64", "Column", "i64", "i32", "i64", "i32"],
        ["Column"] =
        [
            "i32", "[i32]", "[bytes]", "i32", "i64", "i64", "i64", "[Pair]", "i64", "i64", "i64", "Statistics", "[Encoding]", "i64", "i32", "Sizes", "Places",
        ],
        ["Statistics"] = ["bytes", "bytes", "i64", "i64", "bytes", "bytes", "bool", "bool"],
        ["Encoding"] = ["i32", "i32", "i32"],
        ["Sizes"] = ["i64", "[i64]", "[i64]"],
        ["Places"] = ["Box", "[i32]"],
        ["Box"] = ["double", "double", "double", "double", "double", "double", "double", "double"],
    };

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
        new ParquetFooter(bytes).SkipStructure("File");
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

    private void SkipStructure(string name)
    {
        string?[] fields = Structures[name];
        int number = 0;
        while (Next() is > 0 and var head)
        {
            // The number of the field is a small step from the last, or stands here, its sign in the last bit.
            number = head >> 4 > 0 ? number + (head >> 4) : Number() is < 1 << 16 and var given && given % 2 == 0 ? (int)given / 2 : throw Damaged();
            int type = head & 15;
            string? known = number >= 1 && number <= fields.Length ? fields[number - 1] : null;
            if (known is not null ? !Fits(type, known) : type > Bytes) throw Damaged();
            // The value of a flag is its type.
            if (type is not (True or False)) SkipValue(type, known);
        }
    }

    private static bool Fits(int type, string known) => known switch
    {
        "bool" => type is True or False,
        "i8" => type == Int8,
        "i16" => type == Int16,
        "i32" => type == Int32,
        "i64" => type == Int64,
        "double" => type == Double,
        "bytes" => type == Bytes,
        ['[', ..] => type == List,
        _ => type == Struct,
    };

    private void SkipValue(int type, string? known)
    {
        switch (type)
        {
            case Int8: Next(); break;
            case Int16 or Int32 or Int64: Number(); break;
            case Double: Skip(sizeof(double)); break;
            case Bytes: Skip(Number()); break;
            case List: SkipList(known![1..^1]); break;
            case Struct: SkipStructure(known!); break;
            default: throw Damaged();
        }
    }

    private void SkipList(string of)
    {
        byte head = Next();
        ulong count = head >> 4 == 15 ? Number() : (ulong)(head >> 4);
        // Each takes a byte at least.
        if (count > (ulong)(_bytes.Length - _at) || (count > 0 && !Fits(head & 15, of))) throw Damaged();
        for (ulong i = 0; i < count; i++) SkipValue(head & 15, of);
    }
}
