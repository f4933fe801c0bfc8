using System.Globalization;
using System.Text;

namespace Spd.Text;

/// <summary>
/// The normalisation forms of Unicode (annex 15), from a table of our own: .NET normalises nothing where it is built without cultures, as this program is, and
/// the reference also says of every letter how many it came from, which places of tokens depend on.
/// </summary>
internal static class UnicodeNormalization
{
    private const int FirstSyllable = 0xAC00, FirstLead = 0x1100, FirstVowel = 0x1161, BeforeTrail = 0x11A7;
    private const int Leads = 19, Vowels = 21, Trails = 28, Syllables = Leads * Vowels * Trails;

    private static readonly Lazy<Table> Data = new(() => new Table());

    /// <summary>Normalises a piece.</summary>
    /// <param name="piece">The piece.</param>
    /// <param name="isCompatible">Whether letters that are only compatible, such as ligatures, are decomposed too (NFKD, NFKC).</param>
    /// <param name="isComposed">Whether they are put together again (NFC, NFKC).</param>
    public static Piece Normalize(Piece piece, bool isCompatible, bool isComposed)
    {
        // No letter before U+00A0 changes, nor before U+0300 where only letters with marks of their own do and are put together again.
        char first = isCompatible ? '\u00A0' : isComposed ? '\u0300' : '\u00C0';
        if (!piece.Span.ContainsAnyInRange(first, char.MaxValue)) return piece;
        var letters = Decompose(piece.Span, isCompatible);
        if (isComposed) letters = Compose(letters);
        var builder = new PieceBuilder(piece);
        foreach (var (letter, change) in letters) builder.Put(new Rune(letter), change);
        return builder.ToPiece();
    }

    private static List<(int Letter, int Change)> Decompose(ReadOnlySpan<char> text, bool isCompatible)
    {
        var letters = new List<(int Letter, int Change)>(text.Length + 8);
        int firstMark = 0;
        var parts = new List<int>();
        foreach (var letter in text.EnumerateRunes())
        {
            parts.Clear();
            AddParts(letter.Value, isCompatible, parts);
            for (int i = 0; i < parts.Count; i++)
            {
                if (Data.Value.ClassOf(parts[i]) == 0)
                {
                    Sort(letters, firstMark);
                    firstMark = letters.Count + 1;
                }

                letters.Add((parts[i], i == 0 ? 0 : 1));
            }
        }

        Sort(letters, firstMark);
        return letters;
    }

    private static void AddParts(int letter, bool isCompatible, List<int> into)
    {
        int syllable = letter - FirstSyllable;
        if (syllable is >= 0 and < Syllables)
        {
            into.Add(FirstLead + syllable / (Vowels * Trails));
            into.Add(FirstVowel + syllable / Trails % Vowels);
            if (syllable % Trails != 0) into.Add(BeforeTrail + syllable % Trails);
        }
        else if (Data.Value.PartsOf(letter, isCompatible) is { } parts)
        {
            foreach (int part in parts) AddParts(part, isCompatible, into);
        }
        else
        {
            into.Add(letter);
        }
    }

    /// <summary>Puts the marks from a place on in the order of their classes; those of one class stay in theirs.</summary>
    private static void Sort(List<(int Letter, int Change)> letters, int firstMark)
    {
        if (letters.Count - firstMark < 2) return;
        var sorted = letters.Skip(firstMark).OrderBy(mark => Data.Value.ClassOf(mark.Letter)).ToList();
        for (int i = 0; i < sorted.Count; i++) letters[firstMark + i] = sorted[i];
    }

    private static List<(int Letter, int Change)> Compose(List<(int Letter, int Change)> letters)
    {
        var composed = new List<(int Letter, int Change)>(letters.Count);
        int starter = -1, lastClass = -1;
        foreach (var (letter, change) in letters)
        {
            int combiningClass = Data.Value.ClassOf(letter);
            // A letter is blocked from the starter where one of its own class or of a higher one, or another starter, stands between.
            if (starter >= 0 && (lastClass < combiningClass || composed.Count == starter + 1) && Pair(composed[starter].Letter, letter) is { } pair)
            {
                composed[starter] = (pair, composed[starter].Change + change - 1);
                continue;
            }

            if (combiningClass == 0) starter = composed.Count;
            lastClass = combiningClass;
            composed.Add((letter, change));
        }

        return composed;
    }

    private static int? Pair(int first, int second)
    {
        if (first is >= FirstLead and < FirstLead + Leads && second is >= FirstVowel and < FirstVowel + Vowels)
            return FirstSyllable + ((first - FirstLead) * Vowels + second - FirstVowel) * Trails;
        if (first is >= FirstSyllable and < FirstSyllable + Syllables && (first - FirstSyllable) % Trails == 0 && second is > BeforeTrail and < BeforeTrail + Trails)
            return first + second - BeforeTrail;
        return Data.Value.Compositions.TryGetValue((first, second), out int pair) ? pair : null;
    }

    /// <summary>What the file beside this one says.</summary>
    private sealed class Table
    {
        private readonly Dictionary<int, byte> _classes = [];
        private readonly Dictionary<int, int[]> _canonical = [], _compatible = [];

        public Table()
        {
            using var reader = new StreamReader(typeof(Table).Assembly.GetManifestResourceStream("UnicodeNormalization.txt")!);
            while (reader.ReadLine() is { } line)
            {
                if (line.StartsWith('#')) continue;
                string[] fields = line.Split(';');
                int letter = Hexadecimal(fields[0]);
                if (fields[1] != "0") _classes[letter] = byte.Parse(fields[1]);
                if (fields[2].Length == 0) continue;
                int[] parts = [.. fields[2].TrimStart('<', '!').Split(' ').Select(Hexadecimal)];
                (fields[2][0] == '<' ? _compatible : _canonical)[letter] = parts;
                if (char.IsAsciiHexDigit(fields[2][0])) Compositions[(parts[0], parts[1])] = letter;
            }

            static int Hexadecimal(string text) => int.Parse(text, NumberStyles.HexNumber);
        }

        /// <summary>The letters that two make.</summary>
        public Dictionary<(int First, int Second), int> Compositions { get; } = [];

        public int ClassOf(int letter) => letter < 0x300 ? 0 : _classes.GetValueOrDefault(letter);

        public int[]? PartsOf(int letter, bool isCompatible) =>
            _canonical.TryGetValue(letter, out int[]? parts) || (isCompatible && _compatible.TryGetValue(letter, out parts)) ? parts : null;
    }
}
