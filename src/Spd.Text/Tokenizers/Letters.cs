using System.Globalization;
using System.Text;

namespace Spd.Text;

/// <summary>Kinds of letters, as the reference tells them apart.</summary>
internal static class Letters
{
    private const int ZeroWidthNonJoiner = 0x200C, ZeroWidthJoiner = 0x200D;

    /// <summary>Punctuation by Unicode, and the symbols of ASCII.</summary>
    public static bool IsPunctuation(Rune letter) =>
        letter.IsAscii ? !Rune.IsLetterOrDigit(letter) && letter.Value is > ' ' and < 127
        : Rune.GetUnicodeCategory(letter) is >= UnicodeCategory.ConnectorPunctuation and <= UnicodeCategory.OtherPunctuation;

    /// <summary>Numbers of any kind, fractions and Roman ones too.</summary>
    public static bool IsNumeric(Rune letter) =>
        Rune.GetUnicodeCategory(letter) is UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber;

    /// <summary>A mark that takes no room of its own.</summary>
    public static bool IsNonSpacingMark(Rune letter) => !letter.IsAscii && Rune.GetUnicodeCategory(letter) == UnicodeCategory.NonSpacingMark;

    /// <summary>A mark of any kind.</summary>
    public static bool IsMark(Rune letter) =>
        !letter.IsAscii && Rune.GetUnicodeCategory(letter) is UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.EnclosingMark;

    /// <summary>A control character but tabulator and line ends, and what hides.</summary>
    public static bool IsControl(Rune letter) =>
        letter.Value is not ('\t' or '\n' or '\r')
        && Rune.GetUnicodeCategory(letter) is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.PrivateUse;

    /// <summary>Part of a word, <c>\w</c> of Unicode: letters, marks, digits, connectors, joiners.</summary>
    public static bool IsOfWord(Rune letter) => Rune.GetUnicodeCategory(letter) switch
    {
        UnicodeCategory.UppercaseLetter or UnicodeCategory.LowercaseLetter or UnicodeCategory.TitlecaseLetter or UnicodeCategory.ModifierLetter
            or UnicodeCategory.OtherLetter or UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.EnclosingMark
            or UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.ConnectorPunctuation => true,
        // Letters in circles and squares are symbols that count as letters.
        UnicodeCategory.OtherSymbol => letter.Value is (>= 0x24B6 and <= 0x24E9) or (>= 0x1F130 and <= 0x1F149) or (>= 0x1F150 and <= 0x1F169)
            or (>= 0x1F170 and <= 0x1F189),
        _ => letter.Value is ZeroWidthNonJoiner or ZeroWidthJoiner,
    };

    /// <summary>Of the blocks that BERT takes for Chinese.</summary>
    public static bool IsChinese(Rune letter) => letter.Value is (>= 0x4E00 and <= 0x9FFF) or (>= 0x3400 and <= 0x4DBF) or (>= 0x20000 and <= 0x2A6DF)
        or (>= 0x2A700 and <= 0x2B73F) or (>= 0x2B740 and <= 0x2B81F) or (>= 0x2B920 and <= 0x2CEAF) or (>= 0xF900 and <= 0xFAFF) or (>= 0x2F800 and <= 0x2FA1F);
}
