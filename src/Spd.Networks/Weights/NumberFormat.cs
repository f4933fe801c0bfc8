using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Spd.Networks.Weights;

/// <summary>How a number is stored in a file, and how it becomes a float32.</summary>
/// <remarks>
/// float16, bfloat16, both kinds of float8, integers of up to 16 bits and truth values are kept exactly; float64 and longer integers are rounded to float32,
/// which has 24 bits of precision.
/// </remarks>
internal sealed record NumberFormat(string Name, int Size, NumberFormat.Converter Convert)
{
    public delegate float Converter(ReadOnlySpan<byte> bytes);

    public static NumberFormat Float32 { get; } = new("float32", 4, BinaryPrimitives.ReadSingleLittleEndian);

    public static NumberFormat Float64 { get; } = new("float64", 8, bytes => (float)BinaryPrimitives.ReadDoubleLittleEndian(bytes));

    public static NumberFormat Float16 { get; } = new("float16", 2, bytes => (float)BinaryPrimitives.ReadHalfLittleEndian(bytes));

    public static NumberFormat BFloat16 { get; } = new("bfloat16", 2, bytes => BitConverter.UInt32BitsToSingle((uint)BinaryPrimitives.ReadUInt16LittleEndian(bytes) << 16));

    public static NumberFormat Float8E5M2 { get; } = new("float8_e5m2", 1, bytes => (float)BitConverter.UInt16BitsToHalf((ushort)(bytes[0] << 8)));

    public static NumberFormat Float8E4M3 { get; } = new("float8_e4m3fn", 1, bytes => FromE4M3(bytes[0]));

    public static NumberFormat Int64 { get; } = new("int64", 8, bytes => BinaryPrimitives.ReadInt64LittleEndian(bytes));

    public static NumberFormat Int32 { get; } = new("int32", 4, bytes => BinaryPrimitives.ReadInt32LittleEndian(bytes));

    public static NumberFormat Int16 { get; } = new("int16", 2, bytes => BinaryPrimitives.ReadInt16LittleEndian(bytes));

    public static NumberFormat Int8 { get; } = new("int8", 1, bytes => (sbyte)bytes[0]);

    public static NumberFormat UInt64 { get; } = new("uint64", 8, bytes => BinaryPrimitives.ReadUInt64LittleEndian(bytes));

    public static NumberFormat UInt32 { get; } = new("uint32", 4, bytes => BinaryPrimitives.ReadUInt32LittleEndian(bytes));

    public static NumberFormat UInt16 { get; } = new("uint16", 2, bytes => BinaryPrimitives.ReadUInt16LittleEndian(bytes));

    public static NumberFormat UInt8 { get; } = new("uint8", 1, bytes => bytes[0]);

    public static NumberFormat Bool { get; } = new("bool", 1, bytes => bytes[0] == 0 ? 0 : 1);

    /// <summary>The same with its bytes in the other order.</summary>
    public NumberFormat BigEndian => Size == 1 ? this : this with
    {
        Convert = bytes =>
        {
            Span<byte> turned = stackalloc byte[8];
            turned = turned[..Size];
            bytes.CopyTo(turned);
            turned.Reverse();
            return Convert(turned);
        },
    };

    /// <summary>Converts numbers that lie one behind the other.</summary>
    /// <param name="bytes"><see cref="Size"/> bytes for every value.</param>
    /// <param name="values">Receives the numbers.</param>
    public void ToFloats(ReadOnlySpan<byte> bytes, Span<float> values)
    {
        if (this == Float32 && BitConverter.IsLittleEndian)
        {
            bytes.CopyTo(MemoryMarshal.AsBytes(values));
            return;
        }

        for (int i = 0; i < values.Length; i++) values[i] = Convert(bytes.Slice(i * Size, Size));
    }

    /// <summary>One bit of sign, four of exponent with bias 7, three of mantissa; no infinities, all ones is not a number.</summary>
    private static float FromE4M3(byte bits)
    {
        int exponent = (bits >> 3) & 15, mantissa = bits & 7;
        float sign = (bits & 0x80) == 0 ? 1 : -1;
        if (exponent == 15 && mantissa == 7) return float.NaN;
        return sign * (exponent == 0 ? MathF.ScaleB(mantissa, -9) : MathF.ScaleB(8 + mantissa, exponent - 10));
    }
}
