using System.Globalization;
using System.Text;

namespace Spd.Text;

/// <summary>A step on the way from tokens to text: it changes them, or joins them.</summary>
internal abstract class Decoder
{
    public abstract List<string> Decode(List<string> tokens);

    /// <summary>Reads a decoder.</summary>
    public static Decoder Read(Part part) => part.Type switch
    {
        "Sequence" => new DecoderSequence([.. part.Get("decoders").Elements().Select(Read)]),
        "ByteLevel" => new ByteLevelDecoder(),
        "ByteFallback" => new ByteFallbackDecoder(),
        "Fuse" => new FuseDecoder(),
        "Strip" => new StripDecoder(part.Letter("content").ToString(), part.Get("start").AsNumber(), part.Get("stop").AsNumber()),
        "Replace" => Replace(part.Pattern("pattern"), part.Text("content")),
        "Metaspace" => Metaspace(part.Letter("replacement").ToString(), PreTokenizer.MetaspaceScheme(part)),
        "WordPiece" => new WordPieceDecoder(part.Text("prefix"), part.Flag("cleanup", true)),
        _ => throw part.Unsupported("decoder"),
    };

    private static EachTokenDecoder Replace(Pattern pattern, string content) => new((token, _) => pattern.Replace(token, content));

    private static EachTokenDecoder Metaspace(string replacement, PrependScheme scheme) =>
        new((token, isFirst) => token.Replace(replacement, isFirst && scheme != PrependScheme.Never ? "" : " ", StringComparison.Ordinal));
}

internal sealed class DecoderSequence(List<Decoder> parts) : Decoder
{
    public override List<string> Decode(List<string> tokens)
    {
        foreach (var part in parts) tokens = part.Decode(tokens);
        return tokens;
    }
}

/// <summary>Changes each token by itself; the function is told whether it is the first.</summary>
internal sealed class EachTokenDecoder(Func<string, bool, string> decode) : Decoder
{
    public override List<string> Decode(List<string> tokens) => [.. tokens.Select((token, index) => decode(token, index == 0))];
}

internal sealed class FuseDecoder : Decoder
{
    public override List<string> Decode(List<string> tokens) => [string.Concat(tokens)];
}

internal sealed class ByteLevelDecoder : Decoder
{
    public override List<string> Decode(List<string> tokens) => [Encoding.UTF8.GetString([.. tokens.SelectMany(ByteAlphabet.BytesOf)])];
}

/// <summary>Joins tokens such as <c>&lt;0xE4&gt;</c> to the letters that they are the bytes of; where they are none, each is a replacement character.</summary>
internal sealed class ByteFallbackDecoder : Decoder
{
    private static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);

    public override List<string> Decode(List<string> tokens)
    {
        var decoded = new List<string>(tokens.Count);
        var bytes = new List<byte>();
        foreach (string token in tokens)
        {
            if (ByteOf(token) is { } value)
            {
                bytes.Add(value);
                continue;
            }

            Flush(bytes, decoded);
            decoded.Add(token);
        }

        Flush(bytes, decoded);
        return decoded;
    }

    private static byte? ByteOf(string token) =>
        token.Length == 6 && token.StartsWith("<0x", StringComparison.Ordinal) && token[5] == '>'
        && byte.TryParse(token.AsSpan(3, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out byte value) ? value : null;

    private static void Flush(List<byte> bytes, List<string> into)
    {
        try
        {
            if (bytes.Count > 0) into.Add(Strict.GetString([.. bytes]));
        }
        catch (DecoderFallbackException)
        {
            into.AddRange(Enumerable.Repeat("\uFFFD", bytes.Count));
        }

        bytes.Clear();
    }
}

/// <summary>Takes a letter off the ends of each token, at most so many times.</summary>
internal sealed class StripDecoder(string content, int start, int stop) : Decoder
{
    public override List<string> Decode(List<string> tokens) => [.. tokens.Select(Strip)];

    private string Strip(string token)
    {
        for (int i = 0; i < start && token.StartsWith(content, StringComparison.Ordinal); i++) token = token[content.Length..];
        for (int i = 0; i < stop && token.EndsWith(content, StringComparison.Ordinal); i++) token = token[..^content.Length];
        return token;
    }
}

/// <summary>Joins what starts with a prefix to the token before it, and puts a space before everything else.</summary>
internal sealed class WordPieceDecoder(string prefix, bool cleanup) : Decoder
{
    public override List<string> Decode(List<string> tokens) => [.. tokens.Select(Decode)];

    private string Decode(string token, int index)
    {
        if (index > 0) token = token.StartsWith(prefix, StringComparison.Ordinal) ? token[prefix.Length..] : $" {token}";
        return cleanup ? Clean(token) : token;
    }

    private static string Clean(string token)
    {
        (string Of, string By)[] replacements =
        [
            (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"), (" 'm", "'m"), (" do not", " don't"), (" 's", "'s"), (" 've", "'ve"),
            (" 're", "'re"),
        ];
        foreach (var (of, by) in replacements) token = token.Replace(of, by, StringComparison.Ordinal);
        return token;
    }
}
