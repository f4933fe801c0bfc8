using System.Text;
using Google.Protobuf;
using static Google.Protobuf.WireFormat;

namespace Spd.Runs.TensorBoard;

/// <summary>Fields of protobuf messages as bytes; a message is its fields one after the other.</summary>
internal static class Fields
{
    /// <summary>A field of type double.</summary>
    public static byte[] Double(int field, double value) => Encode(field, WireType.Fixed64, sizeof(double), output => output.WriteDouble(value));

    /// <summary>A field of type float.</summary>
    public static byte[] Float(int field, float value) => Encode(field, WireType.Fixed32, sizeof(float), output => output.WriteFloat(value));

    /// <summary>A field of type int32 or int64, or an enumeration.</summary>
    public static byte[] Integer(int field, long value) =>
        Encode(field, WireType.Varint, CodedOutputStream.ComputeInt64Size(value), output => output.WriteInt64(value));

    /// <summary>A field of type string.</summary>
    public static byte[] Utf8(int field, string value) => Bytes(field, Encoding.UTF8.GetBytes(value));

    /// <summary>A field of type bytes, or a message in the message.</summary>
    public static byte[] Bytes(int field, byte[] value)
    {
        var bytes = ByteString.CopyFrom(value);
        return Encode(field, WireType.LengthDelimited, CodedOutputStream.ComputeBytesSize(bytes), output => output.WriteBytes(bytes));
    }

    private static byte[] Encode(int field, WireType type, int size, Action<CodedOutputStream> write)
    {
        byte[] bytes = new byte[CodedOutputStream.ComputeTagSize(field) + size];
        using var output = new CodedOutputStream(bytes);
        output.WriteTag(field, type);
        write(output);
        output.CheckNoSpaceLeft();
        return bytes;
    }
}
