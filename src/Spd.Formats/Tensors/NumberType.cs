using System.Globalization;
using System.Runtime.InteropServices;

namespace Spd.Formats;

/// <summary>The types of numbers in files, called as safetensors calls them. All are read as float32.</summary>
internal enum NumberType { F64, F32, F16, BF16, F8_E4M3, F8_E5M2, I64, U64, I32, U32, I16, U16, I8, U8, BOOL }

/// <summary>Numbers as they lie in files, and as float32.</summary>
internal static class Numbers
{
    /// <summary>How many numbers are converted at a time.</summary>
    public const int ChunkLength = 1 << 20;

    private static readonly float[] Float8 = [.. Enumerable.Range(0, 256).Select(bits => FromE4M3((byte)bits))];

    /// <summary>Every type by the name that PyTorch and NumPy have for it.</summary>
    public static IReadOnlyDictionary<string, NumberType> Dtypes { get; } = new Dictionary<string, NumberType>
    {
        ["float64"] = NumberType.F64,
        ["float32"] = NumberType.F32,
        ["float16"] = NumberType.F16,
        ["bfloat16"] = NumberType.BF16,
        ["float8_e4m3fn"] = NumberType.F8_E4M3,
        ["float8_e5m2"] = NumberType.F8_E5M2,
        ["int64"] = NumberType.I64,
        ["uint64"] = NumberType.U64,
        ["int32"] = NumberType.I32,
        ["uint32"] = NumberType.U32,
        ["int16"] = NumberType.I16,
        ["uint16"] = NumberType.U16,
        ["int8"] = NumberType.I8,
        ["uint8"] = NumberType.U8,
        ["bool"] = NumberType.BOOL,
    };

    /// <summary>Every type by its name.</summary>
    public static IReadOnlyDictionary<string, NumberType> Types { get; } = Enum.GetValues<NumberType>().ToDictionary(type => type.ToString());

    /// <summary>The name that PyTorch and NumPy have for a type.</summary>
    public static string Dtype(this NumberType type) => Dtypes.First(entry => entry.Value == type).Key;

    /// <summary>Bytes of a number of a type as a file calls it; null where it is not known here.</summary>
    public static int? SizeOf(string type) => Dtypes.TryGetValue(type, out var known) || Types.TryGetValue(type, out known) ? known.Size() : null;

    /// <summary>Whether a type as a file calls it is one of whole numbers, or of truth values.</summary>
    public static bool IsInteger(string type) => (Dtypes.TryGetValue(type, out var known) || Types.TryGetValue(type, out known)) && known >= NumberType.I64;

    /// <summary>Bytes of a number.</summary>
    public static int Size(this NumberType type) => type switch
    {
        NumberType.F64 or NumberType.I64 or NumberType.U64 => 8,
        NumberType.F32 or NumberType.I32 or NumberType.U32 => 4,
        NumberType.F16 or NumberType.BF16 or NumberType.I16 or NumberType.U16 => 2,
        _ => 1,
    };

    /// <summary>
    /// Converts little-endian numbers to the nearest float32. Exact for float32 and all that are smaller, and for whole numbers up to 2^24;
    /// a truth value is 1 or 0.
    /// </summary>
    /// <exception cref="FormatException">A finite float64 is beyond float32's range.</exception>
    /// <param name="type">Their type.</param>
    /// <param name="bytes">The numbers.</param>
    /// <param name="values">As many float32.</param>
    /// <param name="what">Whose numbers they are, for messages: <c>tensor 'a'</c>.</param>
    public static void ToSingles(NumberType type, ReadOnlySpan<byte> bytes, Span<float> values, string what)
    {
        switch (type)
        {
            case NumberType.F64: Convert<double>(bytes, values, number => InRange(number, what)); break;
            case NumberType.F32: bytes.CopyTo(MemoryMarshal.AsBytes(values)); break;
            case NumberType.F16: Convert<Half>(bytes, values, number => (float)number); break;
            case NumberType.BF16: Convert<ushort>(bytes, values, bits => BitConverter.UInt32BitsToSingle((uint)bits << 16)); break;
            case NumberType.F8_E4M3: Convert<byte>(bytes, values, bits => Float8[bits]); break;
            // The upper half of a float16.
            case NumberType.F8_E5M2: Convert<byte>(bytes, values, bits => (float)BitConverter.UInt16BitsToHalf((ushort)(bits << 8))); break;
            case NumberType.I64: Convert<long>(bytes, values, number => number); break;
            case NumberType.U64: Convert<ulong>(bytes, values, number => number); break;
            case NumberType.I32: Convert<int>(bytes, values, number => number); break;
            case NumberType.U32: Convert<uint>(bytes, values, number => number); break;
            case NumberType.I16: Convert<short>(bytes, values, number => number); break;
            case NumberType.U16: Convert<ushort>(bytes, values, number => number); break;
            case NumberType.I8: Convert<sbyte>(bytes, values, number => number); break;
            case NumberType.U8: Convert<byte>(bytes, values, number => number); break;
            case NumberType.BOOL: Convert<byte>(bytes, values, number => number == 0 ? 0 : 1); break;
            default: throw new ArgumentOutOfRangeException(nameof(type), type, "there is no such type of numbers");
        }
    }

    /// <summary>Reads numbers from a stream as float32.</summary>
    /// <param name="stream">Where they lie.</param>
    /// <param name="type">Their type.</param>
    /// <param name="count">How many, at most what an array can hold; so much memory is taken at once.</param>
    /// <param name="what">Whose numbers they are, for messages.</param>
    /// <param name="isBigEndian">Whether their bytes lie in the reverse order.</param>
    /// <exception cref="EndOfStreamException">There are fewer.</exception>
    /// <exception cref="FormatException">A finite float64 is beyond float32's range.</exception>
    public static float[] Read(Stream stream, NumberType type, long count, string what, bool isBigEndian)
    {
        int size = type.Size();
        float[] values = new float[count];
        byte[] buffer = new byte[Math.Min(count, ChunkLength) * size];
        for (long start = 0; start < count; start += ChunkLength)
        {
            int length = (int)Math.Min(ChunkLength, count - start);
            var bytes = buffer.AsSpan(0, length * size);
            stream.ReadExactly(bytes);
            if (isBigEndian)
                for (int i = 0; i < bytes.Length; i += size) bytes.Slice(i, size).Reverse();
            ToSingles(type, bytes, values.AsSpan((int)start, length), what);
        }

        return values;
    }

    /// <summary>Converts the little-endian numbers of a file from some byte on.</summary>
    /// <inheritdoc cref="Read(Stream, NumberType, long, string, bool)"/>
    public static float[] Read(FileBytes file, long begin, NumberType type, long count, string what)
    {
        int size = type.Size();
        float[] values = new float[count];
        for (long start = 0; start < count; start += ChunkLength)
        {
            var chunk = values.AsSpan((int)start, (int)Math.Min(ChunkLength, count - start));
            ToSingles(type, file.Slice(begin + start * size, chunk.Length * size), chunk, what);
        }

        return values;
    }

    private static void Convert<T>(ReadOnlySpan<byte> bytes, Span<float> values, Func<T, float> convert) where T : unmanaged
    {
        var numbers = MemoryMarshal.Cast<byte, T>(bytes);
        for (int i = 0; i < values.Length; i++) values[i] = convert(numbers[i]);
    }

    private static float InRange(double number, string what)
    {
        float value = (float)number;
        return float.IsInfinity(value) && double.IsFinite(number)
            ? throw new FormatException($"{what} holds the number {number.ToString("G3", CultureInfo.InvariantCulture)}, which is beyond the range of float32")
            : value;
    }

    /// <summary>A sign, 4 bits of exponent with the bias 7, 3 bits of fraction; no infinities, and NaN where all bits but the sign are set.</summary>
    private static float FromE4M3(byte bits)
    {
        int exponent = bits >> 3 & 15, fraction = bits & 7;
        float size = (exponent, fraction) switch
        {
            (15, 7) => float.NaN,
            (0, _) => MathF.ScaleB(fraction, -9),
            _ => MathF.ScaleB(8 + fraction, exponent - 10),
        };
        return bits >= 0x80 ? -size : size;
    }
}
