using System.Buffers.Binary;
using System.Text;
using Spd.Formats;

namespace Spd.Fuzz.Kinds;

/// <summary>Files of safetensors.</summary>
internal sealed class SafetensorsKind() : FuzzKind("safetensors")
{
    public static IReadOnlyList<byte[]> HeaderWords { get; } = Texts(
        "{", "}", "[", "]", ",", ":", "\"", "\"a\":", "{\"a\":", "\"dtype\":", "\"shape\":", "\"data_offsets\":", "\"__metadata__\":{", "\"__metadata__\":{\"format\":\"pt\"},",
        "\"F64\"", "\"F32\"", "\"F16\"", "\"BF16\"", "\"I64\"", "\"U8\"", "\"BOOL\"", "\"F8_E4M3\"", "\"C64\"", "[]", "[0]", "[0,0]", "[2,3]", "[1,1,1,1]", "null", "true", "-1",
        "\\u0000", "\\u001b[31m", "\\ud800", "\\n", "\u001b[2J", "\u202e", "a.b.c", "module.", "\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}");

    protected override IReadOnlyList<byte[]> Words => HeaderWords;

    /// <summary>A file with tensors of these types, and of no numbers at all.</summary>
    public static byte[] File(params (string Type, int Size)[] types)
    {
        var header = new StringBuilder("{\"__metadata__\":{\"format\":\"pt\"}");
        int at = 0;
        foreach (var (type, size) in types)
        {
            header.Append($",\"layer.{type.ToLowerInvariant()}\":{{\"dtype\":\"{type}\",\"shape\":[2,3],\"data_offsets\":[{at},{at + 6 * size}]}}");
            at += 6 * size;
        }

        byte[] text = Encoding.UTF8.GetBytes(header.Append('}').ToString()), length = new byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(length, text.Length);
        return [.. length, .. text, .. Enumerable.Range(0, at).Select(i => (byte)(i * 5 % 3))];
    }

    /// <summary>Changes the header alone and states its new length, without which hardly a mutant would be read further; sometimes any bytes.</summary>
    public static byte[] Mutate(Mutator mutator, byte[] bytes, IReadOnlyList<byte[]> others)
    {
        if (bytes.Length < sizeof(long) || mutator.OnceIn(3)) return mutator.Mutate(bytes, others, HeaderWords);
        int end = sizeof(long) + (int)Math.Min(BinaryPrimitives.ReadUInt64LittleEndian(bytes), (ulong)(bytes.Length - sizeof(long)));
        byte[] header = mutator.Mutate(bytes[sizeof(long)..end], [.. others.Select(other => other[Math.Min(sizeof(long), other.Length)..])], HeaderWords);
        byte[] length = new byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(length, header.Length);
        return [.. length, .. header, .. bytes[end..]];
    }

    protected override IEnumerable<Sample> MakeCorpus()
    {
        yield return new Sample("all.safetensors", File(("F64", 8), ("F32", 4), ("F16", 2), ("BF16", 2), ("I64", 8), ("I32", 4), ("I16", 2), ("I8", 1), ("U8", 1), ("BOOL", 1)));
        yield return new Sample("unsigned.safetensors", File(("U64", 8), ("U32", 4), ("U16", 2)));
        yield return new Sample("one.safetensors", File(("F32", 4)));
        yield return new Sample("refused.safetensors", File(("F32", 4), ("F8_E4M3", 1)));
        using var written = new MemoryStream();
        TensorData[] tensors = [new("linear1.weight", [2, 3], [1, 2, 3, 4, 5, 6]), new("scalar", [], [7]), new("none", [0, 4], [])];
        Safetensors.Write(written, tensors, new Dictionary<string, string> { ["format"] = "pt", ["note"] = "größer" });
        yield return new Sample("written.safetensors", written.ToArray());
    }

    protected override byte[] Mutate(Mutator mutator, Sample sample) => Mutate(mutator, sample.Bytes, [.. Corpus.Select(other => other.Bytes)]);

    protected override void Read(string path) => TryEach(() => ReadWeights(path), () => Safetensors.Read(path));
}
