using System.Numerics;
using Parquet;
using Parquet.Schema;

namespace Spd.Formats;

/// <summary>A table in Apache Parquet. What it holds is known from its last bytes; columns are read one by one.</summary>
internal sealed class ParquetTable : ITable
{
    // A column that repeats one value takes next to nothing, so that rows alone say little; but memory is taken for each.
    private const long RowsOfAnyFile = 1 << 20;

    private readonly FileStream _file;
    private readonly ParquetReader _reader;
    private readonly DataField?[] _fields;
    private readonly int _rows;

    /// <summary>Reads what a file holds.</summary>
    /// <param name="file">The file, which is disposed of with this.</param>
    public ParquetTable(FileStream file)
    {
        _file = file;
        ParquetFooter.Check(file);
        (_reader, _fields, _rows) = Guarded(() =>
        {
            var reader = ParquetReader.CreateAsync(new EndedFile(file), leaveStreamOpen: true).GetAwaiter().GetResult();
            long rows = 0;
            foreach (var group in reader.Metadata!.RowGroups)
            {
                rows += group.NumRows;
                if (group.NumRows < 0 || rows > Math.Min(Array.MaxLength, RowsOfAnyFile + file.Length * CheckedZip.LargestRatio))
                    throw new FormatException($"it claims {rows} rows, more than a file of {file.Length} bytes can hold; it is damaged");
            }

            if (reader.Schema.Fields.Count > ITable.MostColumns)
                throw new FormatException($"it has {reader.Schema.Fields.Count} columns; at most {ITable.MostColumns} are read");
            return (reader, reader.Schema.Fields.Select(field => field as DataField).ToArray(), (int)rows);
        });
        Tensors = [.. _reader.Schema.Fields.Select(Info)];
        if (_rows == 0 || Tensors.Count == 0) throw new FormatException("it holds no rows");
    }

    public string Format => "table (Apache Parquet)";

    public IReadOnlyList<TensorInfo> Tensors { get; }

    public bool HasNames => true;

    /// <summary>Whether they are a Parquet file's first bytes.</summary>
    public static bool IsParquet(ReadOnlySpan<byte> start) => start.StartsWith("PAR1"u8);

    public float[] Read(int index) => Read([index]);

    public float[] Read(IReadOnlyList<int> columns) => Guarded(() =>
    {
        float[] values = new float[(long)_rows * columns.Count];
        for (int i = 0; i < columns.Count; i++)
        {
            var field = _fields[columns[i]]!;
            int row = 0;
            foreach (double? value in Numbers(field))
            {
                float number = value is { } there ? (float)there : throw new FormatException($"its column {Quoted.Of(field.Name)} has no value in row {row}");
                if (float.IsInfinity(number) && double.IsFinite(value.Value))
                    throw new FormatException($"its column {Quoted.Of(field.Name)} holds {value:G3} in row {row}, which is beyond the range of float32");
                values[(long)row++ * columns.Count + i] = number;
            }

            if (row != _rows) throw new FormatException($"its column {Quoted.Of(field.Name)} has {row} values instead of {_rows}");
        }

        return values;
    });

    public (IReadOnlyList<string> Texts, int[] Rows) ReadTexts(int column, int most)
    {
        var texts = new TextColumn(_rows, most);
        foreach (var (row, value) in ReadTexts(column).Index())
            texts.Add((value ?? throw new FormatException($"its column {Quoted.Of(Tensors[column].Name)} has no value in row {row}")).AsSpan().Trim());
        return texts.Sorted();
    }

    /// <summary>The texts of a column, one row after the other; a group of rows is in memory at a time.</summary>
    public IEnumerable<string?> ReadTexts(int column)
    {
        foreach (int number in Enumerable.Range(0, _reader.RowGroupCount))
        {
            string?[] values = Guarded(() =>
            {
                var group = _reader.OpenRowGroupReader(number);
                string?[] read = new string?[group.RowCount];
                group.ReadAsync(_fields[column]!, read.AsMemory()!).AsTask().GetAwaiter().GetResult();
                return read;
            });
            foreach (string? value in values) yield return value;
        }
    }

    public void Dispose()
    {
        _reader.DisposeAsync().AsTask().GetAwaiter().GetResult();
        _file.Dispose();
    }

    private IEnumerable<ParquetRowGroupReader> Groups() => Enumerable.Range(0, _reader.RowGroupCount).Select(_reader.OpenRowGroupReader);

    private TensorInfo Info(Field field)
    {
        if (field is not DataField { IsArray: false } column)
            return new TensorInfo(field.Name, [_rows], "nested") { Unreadable = $"its column {Quoted.Of(field.Name)} has lists or fields in its cells: save each as a column of its own" };
        string? type = Types.GetValueOrDefault(column.ClrType);
        return new TensorInfo(field.Name, [_rows], type ?? column.ClrType.Name)
        {
            Unreadable = type is null ? $"its column {Quoted.Of(field.Name)} holds no numbers, but values of the type {column.ClrType.Name}"
                : type == ITable.Text ? $"its column {Quoted.Of(field.Name)} holds texts, no numbers"
                : null,
        };
    }

    private static readonly Dictionary<Type, string> Types = new()
    {
        [typeof(double)] = "float64",
        [typeof(float)] = "float32",
        [typeof(long)] = "int64",
        [typeof(ulong)] = "uint64",
        [typeof(int)] = "int32",
        [typeof(uint)] = "uint32",
        [typeof(short)] = "int16",
        [typeof(ushort)] = "uint16",
        [typeof(sbyte)] = "int8",
        [typeof(byte)] = "uint8",
        [typeof(bool)] = "bool",
        [typeof(decimal)] = "decimal",
        [typeof(string)] = ITable.Text,
        // So the library calls texts that are in UTF-8.
        [typeof(ReadOnlyMemory<char>)] = ITable.Text,
    };

    private IEnumerable<double?> Numbers(DataField field) => field.ClrType switch
    {
        var type when type == typeof(double) => Numbers<double>(field),
        var type when type == typeof(float) => Numbers<float>(field),
        var type when type == typeof(long) => Numbers<long>(field),
        var type when type == typeof(ulong) => Numbers<ulong>(field),
        var type when type == typeof(int) => Numbers<int>(field),
        var type when type == typeof(uint) => Numbers<uint>(field),
        var type when type == typeof(short) => Numbers<short>(field),
        var type when type == typeof(ushort) => Numbers<ushort>(field),
        var type when type == typeof(sbyte) => Numbers<sbyte>(field),
        var type when type == typeof(byte) => Numbers<byte>(field),
        var type when type == typeof(decimal) => Numbers<decimal>(field),
        _ => Values<bool>(field).Select(value => value is { } flag ? flag ? 1 : 0 : (double?)null),
    };

    private IEnumerable<double?> Numbers<T>(DataField field) where T : struct, INumberBase<T> =>
        Values<T>(field).Select(value => value is { } number ? double.CreateChecked(number) : (double?)null);

    private IEnumerable<T?> Values<T>(DataField field) where T : struct
    {
        foreach (var group in Groups())
        {
            if (field.IsNullable)
            {
                var values = new T?[group.RowCount];
                group.ReadAsync(field, values.AsMemory()).AsTask().GetAwaiter().GetResult();
                foreach (var value in values) yield return value;
            }
            else
            {
                var values = new T[group.RowCount];
                group.ReadAsync(field, values.AsMemory()).AsTask().GetAwaiter().GetResult();
                foreach (var value in values) yield return value;
            }
        }
    }

    /// <summary>What goes wrong inside a damaged file, the library reports in any way.</summary>
    private static T Guarded<T>(Func<T> read)
    {
        try
        {
            return read();
        }
        catch (OutOfMemoryException exception)
        {
            // The library takes the memory that a page's first bytes claim.
            throw new FormatException("it claims more memory than there is; it is damaged, or too large for this machine", exception);
        }
        catch (Exception exception) when (exception is not FormatException)
        {
            throw new FormatException("it is a damaged Parquet file, or one of a kind that is not read", exception);
        }
    }
}
