using System.Globalization;
using System.Text;
using nietras.SeparatedValues;

namespace Spd.Formats;

/// <summary>
/// A table as text, a row a line: cells between commas, semicolons, tabs or bars, possibly in quotation marks; or numbers between single spaces. The whole
/// file is looked at once when it is opened, a line at a time, to know how many rows there are and which columns are numbers.
/// </summary>
internal sealed class CsvTable : ITable
{
    private const int StartLength = 1 << 16;

    private static readonly string[] Missing = ["", "NA", "N/A", "null", "none", "?"];

    private readonly FileStream _file;
    private readonly bool _isCompressed;
    private readonly char _separator;
    private readonly int _rows;

    /// <summary>Looks through a file.</summary>
    /// <param name="file">The file, which is disposed of with this.</param>
    /// <param name="isCompressed">Whether it is a gzip file.</param>
    public CsvTable(FileStream file, bool isCompressed)
    {
        (_file, _isCompressed) = (file, isCompressed);
        _separator = FindSeparator();
        (Tensors, HasNames, _rows) = Scan();
    }

    private enum Cell { Number, Missing, Text }

    public string Format => "table of text (CSV)";

    public IReadOnlyList<TensorInfo> Tensors { get; }

    public bool HasNames { get; }

    /// <summary>Whether the start of a file can be that of a text.</summary>
    public static bool IsText(ReadOnlySpan<byte> start)
    {
        foreach (byte letter in start)
            if (letter < ' ' && letter is not ((byte)'\t' or (byte)'\r' or (byte)'\n')) return false;
        return start.Length > 0;
    }

    public float[] Read(int index) => Read([index]);

    public float[] Read(IReadOnlyList<int> columns)
    {
        float[] values = new float[(long)_rows * columns.Count];
        int at = 0;
        ForEachRow((line, row) =>
        {
            if (at == values.Length) throw Changed();
            foreach (int column in columns)
            {
                var cell = column < row.ColCount ? row[column].Span.Trim() : throw Changed();
                if (KindOf(cell, out double number) != Cell.Number) throw Changed();
                values[at++] = (float)number;
                if (float.IsInfinity(values[at - 1]))
                    throw new FormatException($"its column {Quoted.Of(Tensors[column].Name)} holds {Quoted.Of(cell.ToString())} in line {line}, which is beyond the range of float32");
            }
        }, HasNames);
        return at == values.Length ? values : throw Changed();
    }

    public (IReadOnlyList<string> Texts, int[] Rows) ReadTexts(int column, int most)
    {
        var texts = new TextColumn(_rows, most);
        ForEachRow((line, row) =>
        {
            var cell = column < row.ColCount ? row[column].Span.Trim() : throw Changed();
            if (cell.IsEmpty) throw new FormatException($"its column {Quoted.Of(Tensors[column].Name)} is empty in line {line}");
            texts.Add(cell);
        }, HasNames);
        return texts.Sorted();
    }

    public void Dispose() => _file.Dispose();

    private static FormatException Changed() => new("it was changed while it was read");

    private static Cell KindOf(ReadOnlySpan<char> cell, out double number)
    {
        if (double.TryParse(cell, NumberStyles.Float, CultureInfo.InvariantCulture, out number)) return double.IsFinite(number) ? Cell.Number : Cell.Missing;
        foreach (string missing in Missing)
            if (cell.Equals(missing, StringComparison.OrdinalIgnoreCase)) return Cell.Missing;
        return Cell.Text;
    }

    private (IReadOnlyList<TensorInfo> Columns, bool HasNames, int Rows) Scan()
    {
        Column[] columns = [];
        string[] first = [];
        long rows = 0, firstLine = 0;
        bool isZerosAndOnes = true;
        ForEachRow((line, row) =>
        {
            if (rows++ == 0)
            {
                if (row.ColCount > ITable.MostColumns) throw new FormatException($"it has {row.ColCount} columns; at most {ITable.MostColumns} are read");
                (columns, first, firstLine) = (new Column[row.ColCount], new string[row.ColCount], line);
                for (int i = 0; i < first.Length; i++) first[i] = row[i].Span.Trim().ToString();
                return;
            }

            if (row.ColCount != columns.Length)
            {
                throw new FormatException(
                    $"line {line} has {row.ColCount} cells, but the first has {columns.Length}{(columns.Length == 1 ? "" : $", between '{Name(_separator)}'")}: "
                    + "cells that hold the separator, or a line's end, must stand in quotation marks");
            }

            for (int i = 0; i < columns.Length; i++)
            {
                var cell = row[i].Span.Trim();
                columns[i].Add(KindOf(cell, out double number), cell, line);
                isZerosAndOnes &= number is 0 or 1;
                columns[i].HasFirst |= cell.SequenceEqual(first[i]);
            }
        }, skipFirst: false);
        bool hasNames = HasNamesIn(first, columns, isZerosAndOnes);
        if (hasNames) rows--;
        if (rows < 1) throw new FormatException("it is a text, but no table with rows of numbers");
        if (rows > Array.MaxLength) throw new FormatException($"it has {rows} rows; at most {Array.MaxLength} are read");
        var infos = new TensorInfo[columns.Length];
        for (int i = 0; i < columns.Length; i++)
        {
            if (!hasNames) columns[i].Add(KindOf(first[i], out _), first[i], firstLine);
            infos[i] = columns[i].Info(hasNames ? first[i] : i.ToString(CultureInfo.InvariantCulture), (int)rows);
        }

        return (infos, hasNames, (int)rows);
    }

    /// <summary>
    /// The first line is names where a column is numbers below a text; or where no cell of it is a number and none comes again below; or where it counts from 0,
    /// as pandas calls columns without names (which a row of a single 1 among zeros does as well).
    /// </summary>
    private static bool HasNamesIn(string[] first, Column[] columns, bool isZerosAndOnes)
    {
        var kinds = first.Select(cell => KindOf(cell, out _)).ToList();
        if (kinds.Index().Any(column => column.Item == Cell.Text && columns[column.Index].IsNumbers)) return true;
        if (!kinds.Contains(Cell.Number)) return kinds.Contains(Cell.Text) && !columns.Any(column => column.HasFirst);
        var numbers = first[0].Length == 0 ? first[1..] : first;
        return numbers.Length > 1 && !isZerosAndOnes && numbers.Index().All(cell => cell.Item == cell.Index.ToString(CultureInfo.InvariantCulture));
    }

    private char FindSeparator()
    {
        _file.Position = 0;
        byte[] bytes = new byte[StartLength];
        string start = WithContent(content => Encoding.UTF8.GetString(bytes, 0, content.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false)));
        if (start.TrimStart('\uFEFF', ' ', '\t', '\r', '\n') is ['{' or '[', ..]) throw new FormatException("it is a text in JSON: save the table as CSV, or with numpy.save");
        string[] lines = [.. Lines(start).Take(2)];
        foreach (char separator in (char[])['\t', ';', ',', '|'])
            if (lines.Length > 0 && lines[0].Contains(separator) && lines.All(line => line.Count(separator) == lines[0].Count(separator))) return separator;
        bool isOfNumbers = lines.Length > 0 && lines[0].Trim().Split(' ') is { Length: > 1 } words && words.All(word => KindOf(word, out _) == Cell.Number);
        return isOfNumbers ? ' ' : lines.Length > 0 && lines[0].IndexOfAny(['\t', ';', ',', '|']) is >= 0 and var at ? lines[0][at] : ',';
    }

    /// <summary>The lines of a text, of which what stands in quotation marks is left out.</summary>
    private static IEnumerable<string> Lines(string text)
    {
        var line = new StringBuilder();
        bool isQuoted = false;
        foreach (char letter in text)
        {
            if (letter == '"') isQuoted = !isQuoted;
            else if (!isQuoted && letter is '\n' or '\r')
            {
                if (line.Length > 0) yield return line.ToString();
                line.Clear();
            }
            else if (!isQuoted) line.Append(letter);
        }

        if (line.Length > 0) yield return line.ToString();
    }

    private static string Name(char separator) => separator switch { '\t' => "tab", ' ' => "space", _ => separator.ToString() };

    private delegate void RowAction(long line, SepReader.Row row);

    /// <summary>Goes through the rows. Empty lines may stand at the end.</summary>
    private void ForEachRow(RowAction action, bool skipFirst) => WithContent(content =>
    {
        try
        {
            using var text = new StreamReader(content, new UTF8Encoding(false, throwOnInvalidBytes: true), detectEncodingFromByteOrderMarks: false, leaveOpen: true);
            if (text.Peek() == '\uFEFF') _ = text.Read();
            using var reader = Sep.New(_separator).Reader(options => options with { HasHeader = false, DisableColCountCheck = true, Unescape = true }).From(text);
            long empty = 0;
            foreach (var row in reader)
            {
                long line = row.LineNumberToExcl - 1;
                if (row.ColCount == 1 && row[0].Span.Trim().IsEmpty)
                {
                    if (empty == 0) empty = line;
                    continue;
                }

                if (empty > 0) throw new FormatException($"line {empty} is empty");
                if (!skipFirst) action(line, row);
                skipFirst = false;
            }

            return true;
        }
        catch (NotSupportedException exception)
        {
            throw new FormatException("it has a row of more than 16 million characters: is a quotation mark not closed?", exception);
        }
        catch (DecoderFallbackException exception)
        {
            throw new FormatException("it is no text in UTF-8: save it so", exception);
        }
    });

    private T WithContent<T>(Func<Stream, T> read)
    {
        _file.Position = 0;
        if (!_isCompressed) return read(_file);
        using var content = new GzipContent(_file);
        return read(content);
    }

    private struct Column
    {
        private long _textLine, _missingLine;
        private string? _text, _missing;
        private bool _hasNumber;

        /// <summary>Whether a cell is the same as the first.</summary>
        public bool HasFirst;

        /// <summary>Whether there are numbers, and no texts.</summary>
        public readonly bool IsNumbers => _hasNumber && _text is null;

        public void Add(Cell kind, ReadOnlySpan<char> cell, long line)
        {
            _hasNumber |= kind == Cell.Number;
            if (kind == Cell.Text && (_text is null || line < _textLine)) (_text, _textLine) = (Short(cell), line);
            if (kind == Cell.Missing && (_missing is null || line < _missingLine)) (_missing, _missingLine) = (Short(cell), line);
        }

        public readonly TensorInfo Info(string name, int rows)
        {
            string? why = _text is not null
                ? $"holds {Quoted.Of(_text)} in line {_textLine}, which is no number{(_text.Contains(',') ? " (decimals stand behind a point)" : "")}"
                : _missing is "" ? $"is empty in line {_missingLine}"
                : _missing is not null ? $"holds {Quoted.Of(_missing)} in line {_missingLine}, which is no finite number"
                : null;
            return new TensorInfo(name, [rows], _text is null ? "float64" : ITable.Text) { Unreadable = why is null ? null : $"its column {Quoted.Of(name)} {why}" };
        }

        private static string Short(ReadOnlySpan<char> cell) => cell[..Math.Min(cell.Length, 200)].ToString();
    }
}
