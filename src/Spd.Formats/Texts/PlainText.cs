using System.Text;

namespace Spd.Formats;

/// <summary>A plain text, in parts that tokenizers cut no word of: a part ends with a line, or else before a space.</summary>
internal static class PlainText
{
    /// <summary>The most characters of a part.</summary>
    public const int LongestPart = 1 << 16;

    /// <summary>Reads the parts of one document.</summary>
    /// <param name="content">The text in UTF-8, or in UTF-16 where its first two bytes say so.</param>
    public static IEnumerable<TextPart> Read(Stream content)
    {
        using var reader = new StreamReader(content, new UTF8Encoding(false, throwOnInvalidBytes: true), detectEncodingFromByteOrderMarks: true, bufferSize: 1 << 16, leaveOpen: true);
        // One more than a part, so that it is known what follows.
        char[] buffer = new char[LongestPart + 1];
        int count = 0;
        while (true)
        {
            count += reader.ReadBlock(buffer, count, buffer.Length - count);
            if (buffer.AsSpan(0, count).Contains('\0')) throw new FormatException("it is no text: it holds characters of the value 0");
            if (count < buffer.Length) break;
            int end = EndOfPart(buffer);
            yield return new TextPart(new string(buffer, 0, end), false);
            count -= end;
            buffer.AsSpan(end, count).CopyTo(buffer);
        }

        if (count > 0) yield return new TextPart(new string(buffer, 0, count), true);
    }

    private static int EndOfPart(ReadOnlySpan<char> text)
    {
        // White space before a word is cut differently from white space at an end: only a single line break is the same in both.
        for (int i = text.Length - 1; i > 1; i--)
            if (text[i - 1] == '\n' && !char.IsWhiteSpace(text[i]) && !char.IsWhiteSpace(text[i - 2])) return i;
        for (int i = text.Length - 1; i > 1; i--)
            if (char.IsWhiteSpace(text[i]) && !char.IsWhiteSpace(text[i - 1])) return i;
        return char.IsLowSurrogate(text[^1]) ? text.Length - 2 : text.Length - 1;
    }
}
