namespace Spd.Formats;

/// <summary>A file of columns with names, of numbers or of texts; each is listed as an array of as many elements as there are rows.</summary>
internal interface ITable : IWeightReader
{
    /// <summary>The type of a column of texts.</summary>
    const string Text = "text";

    /// <summary>The most columns that are read.</summary>
    const int MostColumns = 100_000;

    /// <summary>Whether the file names its columns; otherwise they are called by their numbers from 0.</summary>
    bool HasNames { get; }

    /// <summary>Columns of numbers beside one another, row-major <c>[rows, columns]</c>.</summary>
    float[] Read(IReadOnlyList<int> columns);

    /// <summary>The different texts of a column in the order of their characters, and for each row the number of its own.</summary>
    /// <param name="column">The column.</param>
    /// <param name="most">How many different ones there may be.</param>
    (IReadOnlyList<string> Texts, int[] Rows) ReadTexts(int column, int most);
}

/// <summary>Gathers the texts of a column.</summary>
/// <param name="rows">Its rows.</param>
/// <param name="most">How many different ones there may be.</param>
internal sealed class TextColumn(int rows, int most)
{
    private readonly Dictionary<string, int> _numbers = new(StringComparer.Ordinal);
    private readonly int[] _rows = new int[rows];
    private int _count;

    /// <summary>Adds the text of the next row.</summary>
    public void Add(ReadOnlySpan<char> text)
    {
        if (_count == _rows.Length) throw new FormatException("it was changed while it was read");
        var numbers = _numbers.GetAlternateLookup<ReadOnlySpan<char>>();
        if (!numbers.TryGetValue(text, out int number))
        {
            number = _numbers.Count;
            if (number == most)
                throw new FormatException($"it holds more than {most} different texts, {Quoted.List(_numbers.Keys.Append(text.ToString()).Reverse().Take(3))} among them");
            numbers[text] = number;
        }

        _rows[_count++] = number;
    }

    /// <summary>The different texts in order, and the number of each row's.</summary>
    public (IReadOnlyList<string> Texts, int[] Rows) Sorted()
    {
        string[] texts = [.. _numbers.Keys.Order(StringComparer.Ordinal)];
        int[] places = new int[texts.Length];
        for (int place = 0; place < texts.Length; place++) places[_numbers[texts[place]]] = place;
        return (texts, [.. _rows.Select(number => places[number])]);
    }
}
