using System.Buffers.Binary;
using System.Text;

namespace Spd.Runs.Tests.TensorBoard;

/// <summary>A value of an event.</summary>
/// <param name="Step">Its step.</param>
/// <param name="Tag">Its tag.</param>
/// <param name="Message">The fields of the value.</param>
internal sealed record EventValue(long Step, string Tag, WireMessage Message);

/// <summary>Reads event files by the description of their format alone, with nothing of what writes them.</summary>
internal static class EventReader
{
    /// <summary>The events of a file up to a last record that was cut short; checksums are checked.</summary>
    public static IReadOnlyList<WireMessage> ReadFile(string path)
    {
        ReadOnlySpan<byte> rest = File.ReadAllBytes(path);
        var events = new List<WireMessage>();
        while (rest.Length >= 12)
        {
            int length = checked((int)BinaryPrimitives.ReadUInt64LittleEndian(rest));
            Assert.Equal(MaskedCrc32C(rest[..8]), BinaryPrimitives.ReadUInt32LittleEndian(rest[8..]));
            if (rest.Length < length + 16) break;
            var data = rest.Slice(12, length);
            Assert.Equal(MaskedCrc32C(data), BinaryPrimitives.ReadUInt32LittleEndian(rest[(12 + length)..]));
            events.Add(WireMessage.Parse(data));
            rest = rest[(length + 16)..];
        }

        return events;
    }

    /// <summary>
    /// What TensorBoard shows of a folder: files in the order of their names; a start that is not the first voids what came before it from its step on.
    /// </summary>
    public static IReadOnlyList<EventValue> ReadFolder(string folder)
    {
        var shown = new List<EventValue>();
        bool isStarted = false;
        foreach (string path in Directory.GetFiles(folder).Order(StringComparer.Ordinal))
        {
            foreach (var message in ReadFile(path))
            {
                long step = message.Integer(2);
                if (message.Has(7))
                {
                    if (isStarted) shown.RemoveAll(value => value.Step >= step);
                    isStarted = true;
                }

                if (!message.Has(5)) continue;
                shown.AddRange(message.Message(5).Messages(1).Select(value => new EventValue(step, value.Text(1), value)));
            }
        }

        return shown;
    }

    /// <summary>The CRC-32C of RFC 3720, bit by bit.</summary>
    public static uint Crc32C(ReadOnlySpan<byte> bytes)
    {
        uint crc = uint.MaxValue;
        foreach (byte value in bytes)
        {
            crc ^= value;
            for (int bit = 0; bit < 8; bit++) crc = (crc & 1) == 0 ? crc >> 1 : (crc >> 1) ^ 0x82f63b78;
        }

        return ~crc;
    }

    private static uint MaskedCrc32C(ReadOnlySpan<byte> bytes)
    {
        uint crc = Crc32C(bytes);
        return unchecked(((crc >> 15) | (crc << 17)) + 0xa282ead8u);
    }
}

/// <summary>The fields of a protobuf message, in their order.</summary>
internal sealed class WireMessage
{
    private readonly List<(int Field, int Type, ulong Number, byte[] Bytes)> _fields = [];

    public static WireMessage Parse(ReadOnlySpan<byte> bytes)
    {
        var message = new WireMessage();
        while (bytes.Length > 0)
        {
            ulong tag = Varint(ref bytes);
            int type = (int)(tag & 7);
            ulong number = 0;
            byte[] content = [];
            switch (type)
            {
                case 0:
                    number = Varint(ref bytes);
                    break;
                case 1 or 5:
                    number = type == 1 ? BinaryPrimitives.ReadUInt64LittleEndian(bytes) : BinaryPrimitives.ReadUInt32LittleEndian(bytes);
                    bytes = bytes[(type == 1 ? 8 : 4)..];
                    break;
                case 2:
                    int length = checked((int)Varint(ref bytes));
                    content = bytes[..length].ToArray();
                    bytes = bytes[length..];
                    break;
                default:
                    Assert.Fail($"a field has the type {type}");
                    break;
            }

            message._fields.Add(((int)(tag >> 3), type, number, content));
        }

        return message;
    }

    public bool Has(int field) => _fields.Any(entry => entry.Field == field);

    public long Integer(int field) => (long)Only(field, 0).Number;

    public double Double(int field) => BitConverter.UInt64BitsToDouble(Only(field, 1).Number);

    public float Float(int field) => BitConverter.UInt32BitsToSingle((uint)Only(field, 5).Number);

    public byte[] Bytes(int field) => Only(field, 2).Bytes;

    public string Text(int field) => Encoding.UTF8.GetString(Bytes(field));

    public WireMessage Message(int field) => Parse(Bytes(field));

    public IEnumerable<WireMessage> Messages(int field) => _fields.Where(entry => entry.Field == field).Select(entry => Parse(entry.Bytes));

    private (int Field, int Type, ulong Number, byte[] Bytes) Only(int field, int type)
    {
        var found = Assert.Single(_fields, entry => entry.Field == field);
        Assert.Equal(type, found.Type);
        return found;
    }

    private static ulong Varint(ref ReadOnlySpan<byte> bytes)
    {
        ulong value = 0;
        for (int shift = 0; ; shift += 7)
        {
            byte next = bytes[0];
            bytes = bytes[1..];
            value |= (ulong)(next & 127) << shift;
            if (next < 128) return value;
        }
    }
}
