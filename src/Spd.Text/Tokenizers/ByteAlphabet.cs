using System.Text;

namespace Spd.Text;

/// <summary>GPT-2's alphabet: a visible character for each byte. Printable bytes are themselves, the others follow from U+0100 on, so a space is <c>Ġ</c>.</summary>
internal static class ByteAlphabet
{
    private static readonly char[] LetterOfByte = Letters();
    private static readonly Dictionary<char, byte> ByteOfLetter = Enumerable.Range(0, 256).ToDictionary(value => LetterOfByte[value], value => (byte)value);

    /// <summary>What stands for a space.</summary>
    public const char Space = '\u0120';

    /// <summary>The bytes of a token; those of its own text where it is not of this alphabet.</summary>
    public static byte[] BytesOf(string token) =>
        token.All(ByteOfLetter.ContainsKey) ? [.. token.Select(letter => ByteOfLetter[letter])] : Encoding.UTF8.GetBytes(token);

    /// <summary>A piece cut in parts, each in this alphabet; every byte of a letter stands for the whole letter's place.</summary>
    /// <param name="piece">The piece.</param>
    /// <param name="parts">Its parts, one behind the other.</param>
    /// <param name="into">The parts in the alphabet are added to it.</param>
    public static void Spell(Piece piece, List<(int Start, int End)> parts, List<Piece> into)
    {
        var text = piece.Span;
        char[] letters = new char[Encoding.UTF8.GetByteCount(text)];
        var extents = piece.HasExtents ? new Extent[letters.Length] : [];
        var whole = new Piece(letters, extents, piece.HasExtents, piece.IsFirst);
        Span<byte> bytes = stackalloc byte[4];
        int count = 0;
        foreach (var (start, end) in parts)
        {
            int first = count;
            for (int i = start; i < end; i++)
            {
                int before = count, units = char.IsHighSurrogate(text[i]) ? 2 : 1;
                if (text[i] < 0x80)
                {
                    letters[count++] = LetterOfByte[text[i]];
                }
                else
                {
                    foreach (byte value in bytes[..Encoding.UTF8.GetBytes(text.Slice(i, units), bytes)]) letters[count++] = LetterOfByte[value];
                }

                if (piece.HasExtents) extents.AsSpan(before..count).Fill(piece.Extents.Span[i]);
                i += units - 1;
            }

            if (count > first) into.Add(whole.Slice(first, count - first));
        }
    }

    private static char[] Letters()
    {
        char[] letters = new char[256];
        char next = '\u0100';
        for (int value = 0; value < 256; value++)
            letters[value] = value is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or >= 0xAE ? (char)value : next++;
        return letters;
    }
}
